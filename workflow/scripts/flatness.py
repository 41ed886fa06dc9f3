"""Score trained tickets of one chain under noise on their weights, and estimate the Hessian of their loss."""

from evotickets import devices, jobs, landscape, results, streams, tasks
from evotickets.systems.tickets import around
from evotickets.systems.tickets.problems import problem_of
from evotickets.systems.tickets.tables import CURVATURE, FLATNESS, chain_of, factors


def main(
    job, paths, output, place, experiment, network, settings, levels, densities, draws, probes, samples, seed, seeds
):
    task, description = problem_of(network, seed=seed, count=seeds)
    key = streams.stream(seed, place.task, "flatness")
    episodes = settings.get("test_episodes", 0)
    scoring = landscape.on_task(description, task, samples=samples, episodes=episodes, key=key)
    flatness, curvature = [], []
    for level, path in zip(levels, paths, strict=True):
        ticket = results.read_ticket(path)
        common = factors(chain_of(place), level, densities[level])
        key = streams.stream(seed, "noise", level)
        rows = around.flatness(description, ticket, scoring, draws=draws, key=key)
        flatness += [common | row for row in rows]
        if not tasks.is_control(network["task"]):
            key = streams.stream(seed, "curvature", level)
            rows = around.curvature(description, task, ticket, scoring, probes=probes, key=key)
            curvature += [common | row for row in rows]
    results.write_table(output.flatness, flatness, schema=FLATNESS, metadata=job.metadata)
    results.write_table(output.curvature, curvature, schema=CURVATURE, metadata=job.metadata)
    job.record_cost(output.record, system=experiment, seeds=seeds, densities={k: densities[k] for k in levels})


with jobs.job(snakemake) as job:
    devices.configure(snakemake.threads, rollouts=tasks.is_control(snakemake.params.network["task"]))
    main(job, snakemake.input.tickets, snakemake.output, snakemake.wildcards, **job.params)
