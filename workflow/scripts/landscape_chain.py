"""Draw the error on the lines between the trained tickets of one chain; write the record of all that lies around them."""

from evotickets import jobs, results
from evotickets.systems.tickets import landscape_figures, summaries
from evotickets.systems.tickets.tables import ERRORS, TABLES, chain_of


def main(job, inputs, output, place, experiment, densities, levels, seeds_count, **_):
    tables = {name: results.read_table(path, schema=TABLES[name]) for name, path in inputs.items()}
    lines = tables["connectivity"]
    drawn = lines[lines["split"].eq("test") & lines["metric"].isin(ERRORS)]
    landscape_figures.interpolation(drawn, output.figure, f"{place.task}, {place.trainer}, {place.criterion}")

    size = {"seeds": seeds_count, "levels": len(levels), "density": densities[levels[-1]]}
    job.record(
        output.record,
        system=experiment,
        kind="chain",
        parameters=chain_of(place) | size,
        metrics=[("density", level, densities[level]) for level in levels] + summaries.landscape_means(tables),
        artifacts=[*inputs, output.figure],
    )


with jobs.job(snakemake) as job:
    main(job, snakemake.input, snakemake.output, snakemake.wildcards, **job.params)
