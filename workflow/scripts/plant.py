"""Draw the mother networks of a target and depth, and plant the ticket in each; all seeds at once."""

from evotickets import jobs, results
from evotickets.planted import ground as grounds
from evotickets.systems.planting import cells
from evotickets.systems.planting.tables import SCALES


def main(job, output, depth, target, seed, seeds_count):
    network = cells.network_of(target, depth)
    ground = grounds.ground(target, depth, seed=seed, count=seeds_count)
    ticket = results.Ticket.of(network, range(seeds_count), ground.parameters, ground.mask)
    results.write_ticket(output.planted, ticket, job.metadata)
    rows = [{"seed": seed, "scales": scales} for seed, scales in enumerate(ground.scales)]
    results.write_table(output.scales, rows, schema=SCALES, metadata=job.metadata)


with jobs.job(snakemake) as job:
    main(job, snakemake.output, int(snakemake.wildcards.depth), **job.params)
