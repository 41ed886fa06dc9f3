# Strong tickets: masks of untrained weights (Altmann et al., 2024; Schönberger et al., 2025).
#
# REQUIRED INPUTS: the section `strong` of the configuration; without it the file adds nothing.
# OUTPUTS: {results}/strong/… one folder a task and seeker.
# STEPS: search (one job a cell, all seeds; genetic searches before those that take their density or budget) → tables, figures


STRONG = study.strong
STRONG_FILES = FILES["strong"]


rule search:
    """Let a seeker look for strong tickets of a task; choose, prune and measure what it found, for all seeds."""
    input:
        reference=STRONG_FILES.reference,
    output:
        scores=ensure(f"{STRONG_FILES.cell}/scores.parquet", non_empty=True),
        history=f"{STRONG_FILES.cell}/history.parquet",
        mask=f"{STRONG_FILES.cell}/mask.parquet",
        record=f"{STRONG_FILES.cell}/record.parquet",
    log:
        f"{LOGS}/strong/{{task}}/{{seeker}}.log",
    benchmark:
        f"{BENCHMARKS}/strong/{{task}}/{{seeker}}.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(240),
    params:
        code=lambda wildcards: code("search", **STRONG_FILES.seeking(wildcards)),
        experiment=experiment("strong"),
        task=lambda wildcards: STRONG.tasks[wildcards.task],
        seeker=lambda wildcards: STRONG.seekers[wildcards.seeker],
        training=STRONG.training,
        samples=STRONG.samples,
        seed=study.seed,
        seeds_count=study.seeds,
    script:
        "../scripts/search.py"


rule strong_boundaries:
    """Draw where the tickets of a task with two inputs change their mind, for the first seed."""
    input:
        masks=STRONG_FILES.drawn_masks,
    output:
        figure=drawn("strong", "boundaries"),
    log:
        f"{LOGS}/strong/{{task}}/boundaries.log",
    benchmark:
        f"{BENCHMARKS}/strong/{{task}}/boundaries.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=lambda wildcards: code("strong_boundaries", **STRONG_FILES.task(wildcards)),
        task=lambda wildcards: STRONG.tasks[wildcards.task],
        seekers=STRONG_FILES.drawn_seekers,
        training=STRONG.training,
        samples=STRONG.samples,
        seed=study.seed,
    script:
        "../scripts/strong_boundaries.py"
