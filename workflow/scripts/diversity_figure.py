"""Draw how different the trained tickets of several seeds are, on one task."""

from evotickets import jobs, results
from evotickets.systems.tickets import landscape_figures


def main(diversity, figure, task):
    pairs = results.read_table(diversity, schema=results.DIVERSITY)
    landscape_figures.diversity(pairs[pairs["task"] == task], figure, f"{task}: diversity of trained tickets")


with jobs.job(snakemake):
    main(snakemake.input.diversity, snakemake.output.figure, snakemake.wildcards.task)
