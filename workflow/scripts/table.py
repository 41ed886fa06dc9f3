"""Put the parts of a table of the study into one file."""

from importlib import import_module

import pandas as pd

from evotickets import jobs, results


def main(job, parts, output, name, module):
    schema = import_module(module).TABLES[name]
    tables = [results.read_table(path, schema=schema) for path in parts]
    # Nothing can be said of the types of a table without rows.
    filled = [table for table in tables if len(table)] or tables[:1]
    results.write_table(output, pd.concat(filled, ignore_index=True), schema=schema, metadata=job.metadata)


with jobs.job(snakemake) as job:
    main(job, snakemake.input.parts, snakemake.output.table, snakemake.wildcards.table, job.params["module"])
