"""Let one seeker look for strong tickets of one task; choose, prune and measure what it found; all seeds at once."""

from evotickets import devices, jobs, results
from evotickets.systems.strong import FOUND, cells
from evotickets.systems.strong.tables import STRONG, STRONG_HISTORY, STRONG_MASK


def main(job, reference, output, place, experiment, task, seeker, training, samples, seed, seeds_count):
    rows = results.read_table(reference, schema=STRONG).to_dict("records") if reference else None
    options = cells.resolved(seeker, rows)
    limits = {"samples": samples, "training": training, "seed": seed, "count": seeds_count}
    ticket = cells.seek(task, options, **limits, progress=job.progress)

    cell = cells.factors(place.task, task, place.seeker)
    scores, history = ([cell | row for row in rows] for rows in (ticket.rows, ticket.history))
    results.write_table(output.scores, scores, schema=STRONG, metadata=job.metadata)
    results.write_table(output.history, history, schema=STRONG_HISTORY, metadata=job.metadata)
    results.write_table(output.mask, cells.mask_rows(ticket.masks), schema=STRONG_MASK, metadata=job.metadata)
    shown = {name: value for name, value in cell.items() if name != "system"}
    density = float(ticket.masks[FOUND].mean())
    job.record(
        output.record,
        system=experiment,
        kind="cell",
        parameters=shown | cells.depth(task) | {"density": density, "seeds": seeds_count},
        metrics=[(name, 0, value) for name, value in cells.summary(ticket.rows).items()],
        artifacts=[output.scores, output.history, output.mask],
        name=f"{place.seeker} {place.task}",
    )


with jobs.job(snakemake) as job:
    devices.configure(snakemake.threads)
    reference = snakemake.input.reference
    main(job, reference[0] if reference else None, snakemake.output, snakemake.wildcards, **job.params)
