"""Train the ticket of a level once more under other noise and data order; all seeds at once."""

from evotickets import archive, devices, jobs, seeds, tasks, tickets


def main(job, source, output, place, network, settings, seed):
    task = tickets.task_of(network, seed=seed)
    description = tickets.network_of(task, network)
    trained, members = archive.read_ticket(source, description)
    key = seeds.stream(seed, place.task, place.trainer, place.level, "twin")
    report = job.progress(settings.get("generations") or settings["steps"], "step")
    ticket = tickets.Ticket(trained.initial, trained.mask)
    twin, _ = tickets.train(description, task, ticket, settings, report=report, key=key)
    archive.write_ticket(output, description, twin, members, job.metadata)


with jobs.job(snakemake) as job:
    devices.configure(snakemake.threads, rollouts=tasks.is_control(snakemake.params.network["task"]))
    main(job, snakemake.input.source, snakemake.output.ticket, snakemake.wildcards, **job.params)
