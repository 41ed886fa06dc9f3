"""Let one seeker look for one planted ticket at one density; measure what it found, before and after training."""

import numpy as np

from evotickets import devices, jobs, results
from evotickets.systems.planting import cells
from evotickets.systems.planting.tables import PLANTING, SCALES


def main(job, planted, scales, output, place, experiment, target, seeker, training, samples, seed):
    depth = int(place.depth)
    network = cells.network_of(target, depth)
    ticket = results.read_ticket(planted)
    parameters, mask = (ticket.flat(network, part) for part in ("initial", "mask"))
    factors = np.stack(results.read_table(scales, schema=SCALES)["scales"].tolist())
    ground = cells.Ground(parameters, mask, factors)
    found = cells.seek(target, depth, ground, seeker, place.density, count=samples, training=training, seed=seed)

    density = float(found.mask[0].mean())
    where = {"target": place.target, "family": target["target"], "noise": target["noise"], "depth": depth}
    where |= {"seeker": place.seeker, "asked": place.density, "density": density}
    rows = [{"system": "planting"} | where | row for row in found.rows]
    results.write_table(output.scores, rows, schema=PLANTING, metadata=job.metadata)
    masks = [{"seed": seed, "mask": mask} for seed, mask in zip(ticket.seeds, found.mask, strict=True)]
    results.write_table(output.mask, masks, schema=results.MASK, metadata=job.metadata)
    shown = {"task": place.target} | where | {"seeds": len(ticket.seeds), "kept": int(found.mask[0].sum())}
    del shown["target"]
    job.record(
        output.record,
        system=experiment,
        kind="cell",
        parameters=shown,
        metrics=[(name, 0, value) for name, value in cells.summary(found.rows).items()],
        artifacts=[output.scores, output.mask],
    )


with jobs.job(snakemake) as job:
    devices.configure(snakemake.threads)
    main(job, *snakemake.input, snakemake.output, snakemake.wildcards, **job.params)
