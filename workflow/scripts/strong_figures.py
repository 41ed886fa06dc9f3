"""Draw what seekers find in one family of tasks: accuracy over density, and the way there."""

from evotickets import jobs, results
from evotickets.systems.strong import figures


def main(table, history, fronts, progress, family, seekers):
    rows = results.read_table(table, schema=results.STRONG)
    figures.strong_fronts(rows[rows["family"] == family], fronts)
    way = results.read_table(history, schema=results.STRONG_HISTORY)
    objectives = {name: options["objective"] for name, options in seekers.items() if "objective" in options}
    figures.strong_progress(way[way["family"] == family], objectives, progress, family)


with jobs.job(snakemake) as job:
    paths = {**snakemake.input, **snakemake.output}
    main(**paths, family=snakemake.wildcards.family, **job.params)
