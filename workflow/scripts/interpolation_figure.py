"""Draw the error on the lines between the trained tickets of one chain, a panel per kind of pair."""

from evotickets import figures, jobs, results


def main(connectivity, figure, place):
    lines = results.read_table(connectivity, schema=results.CONNECTIVITY)
    shown = lines[lines["split"].eq("test") & lines["metric"].isin(["error", "minus_return"])]
    figures.interpolation(shown, figure, f"{place.task}, {place.trainer}, {place.criterion}")


with jobs.job(snakemake):
    main(snakemake.input.connectivity, snakemake.output.figure, snakemake.wildcards)
