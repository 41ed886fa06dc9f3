"""Collect the levels of one transfer: one table, its training curves, and the record of the whole."""

import pandas as pd

from evotickets import jobs, results
from evotickets.systems.tickets import figures
from evotickets.systems.tickets.tables import TRANSFERS


def main(job, inputs, output, place, experiment, densities, levels, settings, seeds_count):
    tables = [results.read_table(path, schema=TRANSFERS) for path in inputs.scores]
    scores = pd.concat(tables, ignore_index=True)
    results.write_table(output.scores, scores, schema=TRANSFERS, metadata=job.metadata)

    origin = {f"source_{name}": place[f"source_{name}"] for name in ("task", "trainer", "criterion")}
    source, target = " ".join(origin.values()), f"{place.task} {place.trainer}"
    histories = [results.read_table(path, schema=results.HISTORY) for path in inputs.histories]
    curves = [table.assign(density=densities[level]) for level, table in zip(levels, histories, strict=True)]
    step = "generation" if "generations" in settings else "gradient step"
    figures.transfer_training(
        pd.concat(curves, ignore_index=True), output.training_curves, f"{source} → {target}", step
    )

    means = scores.groupby(["split", "metric", "level"], sort=True)["value"].mean()
    metrics = [(f"{split}/{metric}", int(level), float(value)) for (split, metric, level), value in means.items()]
    job.record(
        output.record,
        system=experiment,
        kind="chain",
        name=f"{source} to {target}",
        parameters={"task": place.task, "trainer": place.trainer, "criterion": "transferred"}
        | origin
        | jobs.shown(settings)
        | {"seeds": seeds_count, "levels": len(levels), "density": densities[levels[-1]]},
        metrics=metrics + [("density", level, densities[level]) for level in levels],
        artifacts=[output.scores, output.training_curves],
    )


with jobs.job(snakemake) as job:
    main(job, snakemake.input, snakemake.output, snakemake.wildcards, **job.params)
