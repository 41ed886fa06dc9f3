"""Train sparse networks by one method at one density, all seeds at once, with the settings that validation images choose."""

from evotickets import devices, jobs, results, sealed, tasks
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

    asked = {"task": place.task, "layer_densities": place.layer_densities}
    asked |= {"method": place.method, "density": float(place.density)}
    where, metadata = {"system": "hybrid"} | asked, job.metadata | tasks.about(task["task"])
    results.write_table(output.scores, [where | row for row in found.rows], schema=HYBRID, metadata=metadata)
    choices = [where | row for row in found.choices]
    results.write_table(output.choices, choices, schema=HYBRID_CHOICES, metadata=metadata)
    masks = [{"seed": seed, "mask": mask} for seed, mask in enumerate(found.masks)]
    results.write_table(output.mask, masks, schema=results.MASK, metadata=metadata)
    if network := output.get("network"):
        sealed.write_arrays(network, found.network)
    more = {"kept": int(found.masks[0].sum()), "steps": task["training"]["steps"], "candidates": len(drawn)}
    job.record(
        output.record, system=experiment, kind="sparse",
        parameters=asked | {"seeds": seeds_count} | more, metrics=found.means,
        artifacts=[output.scores, output.choices, output.mask], dataset=archive.dataset(data),
    )  # fmt: skip


with jobs.job(snakemake) as job:
    devices.configure(snakemake.threads)
    main(job, snakemake.output, snakemake.wildcards, **job.params)
