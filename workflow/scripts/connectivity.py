"""Score the straight lines between trained tickets of one chain: all pairs, places and seeds in one call."""

from evotickets import devices, jobs, landscape, results, streams, tasks
from evotickets.systems.tickets import around
from evotickets.systems.tickets.levels import point
from evotickets.systems.tickets.problems import problem_of
from evotickets.systems.tickets.tables import BARRIERS, CONNECTIVITY, RELIABILITY, chain_of, factors


def main(job, inputs, output, place, experiment, network, settings, available, levels, densities, samples, seed, seeds):
    task, description = problem_of(network, seed=seed, count=seeds)
    trained = {k: results.read_ticket(path) for k, path in zip(available, inputs.tickets, strict=True)}
    copies = {k: results.read_ticket(path) for k, path in zip(levels, inputs.copies, strict=True)}
    members = trained[0].seeds
    points, others = (
        {level: point(description, ticket) for level, ticket in held.items()} for held in (trained, copies)
    )
    pairs = landscape.pairs(points, others, levels)

    key = streams.stream(seed, place.task, "connectivity")
    episodes = settings.get("test_episodes", 0)
    scoring = landscape.on_task(description, task, samples=samples, episodes=episodes, key=key)
    barriers, lines = (
        rows.assign(system="tickets", density=[densities[level] for level in rows["level"]], **chain_of(place))
        for rows in around.connectivity(scoring, pairs, members)
    )
    results.write_table(output.barriers, barriers, schema=BARRIERS, metadata=job.metadata)
    results.write_table(output.connectivity, lines, schema=CONNECTIVITY, metadata=job.metadata)
    rows = [
        factors(chain_of(place), level, densities[level]) | row
        for level in levels
        for row in around.reliability(description, trained[level], copies[level], settings)
    ]
    results.write_table(output.reliability, rows, schema=RELIABILITY, metadata=job.metadata)
    job.record_cost(output.record, system=experiment, seeds=len(members), densities={k: densities[k] for k in levels})


with jobs.job(snakemake) as job:
    devices.configure(snakemake.threads, rollouts=tasks.is_control(snakemake.params.network["task"]))
    main(job, snakemake.input, snakemake.output, snakemake.wildcards, **job.params)
