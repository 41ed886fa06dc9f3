"""Draw the figures of one parent that a study of it has."""

from evotickets import jobs, results
from evotickets.systems.subspace import figures


def main(table, output, parent):
    rows = results.read_table(table, schema=results.SUBSPACE)
    for name, path in output.items():
        getattr(figures, f"subspace_{name}")(rows[rows["parent"] == parent], path)


with jobs.job(snakemake):
    main(snakemake.input.table, snakemake.output, snakemake.wildcards.parent)
