"""Put the measures of all cells into one tidy table."""

import pandas as pd

from evotickets import jobs, results


def main(job, inputs, output):
    tables = [results.read_table(path, schema=results.PLANTING) for path in inputs]
    results.write_table(output, pd.concat(tables, ignore_index=True), schema=results.PLANTING, metadata=job.metadata)


with jobs.job(snakemake) as job:
    main(job, snakemake.input.scores, snakemake.output.table)
