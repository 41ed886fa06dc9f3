"""Draw the initial parameters of a task's network; all trainers and criteria start from them."""

from evotickets import devices, jobs, results
from evotickets.systems.tickets import levels as tickets
from evotickets.systems.tickets.problems import problem_of


def main(job, output, name, network, seed, seeds_count):
    _, description = problem_of(network, seed=seed, count=seeds_count)
    ticket = tickets.initialise(description, seeds_count, seed=seed, name=name)
    results.write_ticket(output, ticket, job.metadata)


with jobs.job(snakemake) as job:
    devices.configure(snakemake.threads)
    main(job, snakemake.output.ticket, snakemake.wildcards.task, **job.params)
