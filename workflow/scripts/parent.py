"""Build or train a parent, keep its weights, and score it on all held-out images."""

from evotickets import jobs, results
from evotickets.systems.subspace import cells, problems
from evotickets.systems.subspace.tables import SUBSPACE


def main(job, output, name, threads, parent, images, seed, seeds_count):
    problems.configure(threads)
    states = problems.make(parent, seed, seeds_count, images)
    problems.write(states, output.weights)
    rows = cells.baseline(parent, states, batch=images["batch"], seed=seed, threads=threads)
    where = {"system": "subspace", "parent": name, "study": "parent", "mode": "none", "density": 1.0}
    results.write_table(output.scores, [where | row for row in rows], schema=SUBSPACE, metadata=job.metadata)


with jobs.job(snakemake) as job:
    main(job, snakemake.output, snakemake.wildcards.parent, snakemake.threads, **job.params)
