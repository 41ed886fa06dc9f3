"""Draw what transferred tickets score on one task, beside the tickets that its trainers made themselves and random ones."""

import pandas as pd

from evotickets import jobs, results
from evotickets.systems.tickets import landscape_figures


def main(table, transfers, figure, task, compared):
    scores = results.read_table(table, schema=results.SCORES)
    moved = results.read_table(transfers, schema=results.TRANSFERS)
    scores, moved = scores[scores["task"] == task], moved[moved["task"] == task]
    panels = []
    source = ["source_task", "source_trainer", "source_criterion"]
    for (trainer, *names), own in moved.groupby(["trainer", *source], sort=False):
        pair = f"{' '.join(names)} → {task} {trainer}"
        panels.append(own.assign(pair=pair, origin="transferred"))
        for criterion, origin in ((compared[trainer], "own"), ("random", "random")):
            chain = scores[scores["trainer"].eq(trainer) & scores["criterion"].eq(criterion)]
            panels.append(chain.assign(pair=pair, origin=origin))
    landscape_figures.transfer(pd.concat(panels, ignore_index=True), figure, f"{task}: tickets from elsewhere")


with jobs.job(snakemake) as job:
    main(**snakemake.input, **snakemake.output, task=snakemake.wildcards.task, **job.params)
