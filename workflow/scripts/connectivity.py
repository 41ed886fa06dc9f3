"""Score the straight lines between trained tickets of one chain: all pairs, places and seeds in one call."""

import numpy as np
import pandas as pd

from evotickets import devices, jobs, landscape, results, streams, tasks
from evotickets.systems.tickets import archive
from evotickets.systems.tickets import levels as tickets
from evotickets.systems.tickets.tables import BARRIERS, CONNECTIVITY


def main(job, inputs, output, place, experiment, network, settings, available, levels, densities, samples, seed):
    task = tickets.task_of(network, seed=seed)
    description = tickets.network_of(task, network)
    trained = {k: archive.read_ticket(path, description) for k, path in zip(available, inputs.tickets, strict=True)}
    copies = {k: archive.read_ticket(path, description) for k, path in zip(levels, inputs.copies, strict=True)}
    members = trained[0][1]
    points, others = (
        {level: tickets.point(description, ticket) for level, (ticket, _) in held.items()} for held in (trained, copies)
    )
    pairs = landscape.pairs(points, others, levels)

    key = streams.stream(seed, place.task, "connectivity")
    on_line, shared = landscape.on_task(
        description, task, samples=samples, episodes=settings.get("test_episodes", 0), key=key
    )
    first, second = (np.concatenate([getattr(pair, end) for pair in pairs]) for end in ("first", "second"))
    errors = landscape.errors(landscape.interpolate(on_line, shared, first, second))

    ends = pd.DataFrame(
        {"pair": pair.name, "level": pair.level, "density": densities[pair.level], "seed": member}
        for pair in pairs
        for member in members
    ).assign(system="tickets", task=place.task, trainer=place.trainer, criterion=place.criterion)
    barriers, lines = [], []
    for name, values in errors.items():
        split, metric = name.split("/")
        ours = ends.assign(split=split, metric=metric)
        barriers.append(ours.assign(value=landscape.barrier(values), bump=landscape.bump(values)))
        lines += [ours.assign(alpha=alpha, value=values[:, i]) for i, alpha in enumerate(landscape.ALPHAS)]
    for path, rows, schema in (
        (output.barriers, barriers, BARRIERS),
        (output.connectivity, lines, CONNECTIVITY),
    ):
        results.write_table(path, pd.concat(rows, ignore_index=True), schema=schema, metadata=job.metadata)
    job.record_cost(output.record, system=experiment, seeds=len(members), densities={k: densities[k] for k in levels})


with jobs.job(snakemake) as job:
    devices.configure(snakemake.threads, rollouts=tasks.is_control(snakemake.params.network["task"]))
    main(job, snakemake.input, snakemake.output, snakemake.wildcards, **job.params)
