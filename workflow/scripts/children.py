"""Evaluate the children of a cell; put its scores down, or leave the children to the job that does."""

from pathlib import Path

from evotickets import jobs, results
from evotickets.systems.subspace import cells, networks, problems
from evotickets.systems.subspace.children import Children, fingerprint
from evotickets.systems.subspace.tables import SUBSPACE


def main(job, weights, output, place, threads, experiment, seeds_count, workers, settings, **asked):
    folder = Path(weights).parent / place.study / place.cell / "children"
    helper = "worker" in place.keys()  # noqa: SIM118 (Snakemake's wildcards are a list with names)
    # Whoever shares a cell must agree on all that a child's result depends on.
    question = fingerprint(Path(weights).read_bytes(), settings, asked, results.code_version())
    children = Children(folder, question, int(place.worker) if helper else 0, workers)
    losses, report = {}, job.progress(cells.networks(place.study, settings) * seeds_count, "network")
    asked |= {"children": children, "count": seeds_count, "threads": threads, "report": report}
    asked |= {"states": problems.read(weights), "settings": settings, "keep": losses.__setitem__}
    rows = cells.run(place.study, **asked)
    if helper:
        Path(output.done).touch()
        return
    networks.write_losses(losses, output.losses)
    cell = {"study": place.study, "mode": settings["mode"], "density": settings["density"]}
    table = [{"system": "subspace", "parent": place.parent, **cell} | row for row in rows]
    results.write_table(output.scores, table, schema=SUBSPACE, metadata=job.metadata)
    job.record(
        output.record,
        system=experiment,
        kind="cell",
        parameters={"task": place.parent, "part": cell.pop("study")} | cell,
        metrics=[(name, 0, value) for name, value in cells.summary(rows).items()],
        artifacts=[output.scores],
    )
    children.finish()


with jobs.job(snakemake) as job:
    main(job, snakemake.input.weights, snakemake.output, snakemake.wildcards, snakemake.threads, **job.params)
