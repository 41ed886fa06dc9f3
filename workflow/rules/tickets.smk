# Tickets of evolution strategies (Lange & Sprekeler, 2023).
#
# REQUIRED INPUTS: the section `tickets` of the configuration.
# OUTPUTS: {results}/tickets/… one folder a level and a chain; {results}/tables/tickets.parquet; figures of every task.
# STEPS: initialise → level 0 (dense) → level 1 → … → level L → chain (curves, record); tickets_table → tickets_figures


wildcard_constraints:
    task="[a-z0-9_]+",
    trainer="[a-z0-9_]+",
    criterion="[a-z][a-z0-9_]*",
    level=r"\d\d",


TICKETS_TARGETS = all_ticket_files()


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
        runtime=10,
    params:
        code=code("initialise"),
        network=lambda wildcards: TICKETS.tasks[wildcards.task],
        seed=study.seed,
        seeds_count=study.seeds,
    script:
        "../scripts/initialise.py"


rule level:
    """Cut the ticket of the level before by a criterion (or make a control of it) and train it, for all seeds."""
    input:
        source=ticket_source,
    output:
        ticket=ensure(f"{LEVEL}/ticket.parquet", non_empty=True),
        scores=f"{LEVEL}/scores.parquet",
        history=f"{LEVEL}/history.parquet",
        record=f"{LEVEL}/record.parquet",
    log:
        f"{LOGS}/tickets/{{task}}/{{trainer}}/{{criterion}}/level{{level}}.log",
    benchmark:
        f"{BENCHMARKS}/tickets/{{task}}/{{trainer}}/{{criterion}}/level{{level}}.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=120,
    params:
        code=code("level"),
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
        tickets=lambda wildcards: [
            level_file("ticket", wildcards.task, wildcards.trainer, wildcards.criterion, level) for level in (0, 1)
        ],
    output:
        figure=report(
            f"{CHAIN}/first_cut.svg",
            caption="../report/snr_against_magnitude.rst",
            category="Tickets, cuts",
            subcategory="{task}",
            labels={"trainer": "{trainer}", "criterion": "{criterion}", "figure": "first cut"},
        ),
    log:
        f"{LOGS}/tickets/{{task}}/{{trainer}}/{{criterion}}/cut_figure.log",
    benchmark:
        f"{BENCHMARKS}/tickets/{{task}}/{{trainer}}/{{criterion}}/cut_figure.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("cut_figure"),
    script:
        "../scripts/cut_figure.py"


rule chain:
    """Collect the levels of a chain into one table, draw its training curves and layer densities, write its record."""
    input:
        tickets=level_files("ticket"),
        scores=level_files("scores"),
        histories=level_files("history"),
        cut=cut_figure,
    output:
        scores=f"{CHAIN}/chain.parquet",
        record=f"{CHAIN}/record.parquet",
        training_curves=report(
            f"{CHAIN}/training_curves.svg",
            caption="../report/training_curves.rst",
            category="Tickets, training",
            subcategory="{task}",
            labels={"trainer": "{trainer}", "criterion": "{criterion}", "figure": "training curves"},
        ),
        layer_densities=report(
            f"{CHAIN}/layer_densities.svg",
            caption="../report/layer_densities.rst",
            category="Tickets, layer densities",
            subcategory="{task}",
            labels={"trainer": "{trainer}", "criterion": "{criterion}", "figure": "layer densities"},
        ),
    log:
        f"{LOGS}/tickets/{{task}}/{{trainer}}/{{criterion}}/chain.log",
    benchmark:
        f"{BENCHMARKS}/tickets/{{task}}/{{trainer}}/{{criterion}}/chain.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("chain"),
        experiment=experiment("tickets"),
        densities=list(TICKETS.densities),
        settings=lambda wildcards: TICKETS.settings[wildcards.task, wildcards.trainer],
        seeds_count=study.seeds,
    script:
        "../scripts/chain.py"


rule tickets_table:
    """Put the scores of all chains into one tidy table."""
    input:
        scores=[file for chain in TICKETS.chains for file in level_files("scores")(chain)],
    output:
        table=ensure(f"{RESULTS}/tables/tickets.parquet", non_empty=True),
    log:
        f"{LOGS}/tickets/table.log",
    benchmark:
        f"{BENCHMARKS}/tickets/table.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("tickets_table"),
        criteria=[chain.criterion for chain in TICKETS.chains for _ in TICKETS.levels],
        config=study.config,
    script:
        "../scripts/tickets_table.py"


rule tickets_figures:
    """Draw score over density of one task."""
    input:
        table=rules.tickets_table.output.table,
    output:
        performance=report(
            f"{RESULTS}/figures/tickets/{{task}}_performance.svg",
            caption="../report/performance.rst",
            category="Tickets, score over density",
            labels={"task": "{task}", "figure": "criteria"},
        ),
        strategies=report(
            f"{RESULTS}/figures/tickets/{{task}}_strategies.svg",
            caption="../report/strategies.rst",
            category="Tickets, score over density",
            labels={"task": "{task}", "figure": "trainers"},
        ),
    log:
        f"{LOGS}/tickets/{{task}}/figures.log",
    benchmark:
        f"{BENCHMARKS}/tickets/{{task}}/figures.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("tickets_figures"),
        compared=compared,
    script:
        "../scripts/tickets_figures.py"
