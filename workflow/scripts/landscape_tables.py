"""Put what lies around the trained tickets of all chains into tidy tables."""

import pandas as pd

from evotickets import jobs, results


def main(job, inputs, output):
    for name, path in output.items():
        schema = results.SCHEMAS[name]
        tables = [results.read_table(source, schema=schema) for source in inputs[name]]
        # Nothing can be said of the types of a table without rows.
        filled = [table for table in tables if len(table)] or tables[:1]
        results.write_table(path, pd.concat(filled, ignore_index=True), schema=schema, metadata=job.metadata)


with jobs.job(snakemake) as job:
    main(job, snakemake.input, snakemake.output)
