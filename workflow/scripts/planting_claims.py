"""Decide the claims about planted tickets from the table of all cells."""

from evotickets import jobs, results
from evotickets.planting import claims


def main(job, table, output, seekers):
    decided = claims.decide(results.read_table(table, schema=results.PLANTING), seekers)
    rows = [{"system": "planting"} | claim._asdict() for claim in decided]
    results.write_table(output, rows, schema=results.CLAIMS, metadata=job.metadata)
    for claim in decided:
        print(f"{claim.claim}: {claim.verdict} ({claim.effect:.3g} [{claim.low:.3g}, {claim.high:.3g}], n {claim.n})")


with jobs.job(snakemake) as job:
    main(job, snakemake.input.table, snakemake.output.claims, **job.params)
