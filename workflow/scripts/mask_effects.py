"""Train with the hybrid, then correlate the updates of its mask with the exact effect of every weight."""

from evotickets import devices, jobs, results, tasks
from evotickets.systems.hybrid import effects
from evotickets.systems.hybrid.tables import HYBRID_EFFECTS


def main(job, output, place, experiment, task, method, layer_densities, populations, samples, draws, seed, seeds_count):
    data, density = tasks.replicates(task["task"], seed=seed, count=seeds_count), float(place.density)
    report = job.progress(task["training"]["steps"], "step")
    options = {
        "layer_densities": layer_densities,
        "samples": samples,
        "draws": draws,
        "seed": seed,
        "count": seeds_count,
        "report": report,
    }
    found = effects.measure(data, task, method, density, populations, **options)

    where = {"system": "hybrid", "task": place.task, "layer_densities": layer_densities}
    where |= {"method": place.method, "density": density}
    results.write_table(output.effects, [where | row for row in found], schema=HYBRID_EFFECTS, metadata=job.metadata)
    shown = {"task": place.task, "method": place.method, "density": density, "seeds": seeds_count}
    job.record(
        output.record,
        system=experiment,
        kind="sparse",
        parameters=shown | {"weights": found[0]["weights"]},
        metrics=[
            ("effects/correlation", size, sum(row["value"] for row in found if row["population"] == size) / seeds_count)
            for size in populations
        ],
        artifacts=[output.effects],
    )


with jobs.job(snakemake) as job:
    devices.configure(snakemake.threads)
    main(job, snakemake.output, snakemake.wildcards, **job.params)
