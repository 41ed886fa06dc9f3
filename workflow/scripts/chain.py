"""Collect the levels of a chain: one table, its curves, and the record of the whole chain."""

import pandas as pd

from evotickets import jobs, results, statistics
from evotickets.systems.tickets import figures
from evotickets.systems.tickets.tables import SCORES


def main(job, inputs, output, place, experiment, densities, settings, seeds_count):
    tables = [results.read_table(path, schema=SCORES) for path in inputs.scores]
    # The dense level is shared by all criteria: here it becomes part of this chain.
    scores = pd.concat(tables, ignore_index=True).assign(criterion=place.criterion)
    results.write_table(output.scores, scores, schema=SCORES, metadata=job.metadata)

    title = f"{place.task}, {place.trainer}, {place.criterion}"
    histories = [results.read_table(path, schema=results.HISTORY) for path in inputs.histories]
    curves = [table.assign(density=density) for table, density in zip(histories, densities, strict=True)]
    step = "generation" if "generations" in settings else "gradient step"
    figures.training_curves(pd.concat(curves, ignore_index=True), output.training_curves, title, step)
    kept = [
        {"density": density, "seed": seed, "layer": name.removesuffix("/kernel"), "layer_density": mask[row].mean()}
        for path, density in zip(inputs.tickets, densities, strict=True)
        for ticket in [results.read_ticket(path)]
        for name, mask in ticket.mask.items()
        for row, seed in enumerate(ticket.seeds)
    ]
    figures.layer_densities(pd.DataFrame(kept), output.layer_densities, title)

    means = scores.groupby(["split", "metric", "level"], sort=True)["value"].mean()
    metrics = [(f"{split}/{metric}", int(level), float(value)) for (split, metric, level), value in means.items()]
    if seeds_count > 1:
        tested = scores[scores["split"].eq("test") & scores["metric"].isin(["accuracy", "return"])]
        metrics.append(("matching_density", 0, statistics.matching_density(tested)))
    job.record(
        output.record,
        system=experiment,
        kind="chain",
        parameters={"task": place.task, "trainer": place.trainer, "criterion": place.criterion}
        | jobs.shown(settings)
        | {"seeds": seeds_count, "levels": len(densities), "density": densities[-1]},
        metrics=metrics + [("density", level, density) for level, density in enumerate(densities)],
        artifacts=[output.scores, output.training_curves, output.layer_densities, *inputs.get("cut", [])],
    )


with jobs.job(snakemake) as job:
    main(job, snakemake.input, snakemake.output, snakemake.wildcards, **job.params)
