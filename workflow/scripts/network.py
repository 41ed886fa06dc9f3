"""Make a network that a study keeps again, and write it with what is known of it."""

from evotickets import jobs, results
from evotickets.systems.subspace import networks, problems
from evotickets.systems.subspace.tables import SUBSPACE


def main(weights, losses, scores, path, place, threads, parent, settings, seed):
    index = int(place.index)
    known = networks.read_losses(losses)
    at = networks.outcome(place.study, settings, place.network, known, index)
    model = problems.restore(parent, problems.read(weights), index, threads)
    networks.remake(model, place.study, settings, at, known, seed, index)
    table = results.read_table(scores, schema=SUBSPACE)
    own = table[(table[["seed", *at]] == [index, *at.values()]).all(axis=1)]
    networks.write(
        path,
        model,
        parent={"name": place.parent, **parent},
        seed={"study": seed, "index": index},
        recipe={"study": place.study, "network": place.network, **settings},
        scores={f"{row.split}/{row.metric}": row.value for row in own.itertuples()},
        code=results.code_version(),
    )


with jobs.job(snakemake) as job:
    main(*snakemake.input, snakemake.output.network, snakemake.wildcards, snakemake.threads, **job.params)
