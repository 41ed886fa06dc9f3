"""Collect the levels of a chain: one table, its curves, and the record of the whole chain."""

import pandas as pd

from evotickets import jobs, results, statistics
from evotickets.systems.tickets import figures, summaries
from evotickets.systems.tickets.tables import SCORED, SCORES, chain_of


def main(job, inputs, output, place, experiment, densities, settings, seeds_count, **_):
    tables = [results.read_table(path, schema=SCORES) for path in inputs.scores]
    # The dense level is shared by all criteria: here it becomes part of this chain.
    scores = pd.concat(tables, ignore_index=True).assign(criterion=place.criterion)
    results.write_table(output.scores, scores, schema=SCORES, metadata=job.metadata)

    title = f"{place.task}, {place.trainer}, {place.criterion}"
    histories = [results.read_table(path, schema=results.HISTORY) for path in inputs.histories]
    curves = summaries.training_curves(histories, densities)
    figures.training_curves(curves, output.training_curves, title, summaries.step_name(settings))
    tickets = [results.read_ticket(path) for path in inputs.tickets]
    kept = summaries.layer_densities([ticket.mask for ticket in tickets], densities, tickets[0].seeds)
    figures.layer_densities(kept, output.layer_densities, title)

    metrics = summaries.score_means(scores)
    if seeds_count > 1:
        tested = scores[scores["split"].eq("test") & scores["metric"].isin(SCORED)]
        metrics.append(("matching_density", 0, statistics.matching_density(tested)))
    size = {"seeds": seeds_count, "levels": len(densities), "density": densities[-1]}
    job.record(
        output.record,
        system=experiment,
        kind="chain",
        parameters=chain_of(place) | size,
        metrics=metrics + [("density", level, density) for level, density in enumerate(densities)],
        artifacts=[output.scores, output.training_curves, output.layer_densities, *inputs.get("cut", [])],
    )


with jobs.job(snakemake) as job:
    main(job, snakemake.input, snakemake.output, snakemake.wildcards, **job.params)
