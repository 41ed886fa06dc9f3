"""Draw one task's accuracy over density and over compute, and how its masks change."""

from evotickets import jobs, results
from evotickets.systems.hybrid import figures


def main(table, performance, cost, churn, task):
    rows = results.read_table(table, schema=results.HYBRID)
    rows = rows[rows["task"] == task]
    figures.hybrid_performance(rows, performance)
    figures.hybrid_cost(rows, cost)
    figures.hybrid_churn(rows, churn)


with jobs.job(snakemake):
    main(snakemake.input.table, **snakemake.output, task=snakemake.wildcards.task)
