"""Time the parts of a step of the hybrid, and draw them. The record holds the times: tables are the same for every run."""

from evotickets import devices, jobs, streams, tasks
from evotickets.systems.hybrid import cells, figures, overhead


def main(job, output, place, experiment, task, method, layer_densities, repeats, seed):
    data = tasks.replicates(task["task"], seed=seed, count=1)
    given = {"layer_densities": layer_densities, "seed": seed, "count": 1}
    prepared = cells.prepare(data, task, method, float(place.density), **given)
    times = overhead.parts(prepared, data, repeats=repeats, key=streams.stream(seed, "hybrid", "overhead"))
    members = 2 * task["training"]["batches"]
    figures.overhead(times, members, output.figure, f"{place.task}, {place.method}, density {place.density}")
    shown = {"task": place.task, "method": place.method, "density": float(place.density), "members": members}
    job.record(
        output.record,
        system=experiment,
        kind="sparse",
        parameters=shown,
        metrics=[(f"time/{part}", step, float(ms)) for part, values in times.items() for step, ms in enumerate(values)],
        artifacts=[output.figure],
    )


with jobs.job(snakemake) as job:
    # One device, whatever the threads: the rule takes more so that less runs beside it.
    devices.configure(1)
    main(job, snakemake.output, snakemake.wildcards, **job.params)
