"""Train sparse networks by one method at one density, all seeds at once, with the settings that validation images choose."""

from evotickets import devices, jobs, results, tasks
from evotickets.systems.hybrid import selection
from evotickets.systems.hybrid.tables import HYBRID, HYBRID_CHOICES
from evotickets.systems.tickets import archive


def main(job, output, place, experiment, task, method, candidates, tries, replicates, seed, seeds_count):
    data = tasks.replicates(task["task"], seed=seed, count=seeds_count)
    drawn = selection.candidates_of(**candidates, tries=tries, seed=seed)
    given = {"layer_densities": place.layer_densities, "seed": seed}
    found = selection.run(
        data, task, method, float(place.density), drawn, **given,
        count=seeds_count, replicates=replicates, progress=job.progress,
    )  # fmt: skip

    where = {"system": "hybrid", "task": place.task, "layer_densities": place.layer_densities}
    where |= {"method": place.method, "density": float(place.density)}
    results.write_table(output.scores, [where | row for row in found.rows], schema=HYBRID, metadata=job.metadata)
    choices = [where | row for row in found.choices]
    results.write_table(output.choices, choices, schema=HYBRID_CHOICES, metadata=job.metadata)
    masks = [{"seed": seed, "mask": mask} for seed, mask in enumerate(found.masks)]
    results.write_table(output.mask, masks, schema=results.MASK, metadata=job.metadata)
    job.record(
        output.record,
        system=experiment,
        kind="sparse",
        parameters={name: value for name, value in where.items() if name != "system"}
        | {"seeds": seeds_count, "kept": int(found.masks[0].sum()), "steps": task["training"]["steps"]}
        | {"candidates": len(drawn)},
        metrics=found.means,
        artifacts=[output.scores, output.choices, output.mask],
        dataset=archive.dataset(data),
    )


with jobs.job(snakemake) as job:
    devices.configure(snakemake.threads)
    main(job, snakemake.output, snakemake.wildcards, **job.params)
