"""Compare the trained tickets of all seeds of one chain with each other, and the signal-to-noise ratios of its levels."""

from evotickets import devices, jobs, results
from evotickets.systems.tickets import archive, around
from evotickets.systems.tickets.problems import problem_of
from evotickets.systems.tickets.tables import DIVERSITY, SNR_CORRELATION, chain_of, factors


def main(job, paths, output, place, experiment, network, levels, densities, nested, seed, seeds):
    task, description = problem_of(network, seed=seed, count=seeds)
    read = [archive.read_ticket(path, description) for path in paths]
    trained, members = [ticket for ticket, _ in read], read[0][1]

    rows = [
        factors(chain_of(place), level, densities[level]) | row
        for level in levels
        for row in around.diversity(description, task, trained[level], members)
    ]
    results.write_table(output.diversity, rows, schema=DIVERSITY, metadata=job.metadata)

    # Only where masks are nested do the last survivors have a std at every level.
    remembered = around.snr_correlation(description, trained, densities, members) if nested else []
    rows = [{"system": "tickets", **chain_of(place)} | row for row in remembered]
    results.write_table(output.snr_correlation, rows, schema=SNR_CORRELATION, metadata=job.metadata)
    job.record_cost(output.record, system=experiment, seeds=len(members), densities={k: densities[k] for k in levels})


with jobs.job(snakemake) as job:
    devices.configure(snakemake.threads)
    main(job, snakemake.input.tickets, snakemake.output, snakemake.wildcards, **job.params)
