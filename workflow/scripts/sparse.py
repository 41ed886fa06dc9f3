"""Train sparse networks by one method at one density, all seeds at once; score them on the way."""

from evotickets import devices, jobs, results, tasks
from evotickets.systems.hybrid import cells
from evotickets.systems.hybrid.tables import HYBRID
from evotickets.systems.tickets import archive


def main(job, output, place, experiment, task, method, seed, seeds_count):
    data, density = tasks.replicates(task["task"], seed=seed, count=seeds_count), float(place.density)
    report = job.progress(task["training"]["steps"], "step")
    found = cells.run(data, task, method, density, seed=seed, count=seeds_count, report=report)

    where = {"system": "hybrid", "task": place.task, "method": place.method, "density": density}
    rows = [where | row for row in found.trajectory.rows(range(seeds_count))]
    results.write_table(output.scores, rows, schema=HYBRID, metadata=job.metadata)
    masks = [{"seed": seed, "mask": mask} for seed, mask in enumerate(found.masks)]
    results.write_table(output.mask, masks, schema=results.MASK, metadata=job.metadata)
    shown = {"task": place.task, "method": place.method, "density": density, "seeds": seeds_count}
    job.record(
        output.record,
        system=experiment,
        kind="sparse",
        parameters=shown | {"kept": int(found.masks[0].sum()), "steps": task["training"]["steps"]},
        metrics=found.trajectory.summary(),
        artifacts=[output.scores, output.mask],
        dataset=archive.dataset(data),
    )


with jobs.job(snakemake) as job:
    devices.configure(snakemake.threads)
    main(job, snakemake.output, snakemake.wildcards, **job.params)
