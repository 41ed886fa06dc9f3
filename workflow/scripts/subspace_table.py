"""Put the scores of all parents and cells into one tidy table."""

import pandas as pd

from evotickets import jobs, results


def main(job, inputs, output):
    tables = [results.read_table(path, schema=results.SUBSPACE) for path in inputs]
    results.write_table(output, pd.concat(tables, ignore_index=True), schema=results.SUBSPACE, metadata=job.metadata)


with jobs.job(snakemake) as job:
    main(job, snakemake.input.scores, snakemake.output.table)
