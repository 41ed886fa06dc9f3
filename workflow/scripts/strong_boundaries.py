"""Draw where the pruned tickets of a task with two inputs change their mind, for the first seed."""

import numpy as np

from evotickets import devices, jobs, results
from evotickets.systems.strong import FOUND, PRUNED, cells, figures
from evotickets.systems.strong.tables import STRONG_MASK


def main(masks, path, place, task, seekers, training, samples, seed):
    where, _ = cells.instance(task, samples=samples, training=training, seed=seed, count=1)
    found, densities = {}, {}
    for (name, options), file in zip(seekers.items(), masks, strict=True):
        table = results.read_table(file, schema=STRONG_MASK)
        first = table[table["seed"].eq(0)].set_index("state")["mask"]
        mask, whole = (np.asarray(first[state], bool) for state in (PRUNED, FOUND))
        found[name] = cells.classifier(where, options["seeker"], mask, whole)
        densities[name] = float(mask.mean())
    test = where.problem.test
    figures.boundaries(test.x[0], test.y[0], found, densities, path, place.task)


with jobs.job(snakemake) as job:
    devices.configure(snakemake.threads)
    main(snakemake.input.masks, snakemake.output.figure, snakemake.wildcards, **job.params)
