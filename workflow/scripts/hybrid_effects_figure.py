"""Draw how well updates of a mask agree with exact effects, over weights a member."""

from evotickets import jobs, results
from evotickets.systems.hybrid import figures

with jobs.job(snakemake):
    rows = results.read_table(snakemake.input.table, schema=results.HYBRID_EFFECTS)
    figures.hybrid_effects(rows, snakemake.output.figure)
