"""Put the scores of all levels of all chains into one tidy table."""

import pandas as pd

from evotickets import jobs, results


def main(job, inputs, output, criteria):
    # The dense level is shared by all criteria: here it becomes part of every chain.
    tables = [
        results.read_table(path, schema=results.SCORES).assign(criterion=criterion)
        for path, criterion in zip(inputs, criteria, strict=True)
    ]
    results.write_table(output, pd.concat(tables, ignore_index=True), schema=results.SCORES, metadata=job.metadata)


with jobs.job(snakemake) as job:
    main(job, snakemake.input.scores, snakemake.output.table, snakemake.params.criteria)
