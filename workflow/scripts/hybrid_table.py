"""Put the rows of all cells, or of all networks whose effects were measured, into one tidy table."""

import pandas as pd

from evotickets import jobs, results


def main(job, inputs, output, schema):
    kind = results.SCHEMAS[schema]
    tables = [results.read_table(path, schema=kind) for path in inputs]
    results.write_table(output, pd.concat(tables, ignore_index=True), schema=kind, metadata=job.metadata)


with jobs.job(snakemake) as job:
    main(job, snakemake.input.tables, snakemake.output.table, job.params["schema"])
