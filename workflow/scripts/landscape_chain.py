"""Draw the error on the lines between the trained tickets of one chain; write the record of all that lies around them."""

from evotickets import jobs, results
from evotickets.systems.tickets import landscape_figures
from evotickets.systems.tickets.tables import TABLES

ERRORS = ["error", "minus_return"]


def curves(frame, name, value="value"):
    """Return (name of the row, level, mean over seeds or pairs of them) of a column."""
    means = frame.assign(name=name, mean=frame[value]).groupby(["name", "level"], sort=False)["mean"].mean()
    return [(name.replace(" ", "_"), int(level), float(mean)) for (name, level), mean in means.items()]


def main(job, inputs, output, place, experiment, densities, levels, settings, seeds_count):
    tables = {name: results.read_table(path, schema=TABLES[name]) for name, path in inputs.items()}
    lines, heights, noisy = (tables[name] for name in ("connectivity", "barriers", "flatness"))
    shown = lines[lines["split"].eq("test") & lines["metric"].isin(ERRORS)]
    landscape_figures.interpolation(shown, output.figure, f"{place.task}, {place.trainer}, {place.criterion}")

    heights = heights[heights["metric"].isin(ERRORS)]
    metrics = [("density", level, densities[level]) for level in levels]
    for column, name in (("value", "barrier"), ("bump", "bump")):
        metrics += curves(heights, heights["split"] + f"/{name}/" + heights["pair"], column)
    for part, name in ((noisy["epsilon"] == 0, ""), (noisy["epsilon"] > 0, "_under_noise")):
        metrics += curves(noisy[part], noisy["split"] + "/" + noisy["metric"] + name)
    for name in ("trace", "largest", "smallest"):
        metrics += curves(tables["curvature"], f"hessian/{name}", name)
    metrics += curves(tables["diversity"], "diversity/" + tables["diversity"]["measure"])
    metrics += curves(tables["snr_correlation"], "snr/correlation_with_dense")
    job.record(
        output.record,
        system=experiment,
        kind="chain",
        parameters={"task": place.task, "trainer": place.trainer, "criterion": place.criterion}
        | jobs.shown(settings)
        | {"seeds": seeds_count, "levels": len(levels), "density": densities[levels[-1]]},
        metrics=metrics,
        artifacts=[*inputs, output.figure],
    )


with jobs.job(snakemake) as job:
    main(job, snakemake.input, snakemake.output, snakemake.wildcards, **job.params)
