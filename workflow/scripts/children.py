"""Evaluate the children of a cell; put its scores down, or leave the children to the job that does."""

import hashlib
import json
from pathlib import Path

from evotickets import jobs, results
from evotickets.systems.subspace import cells, problems
from evotickets.systems.subspace.children import Children
from evotickets.systems.subspace.tables import SUBSPACE


def main(
    job, weights, output, place, threads, experiment, parent, settings, images, batch_norm, seed, seeds_count, workers
):
    folder = Path(weights).parent / place.study / place.cell / "children"
    helper = "worker" in place.keys()  # noqa: SIM118 (Snakemake's wildcards are a list with names)
    # What a child's result depends on; whoever shares a cell must agree on all of it.
    asked = json.dumps([parent, settings, images, batch_norm, seed, results.code_version()], sort_keys=True)
    fingerprint = hashlib.sha256(asked.encode() + Path(weights).read_bytes()).hexdigest()
    children = Children(folder, fingerprint, int(place.worker) if helper else 0, workers)
    report = job.progress(cells.networks(place.study, settings) * seeds_count, "network")
    rows = cells.run(
        place.study, parent, problems.read(weights), settings, images=images, batch_norm=batch_norm, children=children,
        seed=seed, count=seeds_count, threads=threads, report=lambda done: report(done, float("nan")),
    )  # fmt: skip
    if helper:
        Path(output.done).touch()
        return
    where = {"system": "subspace", "parent": place.parent, "study": place.study}
    where |= {name: settings[name] for name in ("mode", "density")}
    results.write_table(output.scores, [where | row for row in rows], schema=SUBSPACE, metadata=job.metadata)
    shown = {"task": place.parent, "seeds": seeds_count} | {name: where[name] for name in ("study", "mode", "density")}
    names = ("rule", "sigma", "shift", "decay", "generations", "children")
    shown |= {name: settings[name] for name in names if isinstance(settings.get(name), int | float | str)}
    job.record(
        output.record,
        system=experiment,
        kind="cell",
        parameters=shown,
        metrics=[(name, 0, value) for name, value in cells.summary(rows).items()],
        artifacts=[output.scores],
    )
    children.finish()


with jobs.job(snakemake) as job:
    main(job, snakemake.input.weights, snakemake.output, snakemake.wildcards, snakemake.threads, **job.params)
