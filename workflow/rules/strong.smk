# Strong tickets: masks of untrained weights (Altmann et al., 2024; Schönberger et al., 2025).
#
# REQUIRED INPUTS: the section `strong` of the configuration; without it the file adds nothing.
# OUTPUTS: {results}/strong/… one folder a task and seeker; {results}/tables/strong.parquet, strong_history.parquet.
# STEPS: search (one job a cell, all seeds; genetic searches before those that take their density or budget) → strong_table


wildcard_constraints:
    family="[a-z0-9_]+",


STRONG_TARGETS = all_strong_files()


rule search:
    """Let a seeker look for strong tickets of a task; choose, prune and measure what it found, for all seeds."""
    input:
        reference=reference_scores,
    output:
        scores=ensure(f"{SEARCH}/scores.parquet", non_empty=True),
        history=f"{SEARCH}/history.parquet",
        mask=f"{SEARCH}/mask.parquet",
        record=f"{SEARCH}/record.parquet",
    log:
        f"{LOGS}/strong/{{task}}/{{seeker}}.log",
    benchmark:
        f"{BENCHMARKS}/strong/{{task}}/{{seeker}}.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=240,
    params:
        code=code("search"),
        experiment=experiment("strong"),
        task=lambda wildcards: STRONG.tasks[wildcards.task],
        seeker=lambda wildcards: STRONG.seekers[wildcards.seeker],
        training=STRONG.training,
        samples=STRONG.samples,
        seed=study.seed,
        seeds_count=study.seeds,
    script:
        "../scripts/search.py"


rule strong_table:
    """Put the measures and the histories of all cells into tidy tables."""
    input:
        scores=search_files("scores.parquet"),
        history=search_files("history.parquet"),
    output:
        table=ensure(f"{RESULTS}/tables/strong.parquet", non_empty=True),
        history=f"{RESULTS}/tables/strong_history.parquet",
    log:
        f"{LOGS}/strong/table.log",
    benchmark:
        f"{BENCHMARKS}/strong/table.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("strong_table"),
        config=study.config,
    script:
        "../scripts/strong_table.py"


rule strong_figures:
    """Draw what seekers find in a family of tasks: accuracy over density, and the way there."""
    input:
        table=rules.strong_table.output.table,
        history=rules.strong_table.output.history,
    output:
        fronts=report(
            f"{SEARCH_FIGURES}/{{family}}_fronts.svg",
            caption="../report/strong_fronts.rst",
            category="Strong tickets, accuracy over density",
            labels={"family": "{family}", "figure": "accuracy over density"},
        ),
        progress=report(
            f"{SEARCH_FIGURES}/{{family}}_progress.svg",
            caption="../report/strong_progress.rst",
            category="Strong tickets, searches",
            labels={"family": "{family}", "figure": "objective over evaluations"},
        ),
    log:
        f"{LOGS}/strong/{{family}}_figures.log",
    benchmark:
        f"{BENCHMARKS}/strong/{{family}}_figures.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("strong_figures"),
        seekers=STRONG.seekers,
    script:
        "../scripts/strong_figures.py"


rule strong_leak:
    """Draw how much better tickets look that were chosen and pruned on the test set."""
    input:
        table=rules.strong_table.output.table,
    output:
        figure=report(
            f"{SEARCH_FIGURES}/leak.svg",
            caption="../report/strong_leak.rst",
            category="Strong tickets, test-set leak",
            labels={"family": "all", "figure": "test-set leak"},
        ),
    log:
        f"{LOGS}/strong/leak.log",
    benchmark:
        f"{BENCHMARKS}/strong/leak.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("strong_leak"),
    script:
        "../scripts/strong_leak.py"


rule strong_boundaries:
    """Draw where the tickets of a task with two inputs change their mind, for the first seed."""
    input:
        masks=lambda wildcards: [
            f"{SEARCH}/mask.parquet".format(task=wildcards.task, seeker=seeker)
            for seeker in drawn_searches(wildcards.task)
        ],
    output:
        figure=report(
            f"{SEARCH_FIGURES}/{{task}}_boundaries.svg",
            caption="../report/strong_boundaries.rst",
            category="Strong tickets, decision boundaries",
            labels={"family": "{task}", "figure": "decision boundaries"},
        ),
    log:
        f"{LOGS}/strong/{{task}}/boundaries.log",
    benchmark:
        f"{BENCHMARKS}/strong/{{task}}/boundaries.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("strong_boundaries"),
        task=lambda wildcards: STRONG.tasks[wildcards.task],
        seekers=lambda wildcards: {name: STRONG.seekers[name] for name in drawn_searches(wildcards.task)},
        training=STRONG.training,
        samples=STRONG.samples,
        seed=study.seed,
    script:
        "../scripts/strong_boundaries.py"
