"""Decide every claim about a system from its tables; draw them, and write the page that the report shows."""

import pandas as pd

from evotickets import jobs, results, sealed
from evotickets.claims import page, published
from evotickets.figures import claims as figures


def main(job, inputs, output, system, experiment, evidence):
    if inputs.get("records"):
        evidence = evidence | {"records": list(map(results.read_record, inputs.records))}
    found = published.decided(system, inputs, evidence)
    decided = pd.DataFrame([own.row for own in found])
    results.write_table(output.table, decided, schema=results.CLAIMS, metadata=job.metadata)
    figures.claims(decided, output.figure)
    shown = [own.claim.shown(own.part) for own in found]
    drawn = {name: inputs.get(f"{name}_figures", ()) for names in shown for name in names}
    drawn = {name: [sealed.read_page(path) for path in paths] for name, paths in drawn.items()}
    sealed.write_page(output.page, page.page(decided, shown, drawn).encode())

    known = decided[decided["n"] > 0]
    job.record(
        output.record,
        system=experiment,
        kind="claims",
        name=f"claims {system}",
        parameters={jobs.name_of(row.claim): row.verdict for row in decided.itertuples()},
        metrics=[(f"effect/{jobs.name_of(row.claim)}", 0, row.effect) for row in known.itertuples()],
        artifacts=[output.table, output.figure, output.page],
    )


with jobs.job(snakemake) as job:
    main(job, snakemake.input, snakemake.output, **job.params)
