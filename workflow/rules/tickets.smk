# Tickets of evolution strategies (Lange & Sprekeler, 2023).
#
# REQUIRED INPUTS: the section `tickets` of the configuration.
# OUTPUTS: {results}/tickets/… one folder a level and a chain.
# STEPS: initialise → level 0 (dense) → level 1 → … → level L → chain (curves, record) → table, figures


wildcard_constraints:
    trainer="[a-z0-9_]+",
    criterion="[a-z][a-z0-9_]*",
    level=r"\d\d",


TICKETS = study.tickets
TICKET_FILES = FILES["tickets"]


rule initialise:
    """Draw the initial parameters of a task's network, for all seeds."""
    output:
        ticket=f"{RESULTS}/tickets/{{task}}/initial.parquet",
    log:
        f"{LOGS}/tickets/{{task}}/initialise.log",
    benchmark:
        f"{BENCHMARKS}/tickets/{{task}}/initialise.jsonl"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=lambda wildcards: code("initialise", **TICKET_FILES.task(wildcards)),
        network=lambda wildcards: TICKETS.tasks[wildcards.task],
        seed=study.seed,
        seeds_count=study.seeds,
    script:
        "../scripts/initialise.py"


rule level:
    """Cut the ticket of the level before by a criterion (or make a control of it) and train it, for all seeds."""
    input:
        source=TICKET_FILES.source,
    output:
        ticket=ensure(f"{TICKET_FILES.level}/ticket.parquet", non_empty=True),
        scores=f"{TICKET_FILES.level}/scores.parquet",
        history=f"{TICKET_FILES.level}/history.parquet",
        record=f"{TICKET_FILES.level}/record.parquet",
    log:
        f"{LOGS}/tickets/{{task}}/{{trainer}}/{{criterion}}/level{{level}}.log",
    benchmark:
        f"{BENCHMARKS}/tickets/{{task}}/{{trainer}}/{{criterion}}/level{{level}}.jsonl"
    group:
        TICKET_FILES.submission
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(60),
    params:
        code=lambda wildcards: code("level", **TICKET_FILES.cutting(wildcards)),
        experiment=experiment("tickets"),
        network=lambda wildcards: TICKETS.tasks[wildcards.task],
        settings=lambda wildcards: TICKETS.settings[wildcards.task, wildcards.trainer],
        density=lambda wildcards: TICKETS.densities[int(wildcards.level)],
        seed=study.seed,
        seeds_count=study.seeds,
    script:
        "../scripts/level.py"


rule cut_figure:
    """Draw the first cut of a chain: signal-to-noise ratio against magnitude of the weights, kept and cut."""
    input:
        tickets=lambda wildcards: TICKET_FILES.tickets(wildcards, (0, 1)),
    output:
        figure=drawn("tickets", "snr_against_magnitude"),
    log:
        f"{LOGS}/tickets/{{task}}/{{trainer}}/{{criterion}}/cut_figure.log",
    benchmark:
        f"{BENCHMARKS}/tickets/{{task}}/{{trainer}}/{{criterion}}/cut_figure.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=code("cut_figure"),
    script:
        "../scripts/cut_figure.py"


rule chain:
    """Collect the levels of a chain into one table, draw its training curves and layer densities, write its record."""
    input:
        tickets=lambda wildcards: TICKET_FILES.level_files("ticket", wildcards),
        scores=lambda wildcards: TICKET_FILES.level_files("scores", wildcards),
        histories=lambda wildcards: TICKET_FILES.level_files("history", wildcards),
        cut=TICKET_FILES.first_cut,
    output:
        scores=f"{TICKET_FILES.chain}/chain.parquet",
        record=f"{TICKET_FILES.chain}/record.parquet",
        training_curves=drawn("tickets", "training_curves"),
        layer_densities=drawn("tickets", "layer_densities"),
    log:
        f"{LOGS}/tickets/{{task}}/{{trainer}}/{{criterion}}/chain.log",
    benchmark:
        f"{BENCHMARKS}/tickets/{{task}}/{{trainer}}/{{criterion}}/chain.jsonl"
    group:
        TICKET_FILES.submission
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=code("chain"),
        experiment=experiment("tickets"),
        densities=list(TICKETS.densities),
        network=lambda wildcards: TICKETS.tasks[wildcards.task],
        settings=lambda wildcards: TICKETS.settings[wildcards.task, wildcards.trainer],
        seed=study.seed,
        seeds_count=study.seeds,
    script:
        "../scripts/chain.py"


include: "transfers.smk"
include: "landscape.smk"
