"""Draw what seekers find of one target: quality over density, recovered edges, collapsed layers."""

from evotickets import jobs, results
from evotickets.systems.planting import figures


def main(table, quality, recovery, collapse, target):
    rows = results.read_table(table, schema=results.PLANTING)
    rows = rows[rows["target"] == target]
    figures.planting_quality(rows, quality)
    figures.planting_recovery(rows, recovery)
    figures.planting_collapse(rows, collapse)


with jobs.job(snakemake):
    main(snakemake.input.table, **snakemake.output, target=snakemake.wildcards.target)
