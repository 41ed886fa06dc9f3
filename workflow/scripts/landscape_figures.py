"""Draw barriers and flatness on one task."""

from evotickets import jobs, landscape, results
from evotickets.systems.tickets import landscape_figures


def main(barriers, flatness, task, out):
    heights = results.read_table(barriers, schema=results.BARRIERS)
    heights = heights[heights["task"].eq(task) & heights["split"].eq("test")]
    heights = heights[heights["metric"].isin(["error", "minus_return"])]
    stable = landscape.STABLE if (heights["metric"] == "error").all() else None
    landscape_figures.barriers(heights, out.barriers, f"{task}: linear mode connectivity", stable)
    curves = results.read_table(flatness, schema=results.FLATNESS)
    landscape_figures.flatness(curves[curves["task"] == task], out.flatness, f"{task}: flatness of trained tickets")


with jobs.job(snakemake):
    main(**snakemake.input, task=snakemake.wildcards.task, out=snakemake.output)
