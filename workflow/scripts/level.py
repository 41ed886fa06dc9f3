"""Make the ticket of one level of a chain, train it, and write what became of it; all seeds at once."""

from evotickets import devices, jobs, results, streams, tasks
from evotickets.systems.tickets import archive, shared_images
from evotickets.systems.tickets import levels as tickets
from evotickets.systems.tickets.problems import problem_of, unit_of
from evotickets.systems.tickets.tables import SCORES, chain_of, factors


def main(job, source, output, place, experiment, network, settings, density, seed, seeds_count):
    task, description = problem_of(network, seed=seed, count=seeds_count)
    previous = results.read_ticket(source)
    where = (place.trainer, place.level)
    ticket = tickets.next_ticket(
        description, task, previous, place.criterion, density, seed=seed, name=place.task, place=where
    )

    # Criteria share the noise of a level, so that they are compared seed by seed.
    key = streams.stream(seed, place.task, *where)
    report = job.progress(settings.get("generations") or settings["steps"], "step")
    trained, run = tickets.train(description, task, ticket, settings, mesh=devices.mesh(), report=report, key=key)
    cell = factors(chain_of(place), int(place.level), density)
    archive.write_trained(output, trained, run.trajectory, job.metadata)
    final = run.trajectory.final(trained.seeds)
    scores = shared_images.scores(final, cell, description, task, trained, seed=seed)
    results.write_table(output.scores, scores, schema=SCORES, metadata=job.metadata)
    job.record(
        output.record,
        system=experiment,
        kind="level",
        parameters=cell | unit_of(network) | {"seeds": seeds_count, "kept": trained.kept},
        metrics=run.trajectory.summary(),
        artifacts=[output.ticket, output.scores, output.history],
        dataset=archive.dataset(task),
    )


with jobs.job(snakemake) as job:
    devices.configure(snakemake.threads, rollouts=tasks.is_control(snakemake.params.network["task"]))
    main(job, snakemake.input.source, snakemake.output, snakemake.wildcards, **job.params)
