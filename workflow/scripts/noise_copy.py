"""Train the ticket of a level once more under other noise and data order; all seeds at once."""

from evotickets import devices, jobs, results, streams, tasks
from evotickets.systems.tickets import archive
from evotickets.systems.tickets import levels as tickets


def main(job, source, output, place, experiment, network, settings, density, seed):
    task = tickets.task_of(network, seed=seed)
    description = tickets.network_of(task, network)
    trained, members = archive.read_ticket(source, description)
    key = streams.stream(seed, place.task, place.trainer, place.level, "twin")
    report = job.progress(settings.get("generations") or settings["steps"], "step")
    ticket = tickets.Ticket(trained.initial, trained.mask)
    noise_copy, run = tickets.train(description, task, ticket, settings, report=report, key=key)

    cell = {"task": place.task, "trainer": place.trainer, "criterion": place.criterion}
    factors = {"system": "tickets", **cell, "level": int(place.level), "density": density}
    archive.write_ticket(output.ticket, description, noise_copy, members, job.metadata)
    results.write_table(output.history, run.trajectory.rows(members), schema=results.HISTORY, metadata=job.metadata)
    job.record(
        output.record,
        system=experiment,
        kind="level",
        name=f"level{place.level} noise copy of {place.criterion} {place.trainer} {place.task}",
        parameters=factors | jobs.shown(settings) | {"seeds": len(members), "kept": int(noise_copy.mask[0].sum())},
        metrics=run.trajectory.means(),
        artifacts=[output.ticket, output.history],
        dataset=archive.dataset(task),
    )


with jobs.job(snakemake) as job:
    devices.configure(snakemake.threads, rollouts=tasks.is_control(snakemake.params.network["task"]))
    main(job, snakemake.input.source, snakemake.output, snakemake.wildcards, **job.params)
