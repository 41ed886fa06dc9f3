"""Draw how much better tickets look that were chosen and pruned on the test set."""

from evotickets import jobs, results
from evotickets.systems.strong import figures

with jobs.job(snakemake):
    figures.strong_leak(results.read_table(snakemake.input.table, schema=results.STRONG), snakemake.output.figure)
