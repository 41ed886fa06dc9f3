"""Train the ticket of another setting as it is, and write what became of it; all seeds at once."""

from evotickets import devices, jobs, results, streams, tasks
from evotickets.systems.tickets import archive
from evotickets.systems.tickets import levels as tickets
from evotickets.systems.tickets.tables import TRANSFERS


def main(job, source, output, place, experiment, source_network, network, settings, density, seed, seeds_count):
    task = tickets.task_of(network, seed=seed)
    description = tickets.network_of(task, network)
    theirs = tickets.network_of(tickets.task_of(source_network, seed=seed), source_network)
    if theirs != description:
        raise ValueError(
            f"tickets of {place.source_task} do not fit {place.task}, whose network has other sizes; "
            "take this pair out of tickets.transfers"
        )
    trained, members = archive.read_ticket(source, description)
    ticket = tickets.Ticket(trained.initial, trained.mask)

    # The noise of the target's own ticket, so that both are compared seed by seed.
    key = streams.stream(seed, place.task, place.trainer, place.level)
    report = job.progress(settings.get("generations") or settings["steps"], "step")
    done, run = tickets.train(description, task, ticket, settings, report=report, key=key)

    origin = {f"source_{name}": place[f"source_{name}"] for name in ("task", "trainer", "criterion")}
    cell = {"task": place.task, "trainer": place.trainer, "criterion": "transferred"}
    factors = {"system": "tickets", **cell, "level": int(place.level), "density": density}
    archive.write_ticket(output.ticket, description, done, members, job.metadata)
    scores = [origin | factors | row for row in run.trajectory.final(members)]
    results.write_table(output.scores, scores, schema=TRANSFERS, metadata=job.metadata)
    results.write_table(output.history, run.trajectory.rows(members), schema=results.HISTORY, metadata=job.metadata)
    job.record(
        output.record,
        system=experiment,
        kind="level",
        name=f"level{place.level} {' '.join(origin.values())} to {place.task} {place.trainer}",
        parameters=factors | origin | jobs.shown(settings) | {"seeds": seeds_count, "kept": int(done.mask[0].sum())},
        metrics=run.trajectory.means(),
        artifacts=[output.ticket, output.scores, output.history],
        dataset=archive.dataset(task),
    )


with jobs.job(snakemake) as job:
    devices.configure(snakemake.threads, rollouts=tasks.is_control(snakemake.params.network["task"]))
    main(job, snakemake.input.source, snakemake.output, snakemake.wildcards, **job.params)
