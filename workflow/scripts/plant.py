"""Draw the mother networks of a target and depth, and plant the ticket in each; all seeds at once."""

import numpy as np

from evotickets import jobs
from evotickets.systems.planting import cells
from evotickets.systems.tickets import archive
from evotickets.systems.tickets import levels as tickets


def main(job, output, depth, target, seed, seeds_count):
    network = cells.network_of(target, depth)
    ground = cells.ground(target, depth, seed=seed, count=seeds_count)
    ticket = tickets.Ticket(ground.parameters, ground.mask, statistics={"scale": np.asarray(ground.scales)})
    archive.write_ticket(output, network, ticket, range(seeds_count), job.metadata)


with jobs.job(snakemake) as job:
    main(job, snakemake.output.planted, int(snakemake.wildcards.depth), **job.params)
