"""Score trained tickets of one chain under noise on their weights, and estimate the Hessian of their loss."""

from functools import partial

from evotickets import devices, jobs, landscape, results, streams, tasks
from evotickets.networks import masks
from evotickets.systems.tickets import archive
from evotickets.systems.tickets import levels as tickets
from evotickets.systems.tickets.tables import CURVATURE, FLATNESS


def main(job, paths, output, place, experiment, network, settings, levels, densities, draws, probes, samples, seed):
    task = tickets.task_of(network, seed=seed)
    description = tickets.network_of(task, network)
    key = streams.stream(seed, place.task, "flatness")
    on_line, shared = landscape.on_task(
        description, task, samples=samples, episodes=settings.get("test_episodes", 0), key=key
    )
    flatness, curvature = [], []
    for level, path in zip(levels, paths, strict=True):
        ticket, members = archive.read_ticket(path, description)
        points, positions = ticket.mean, masks.survivors(description, ticket.mask)
        cell = {"task": place.task, "trainer": place.trainer, "criterion": place.criterion}
        factors = {"system": "tickets", **cell, "level": level, "density": densities[level]}

        curves = landscape.noise_curves(
            on_line,
            {"test": shared["test"]},
            points,
            positions,
            fold=partial(landscape.folded, description),
            statistics=ticket.statistics,
            draws=draws,
            key=streams.stream(seed, "noise", level),
        )
        flatness += [
            factors | {"seed": member, "split": split, "metric": metric, "epsilon": epsilon, "value": value}
            for name, values in curves.items()
            for split, metric in [name.split("/")]
            for member, row in zip(members, values.tolist(), strict=True)
            for epsilon, value in zip(landscape.EPSILONS.tolist(), row, strict=True)
        ]
        if not tasks.is_control(network["task"]):
            loss, probing = landscape.cross_entropy(description), streams.stream(seed, "curvature", level)
            found = landscape.curvature(loss, shared["train"], points, positions, probes=probes, key=probing)
            curvature += [
                factors | {"seed": member} | {name: float(values[row]) for name, values in found._asdict().items()}
                for row, member in enumerate(members)
            ]
    results.write_table(output.flatness, flatness, schema=FLATNESS, metadata=job.metadata)
    results.write_table(output.curvature, curvature, schema=CURVATURE, metadata=job.metadata)
    job.record_cost(output.record, system=experiment, seeds=len(members), densities={k: densities[k] for k in levels})


with jobs.job(snakemake) as job:
    devices.configure(snakemake.threads, rollouts=tasks.is_control(snakemake.params.network["task"]))
    main(job, snakemake.input.tickets, snakemake.output, snakemake.wildcards, **job.params)
