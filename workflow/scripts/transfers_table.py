"""Put the scores of all transferred tickets into one tidy table."""

import pandas as pd

from evotickets import jobs, results


def main(job, inputs, output):
    tables = [results.read_table(path, schema=results.TRANSFERS) for path in inputs]
    results.write_table(output, pd.concat(tables, ignore_index=True), schema=results.TRANSFERS, metadata=job.metadata)


with jobs.job(snakemake) as job:
    main(job, snakemake.input.scores, snakemake.output.table)
