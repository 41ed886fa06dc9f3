"""Decide every claim about a system from its tables; draw them, and write the page that the report shows."""

from pathlib import Path

import pandas as pd

from evotickets import jobs, results
from evotickets.claims import page, registry
from evotickets.figures import claims as figures_claims
from evotickets.systems.hybrid import claims as hybrid_claims
from evotickets.systems.planting import claims as planting_claims
from evotickets.systems.strong import claims as strong_claims
from evotickets.systems.subspace import claims as subspace_claims

TABLES = {"scores": "tickets"} | {name: name for name in ("transfers", "barriers", "flatness", "diversity")}


def read(inputs, name, schema):
    """Read a table of the study; one without rows where it has none."""
    if name in inputs.keys():  # noqa: SIM118 (Snakemake's inputs are a list with names)
        return results.read_table(inputs[name], schema=results.SCHEMAS[schema])
    return pd.DataFrame(columns=results.SCHEMAS[schema].columns.names)


def main(job, inputs, output, system, experiment, gradient, entries):
    if system == "planting":
        rows = planting_claims.decide(read(inputs, "planting", "planting"), **entries)
    elif system == "strong":
        rows = strong_claims.decide(read(inputs, "strong", "strong"), entries)
    elif system == "hybrid":
        tables = [read(inputs, name, name) for name in ("hybrid", "hybrid_effects")]
        times = hybrid_claims.timed(map(results.read_record, inputs.times))
        rows = hybrid_claims.decide(hybrid_claims.Evidence(*tables, times, entries))
    elif system == "subspace":
        rows = subspace_claims.decide(read(inputs, "subspace", "subspace"))
    else:
        tables = {schema: read(inputs, name, schema) for schema, name in TABLES.items()}
        rows = registry.decide(registry.Tables(**tables, gradient=frozenset(gradient)), system)
    decided = pd.DataFrame(rows)
    results.write_table(output.table, decided, schema=results.CLAIMS, metadata=job.metadata)
    figures_claims.claims(decided, output.figure)
    drawn = {kind: [Path(path).read_bytes() for path in inputs.get(f"{kind}_figures", [])] for kind in page.SHOWN}
    Path(output.page).write_text(page.page(decided, drawn))

    known = decided[decided["n"] > 0]
    job.record(
        output.record,
        system=experiment,
        kind="claims",
        name=f"claims {system}",
        parameters=decided.set_index("claim")["verdict"].to_dict(),
        metrics=[(f"effect/{row.claim}", 0, row.effect) for row in known.itertuples()],
        artifacts=[output.table, output.figure, output.page],
    )


with jobs.job(snakemake) as job:
    main(job, snakemake.input, snakemake.output, **job.params)
