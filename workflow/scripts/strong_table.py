"""Put the measures and the histories of all cells into tidy tables."""

import pandas as pd

from evotickets import jobs, results


def main(job, inputs, outputs):
    for paths, output, schema in (
        (inputs.scores, outputs.table, results.STRONG),
        (inputs.history, outputs.history, results.STRONG_HISTORY),
    ):
        tables = [results.read_table(path, schema=schema) for path in paths]
        rows = pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)
        results.write_table(output, rows, schema=schema, metadata=job.metadata)


with jobs.job(snakemake) as job:
    main(job, snakemake.input, snakemake.output)
