"""Draw score over density for one task: every criterion of each trainer, and all trainers side by side."""

from evotickets import jobs, results
from evotickets.systems.tickets import figures


def main(table, performance, strategies, task, compared):
    scores = results.read_table(table, schema=results.SCORES)
    scores = scores[scores["task"] == task]
    figures.performance(scores, performance)
    chosen = [scores["trainer"].eq(trainer) & scores["criterion"].eq(name) for trainer, name in compared.items()]
    figures.strategies(scores[sum(chosen) > 0], strategies)


with jobs.job(snakemake) as job:
    main(snakemake.input.table, **snakemake.output, task=snakemake.wildcards.task, **job.params)
