"""Draw barriers and flatness on one task: a line per trainer, or per chain where a trainer has several criteria."""

from evotickets import figures, jobs, landscape, results


def main(barriers, flatness, task, out):
    heights = figures.one_line_a_chain(results.read_table(barriers, schema=results.BARRIERS), task)
    heights = heights[heights["split"].eq("test") & heights["metric"].isin(["error", "minus_return"])]
    stable = landscape.STABLE if (heights["metric"] == "error").all() else None
    figures.barriers(heights, out.barriers, f"{task}: linear mode connectivity", stable)
    curves = figures.one_line_a_chain(results.read_table(flatness, schema=results.FLATNESS), task)
    figures.flatness(curves, out.flatness, f"{task}: flatness of trained tickets")


with jobs.job(snakemake):
    main(**snakemake.input, task=snakemake.wildcards.task, out=snakemake.output)
