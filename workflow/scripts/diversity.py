"""Compare the trained tickets of all seeds of one chain with each other, and the signal-to-noise ratios of its levels."""

import numpy as np

from evotickets import devices, jobs, landscape, results, tasks
from evotickets.networks import masks
from evotickets.pruning import scores
from evotickets.systems.tickets import archive
from evotickets.systems.tickets import levels as tickets
from evotickets.systems.tickets.tables import DIVERSITY, SNR_CORRELATION


def main(job, paths, output, place, experiment, network, levels, densities, nested, seed):
    task = tickets.task_of(network, seed=seed)
    description = tickets.network_of(task, network)
    read = [archive.read_ticket(path, description) for path in paths]
    trained, members = [ticket for ticket, _ in read], read[0][1]
    cell = {"system": "tickets", "task": place.task, "trainer": place.trainer, "criterion": place.criterion}

    rows = []
    for level in levels:
        displacement = tickets.displacement(description, trained[level])
        found = {"cosine": landscape.cosine(displacement), "distance": landscape.distance(displacement)}
        found["jaccard"] = landscape.jaccard(trained[level].mask)
        if not tasks.is_control(network["task"]):
            classes = landscape.predictions(description, trained[level].mean, task.test.x)
            found["disagreement"] = landscape.disagreement(classes)
        rows += [
            cell | {"level": level, "density": densities[level], "measure": measure, "seed": members[first]}
            | {"other": members[second], "value": float(matrix[first, second])}
            for measure, matrix in found.items()
            for first, second in zip(*np.triu_indices(len(members), 1), strict=True)
        ]  # fmt: skip
    results.write_table(output.diversity, rows, schema=DIVERSITY, metadata=job.metadata)

    remembered = []
    # Only where masks are nested do the last survivors have a std at every level.
    if nested and trained[0].std is not None:
        kernels = masks.kernel_positions(description)
        ratios = np.stack([scores.score("snr", t.mean[:, kernels], t.std[:, kernels]) for t in trained])
        correlation = landscape.snr_correlation(ratios, trained[-1].mask)
        remembered = [
            cell | {"level": level, "density": density, "seed": member, "value": float(value)}
            for level, (density, row) in enumerate(zip(densities, correlation, strict=True))
            for member, value in zip(members, row, strict=True)
        ]
    results.write_table(output.snr_correlation, remembered, schema=SNR_CORRELATION, metadata=job.metadata)
    job.record_cost(output.record, system=experiment, seeds=len(members), densities={k: densities[k] for k in levels})


with jobs.job(snakemake) as job:
    devices.configure(snakemake.threads)
    main(job, snakemake.input.tickets, snakemake.output, snakemake.wildcards, **job.params)
