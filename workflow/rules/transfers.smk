# Tickets on settings that they were not made for (Lange & Sprekeler, 2023).
#
# REQUIRED INPUTS: the entries `tickets.transfers` of the configuration; the tickets of their source chains.
# OUTPUTS: {results}/transfers/… one folder a transfer, one a level; {results}/tables/transfers.parquet; a figure of every
#   target task.
# STEPS: transfer (a job for each level) → transfer_chain (curves, record); transfers_table → transfers_figure


wildcard_constraints:
    source_task="[a-z0-9_]+",
    source_trainer="[a-z0-9_]+",
    source_criterion="[a-z][a-z0-9_]*",


TRANSFERS_TARGETS = all_transferred_files()


rule transfer:
    """Train the tickets of another setting, mask and initial parameters as they are, for all seeds."""
    input:
        source=lambda wildcards: level_file(
            "ticket",
            wildcards.source_task,
            wildcards.source_trainer,
            wildcards.source_criterion,
            int(wildcards.level),
        ),
    output:
        ticket=ensure(f"{TRANSFERRED}/level{{level}}/ticket.parquet", non_empty=True),
        scores=f"{TRANSFERRED}/level{{level}}/scores.parquet",
        history=f"{TRANSFERRED}/level{{level}}/history.parquet",
        record=f"{TRANSFERRED}/level{{level}}/record.parquet",
    log:
        f"{LOGS}/transfers/{{task}}/{{trainer}}/{{source_task}}/{{source_trainer}}/{{source_criterion}}/level{{level}}.log",
    benchmark:
        f"{BENCHMARKS}/transfers/{{task}}/{{trainer}}/{{source_task}}/{{source_trainer}}/{{source_criterion}}/level{{level}}.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=120,
    params:
        code=code("transfer"),
        experiment=experiment("transfers"),
        source_network=lambda wildcards: TICKETS.tasks[wildcards.source_task],
        network=lambda wildcards: TICKETS.tasks[wildcards.task],
        settings=lambda wildcards: TICKETS.settings[wildcards.task, wildcards.trainer],
        density=lambda wildcards: TICKETS.densities[int(wildcards.level)],
        seed=study.seed,
        seeds_count=study.seeds,
    script:
        "../scripts/transfer.py"


rule transfer_chain:
    """Collect the levels of a transfer into one table, draw their training curves, write the record of the whole."""
    input:
        scores=lambda wildcards: transferred_files("scores", **wildcards),
        histories=lambda wildcards: transferred_files("history", **wildcards),
    output:
        scores=f"{TRANSFERRED}/chain.parquet",
        record=f"{TRANSFERRED}/record.parquet",
        training_curves=report(
            f"{TRANSFERRED}/training_curves.svg",
            caption="../report/transfer_training.rst",
            category="Tickets, training",
            subcategory="{task}",
            labels={
                "trainer": "{trainer}",
                "criterion": "from {source_task} {source_trainer} {source_criterion}",
                "figure": "training curves",
            },
        ),
    log:
        f"{LOGS}/transfers/{{task}}/{{trainer}}/{{source_task}}/{{source_trainer}}/{{source_criterion}}/chain.log",
    benchmark:
        f"{BENCHMARKS}/transfers/{{task}}/{{trainer}}/{{source_task}}/{{source_trainer}}/{{source_criterion}}/chain.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("transfer_chain"),
        experiment=experiment("transfers"),
        densities=list(TICKETS.densities),
        levels=transferred_levels,
        settings=lambda wildcards: TICKETS.settings[wildcards.task, wildcards.trainer],
        seeds_count=study.seeds,
    script:
        "../scripts/transfer_chain.py"


rule transfers_table:
    """Put the scores of all transferred tickets into one tidy table."""
    input:
        scores=transferred_files("scores"),
    output:
        table=ensure(f"{RESULTS}/tables/transfers.parquet", non_empty=True),
    log:
        f"{LOGS}/transfers/table.log",
    benchmark:
        f"{BENCHMARKS}/transfers/table.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("transfers_table"),
        config=study.config,
    script:
        "../scripts/transfers_table.py"


rule transfers_figure:
    """Draw what transferred tickets score on one task, beside its own tickets and random ones."""
    input:
        table=rules.tickets_table.output.table,
        transfers=rules.transfers_table.output.table,
    output:
        figure=report(
            f"{RESULTS}/figures/transfers/{{task}}_transfers.svg",
            caption="../report/transfer.rst",
            category="Tickets, transfer",
            labels={"target task": "{task}", "figure": "transfers"},
        ),
    log:
        f"{LOGS}/transfers/{{task}}/figure.log",
    benchmark:
        f"{BENCHMARKS}/transfers/{{task}}/figure.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("transfers_figure"),
        compared=compared,
    script:
        "../scripts/transfers_figure.py"
