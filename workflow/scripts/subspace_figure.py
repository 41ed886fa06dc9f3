"""Draw a figure of one parent."""

from evotickets import figures, jobs, results

FIGURES = {
    "damage": figures.subspace_damage,
    "variance": figures.subspace_variance,
    "ensembles": figures.subspace_ensembles,
    "gradients": figures.subspace_gradients,
    "generations": figures.subspace_generations,
}


def main(table, output, parent, figure):
    rows = results.read_table(table, schema=results.SUBSPACE)
    FIGURES[figure](rows[rows["parent"] == parent], output)


with jobs.job(snakemake):
    main(snakemake.input.table, snakemake.output.figure, **snakemake.wildcards)
