"""Train the ticket of another setting as it is, and write what became of it; all seeds at once."""

from evotickets import devices, jobs, results, streams, tasks
from evotickets.systems.tickets import archive, shared_images
from evotickets.systems.tickets import levels as tickets
from evotickets.systems.tickets.problems import problem_of, refuse_misfit
from evotickets.systems.tickets.tables import TRANSFERS, factors, source_of


def main(job, source, output, place, experiment, source_network, network, settings, density, seed, seeds_count):
    task, description = problem_of(network, seed=seed, count=seeds_count)
    refuse_misfit(problem_of(source_network, seed=seed, count=1)[1], description, (place.source_task, place.task))
    trained = results.read_ticket(source)
    # The noise of the target's own ticket, so that both are compared seed by seed.
    key = streams.stream(seed, place.task, place.trainer, place.level)
    report = job.progress(settings.get("generations") or settings["steps"], "step")
    done, run = tickets.train(description, task, trained.untrained(), settings, report=report, key=key)

    origin = source_of(place)
    chain = {"task": place.task, "trainer": place.trainer, "criterion": "transferred"}
    cell = factors(chain, int(place.level), density)
    archive.write_trained(output, done, run.trajectory, job.metadata)
    final = run.trajectory.final(done.seeds)
    scores = shared_images.scores(final, origin | cell, description, task, done, seed=seed)
    results.write_table(output.scores, scores, schema=TRANSFERS, metadata=job.metadata)
    job.record(
        output.record,
        system=experiment,
        kind="level",
        name=f"level{place.level} {' '.join(origin.values())} to {place.task} {place.trainer}",
        parameters=cell | origin | {"seeds": seeds_count, "kept": done.kept},
        metrics=run.trajectory.summary(),
        artifacts=[output.ticket, output.scores, output.history],
        dataset=archive.dataset(task),
    )


with jobs.job(snakemake) as job:
    devices.configure(snakemake.threads, rollouts=tasks.is_control(snakemake.params.network["task"]))
    main(job, snakemake.input.source, snakemake.output, snakemake.wildcards, **job.params)
