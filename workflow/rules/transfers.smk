# Tickets on settings that they were not made for (Lange & Sprekeler, 2023).
#
# REQUIRED INPUTS: the entries `tickets.transfers` of the configuration; the tickets of their source chains.
# OUTPUTS: {results}/transfers/… one folder a transfer, one a level.
# STEPS: transfer (a job for each level) → transfer_chain (curves, record); table → figure


wildcard_constraints:
    source_task="[a-z0-9_]+",
    source_trainer="[a-z0-9_]+",
    source_criterion="[a-z][a-z0-9_]*",


rule transfer:
    """Train the tickets of another setting, mask and initial parameters as they are, for all seeds."""
    input:
        source=TICKET_FILES.transfer_source,
    output:
        ticket=ensure(f"{TICKET_FILES.transferred}/level{{level}}/ticket.parquet", non_empty=True),
        scores=f"{TICKET_FILES.transferred}/level{{level}}/scores.parquet",
        history=f"{TICKET_FILES.transferred}/level{{level}}/history.parquet",
        record=f"{TICKET_FILES.transferred}/level{{level}}/record.parquet",
    log:
        f"{LOGS}/transfers/{{task}}/{{trainer}}/{{source_task}}/{{source_trainer}}/{{source_criterion}}/level{{level}}.log",
    benchmark:
        f"{BENCHMARKS}/transfers/{{task}}/{{trainer}}/{{source_task}}/{{source_trainer}}/{{source_criterion}}/level{{level}}.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(120),
    params:
        code=lambda wildcards: code("transfer", **TICKET_FILES.transferring(wildcards)),
        experiment=experiment("transfers"),
        network=lambda wildcards: TICKETS.tasks[wildcards.task],
        source_network=lambda wildcards: TICKETS.tasks[wildcards.source_task],
        settings=lambda wildcards: TICKETS.settings[wildcards.task, wildcards.trainer],
        density=lambda wildcards: TICKETS.densities[int(wildcards.level)],
        seed=study.seed,
        seeds_count=study.seeds,
    script:
        "../scripts/transfer.py"


rule transfer_chain:
    """Collect the levels of a transfer into one table, draw their training curves, write the record of the whole."""
    input:
        scores=lambda wildcards: TICKET_FILES.transferred_files("scores", **wildcards),
        histories=lambda wildcards: TICKET_FILES.transferred_files("history", **wildcards),
    output:
        scores=f"{TICKET_FILES.transferred}/chain.parquet",
        record=f"{TICKET_FILES.transferred}/record.parquet",
        training_curves=drawn("tickets", "transfer_training"),
    log:
        f"{LOGS}/transfers/{{task}}/{{trainer}}/{{source_task}}/{{source_trainer}}/{{source_criterion}}/chain.log",
    benchmark:
        f"{BENCHMARKS}/transfers/{{task}}/{{trainer}}/{{source_task}}/{{source_trainer}}/{{source_criterion}}/chain.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=code("transfer_chain"),
        experiment=experiment("transfers"),
        densities=list(TICKETS.densities),
        levels=lambda wildcards: TICKET_FILES.transferred_levels(**wildcards),
        network=lambda wildcards: TICKETS.tasks[wildcards.task],
        settings=lambda wildcards: TICKETS.settings[wildcards.task, wildcards.trainer],
        seed=study.seed,
        seeds_count=study.seeds,
    script:
        "../scripts/transfer_chain.py"
