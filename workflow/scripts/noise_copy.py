"""Train the ticket of a level once more under other noise and data order; all seeds at once."""

from evotickets import devices, jobs, results, streams, tasks
from evotickets.systems.tickets import archive
from evotickets.systems.tickets import levels as tickets
from evotickets.systems.tickets.problems import problem_of
from evotickets.systems.tickets.tables import chain_of, factors


def main(job, source, output, place, experiment, network, settings, density, seed, seeds):
    task, description = problem_of(network, seed=seed, count=seeds)
    ticket = results.read_ticket(source).untrained()
    key = streams.stream(seed, place.task, place.trainer, place.level, "twin")
    report = job.progress(settings.get("generations") or settings["steps"], "step")
    noise_copy, run = tickets.train(description, task, ticket, settings, report=report, key=key)

    cell = factors(chain_of(place), int(place.level), density)
    archive.write_trained(output, noise_copy, run.trajectory, job.metadata)
    job.record(
        output.record,
        system=experiment,
        kind="level",
        name=f"level{place.level} noise copy of {place.criterion} {place.trainer} {place.task}",
        parameters=cell | {"seeds": len(ticket.seeds), "kept": ticket.kept},
        metrics=run.trajectory.summary(),
        artifacts=[output.ticket, output.history],
        dataset=archive.dataset(task),
    )


with jobs.job(snakemake) as job:
    devices.configure(snakemake.threads, rollouts=tasks.is_control(snakemake.params.network["task"]))
    main(job, snakemake.input.source, snakemake.output, snakemake.wildcards, **job.params)
