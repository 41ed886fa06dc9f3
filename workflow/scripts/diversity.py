"""Compare the trained tickets of all seeds of one chain with each other, and the signal-to-noise ratios of its levels."""

from evotickets import devices, jobs, results
from evotickets.systems.tickets import around
from evotickets.systems.tickets.problems import problem_of
from evotickets.systems.tickets.tables import DIVERSITY, SNR_CORRELATION, chain_of, factors


def main(job, paths, output, place, experiment, network, levels, densities, nested, seed, seeds):
    task, description = problem_of(network, seed=seed, count=seeds)
    trained = [results.read_ticket(path) for path in paths]

    rows = [
        factors(chain_of(place), level, densities[level]) | row
        for level in levels
        for row in around.diversity(description, task, trained[level])
    ]
    results.write_table(output.diversity, rows, schema=DIVERSITY, metadata=job.metadata)

    # Only where masks are nested do the last survivors have a std at every level.
    remembered = around.snr_correlation(description, trained, densities) if nested else []
    rows = [{"system": "tickets", **chain_of(place)} | row for row in remembered]
    results.write_table(output.snr_correlation, rows, schema=SNR_CORRELATION, metadata=job.metadata)
    job.record_cost(
        output.record, system=experiment, seeds=len(trained[0].seeds), densities={k: densities[k] for k in levels}
    )


with jobs.job(snakemake) as job:
    devices.configure(snakemake.threads)
    main(job, snakemake.input.tickets, snakemake.output, snakemake.wildcards, **job.params)
