"""Collect the levels of one transfer: one table, its training curves, and the record of the whole."""

import pandas as pd

from evotickets import jobs, results
from evotickets.systems.tickets import figures, summaries
from evotickets.systems.tickets.tables import TRANSFERS, source_of


def main(job, inputs, output, place, experiment, densities, levels, settings, seeds_count, **_):
    tables = [results.read_table(path, schema=TRANSFERS) for path in inputs.scores]
    scores = pd.concat(tables, ignore_index=True)
    results.write_table(output.scores, scores, schema=TRANSFERS, metadata=job.metadata)

    origin = source_of(place)
    source, target = " ".join(origin.values()), f"{place.task} {place.trainer}"
    histories = [results.read_table(path, schema=results.HISTORY) for path in inputs.histories]
    curves = summaries.training_curves(histories, [densities[level] for level in levels])
    step = summaries.step_name(settings)
    figures.transfer_training(curves, output.training_curves, f"{source} → {target}", step)

    cell = {"task": place.task, "trainer": place.trainer, "criterion": "transferred"}
    size = {"seeds": seeds_count, "levels": len(levels), "density": densities[levels[-1]]}
    job.record(
        output.record,
        system=experiment,
        kind="chain",
        name=f"{source} to {target}",
        parameters=cell | origin | size,
        metrics=summaries.score_means(scores) + [("density", level, densities[level]) for level in levels],
        artifacts=[output.scores, output.training_curves],
    )


with jobs.job(snakemake) as job:
    main(job, snakemake.input, snakemake.output, snakemake.wildcards, **job.params)
