"""Put the verdicts on all systems into one table."""

import pandas as pd

from evotickets import jobs, results


def main(job, inputs, output):
    tables = [results.read_table(path, schema=results.CLAIMS) for path in inputs]
    results.write_table(output, pd.concat(tables, ignore_index=True), schema=results.CLAIMS, metadata=job.metadata)


with jobs.job(snakemake) as job:
    main(job, snakemake.input.tables, snakemake.output.table)
