"""Make the ticket of one level of a chain, train it, and write what became of it; all seeds at once."""

from evotickets import devices, jobs, results, streams, tasks
from evotickets.systems.tickets import archive
from evotickets.systems.tickets import levels as tickets
from evotickets.systems.tickets.tables import SCORES


def main(job, source, output, place, experiment, network, settings, density, seed, seeds_count):
    task = tickets.task_of(network, seed=seed)
    description = tickets.network_of(task, network)
    previous, members = archive.read_ticket(source, description)
    where = (place.trainer, place.level)
    ticket = tickets.next_ticket(
        description, task, previous, place.criterion, density, seed=seed, name=place.task, place=where
    )

    # Criteria share the noise of a level, so that they are compared seed by seed.
    key = streams.stream(seed, place.task, *where)
    report = job.progress(settings.get("generations") or settings["steps"], "step")
    spread = devices.mesh()
    trained, run = tickets.train(description, task, ticket, settings, mesh=spread, report=report, key=key)

    cell = {"task": place.task, "trainer": place.trainer, "criterion": place.criterion}
    factors = {"system": "tickets", **cell, "level": int(place.level), "density": density}
    archive.write_ticket(output.ticket, description, trained, members, job.metadata)
    scores = [factors | row for row in run.trajectory.final(members)]
    results.write_table(output.scores, scores, schema=SCORES, metadata=job.metadata)
    results.write_table(output.history, run.trajectory.rows(members), schema=results.HISTORY, metadata=job.metadata)
    job.record(
        output.record,
        system=experiment,
        kind="level",
        parameters=factors | jobs.shown(settings) | {"seeds": seeds_count, "kept": int(trained.mask[0].sum())},
        metrics=run.trajectory.means(),
        artifacts=[output.ticket, output.scores, output.history],
        dataset=archive.dataset(task),
    )


with jobs.job(snakemake) as job:
    task = snakemake.params.network["task"]
    devices.configure(snakemake.threads, rollouts=tasks.is_control(task))
    main(job, snakemake.input.source, snakemake.output, snakemake.wildcards, **job.params)
