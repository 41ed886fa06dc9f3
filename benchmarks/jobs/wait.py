"""Wait a second, and write the record of a job."""

import time

from evotickets import jobs

with jobs.job(snakemake) as job:  # noqa: F821
    time.sleep(1)
    job.record(
        snakemake.output.record,  # noqa: F821
        system="jobs",
        kind="level",
        parameters={"task": "waiting"},
        metrics=[("seconds", 0, 1.0)],
        artifacts=[],
    )
