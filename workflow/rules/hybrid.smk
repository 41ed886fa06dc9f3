# Hybrid training: gradients move the weights, evolution moves the mask; its gradient baselines and null controls (Lenc et al., 2019).
#
# REQUIRED INPUTS: the section `hybrid` of the configuration; without it the file adds nothing.
# OUTPUTS: {results}/hybrid/… one folder a task, method and density; {results}/tables/hybrid.parquet, hybrid_effects.parquet.
# STEPS: sparse (one job a cell, all seeds), mask_effects, mask_overhead → tables → figures


wildcard_constraints:
    method="[a-z0-9_]+",


HYBRID_TARGETS = all_hybrid_files()


rule sparse:
    """Train sparse networks by one method at one density, for all seeds."""
    output:
        scores=ensure(f"{SPARSE}/scores.parquet", non_empty=True),
        mask=f"{SPARSE}/mask.parquet",
        record=f"{SPARSE}/record.parquet",
    log:
        f"{LOGS}/hybrid/{{task}}/{{method}}/{{density}}.log",
    benchmark:
        f"{BENCHMARKS}/hybrid/{{task}}/{{method}}/{{density}}.jsonl"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=240,
    params:
        code=code("sparse"),
        experiment=experiment("hybrid"),
        task=lambda wildcards: HYBRID.tasks[wildcards.task],
        method=lambda wildcards: HYBRID.methods[wildcards.method],
        seed=study.seed,
        seeds_count=study.seeds,
    script:
        "../scripts/sparse.py"


rule mask_effects:
    """Correlate the updates of a mask with the exact effect of every weight, for all seeds."""
    output:
        effects=ensure(f"{EFFECTS}/effects.parquet", non_empty=True),
        record=f"{EFFECTS}/record.parquet",
    log:
        f"{LOGS}/hybrid/effects/{{task}}/{{method}}/{{density}}.log",
    benchmark:
        f"{BENCHMARKS}/hybrid/effects/{{task}}/{{method}}/{{density}}.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=120,
    params:
        code=code("mask_effects"),
        experiment=experiment("hybrid"),
        task=lambda wildcards: HYBRID.tasks[wildcards.task],
        method=lambda wildcards: HYBRID.methods[wildcards.method],
        populations=lambda wildcards: listed(HYBRID.effects, wildcards).populations,
        samples=lambda wildcards: listed(HYBRID.effects, wildcards).samples,
        draws=lambda wildcards: listed(HYBRID.effects, wildcards).draws,
        seed=study.seed,
        seeds_count=study.seeds,
    script:
        "../scripts/mask_effects.py"


rule mask_overhead:
    """Time the parts of a step of the hybrid; it takes a second core only to keep other jobs off."""
    output:
        figure=report(
            f"{OVERHEAD}/parts.png",
            caption="../report/hybrid_overhead.rst",
            category="Hybrid, cost",
            labels={"task": "{task}", "figure": "parts of a step of {method} at density {density}"},
        ),
        record=f"{OVERHEAD}/record.parquet",
    log:
        f"{LOGS}/hybrid/overhead/{{task}}/{{method}}/{{density}}.log",
    benchmark:
        f"{BENCHMARKS}/hybrid/overhead/{{task}}/{{method}}/{{density}}.jsonl"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=60,
    params:
        code=code("mask_overhead"),
        experiment=experiment("hybrid"),
        task=lambda wildcards: HYBRID.tasks[wildcards.task],
        method=lambda wildcards: HYBRID.methods[wildcards.method],
        repeats=lambda wildcards: listed(HYBRID.overhead, wildcards).repeats,
        seed=study.seed,
    script:
        "../scripts/mask_overhead.py"


rule hybrid_table:
    """Put the scores of all cells into one tidy table."""
    input:
        tables=hybrid_files(SPARSE, "scores.parquet", HYBRID.cells),
    output:
        table=ensure(f"{RESULTS}/tables/hybrid.parquet", non_empty=True),
    log:
        f"{LOGS}/hybrid/table.log",
    benchmark:
        f"{BENCHMARKS}/hybrid/table.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("hybrid_table"),
        schema="hybrid",
        config=study.config,
    script:
        "../scripts/hybrid_table.py"


rule hybrid_effects_table:
    """Put the correlations of all networks into one tidy table."""
    input:
        tables=hybrid_files(EFFECTS, "effects.parquet", HYBRID.effects),
    output:
        table=ensure(f"{RESULTS}/tables/hybrid_effects.parquet", non_empty=True),
    log:
        f"{LOGS}/hybrid/effects/table.log",
    benchmark:
        f"{BENCHMARKS}/hybrid/effects/table.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("hybrid_table"),
        schema="hybrid_effects",
        config=study.config,
    script:
        "../scripts/hybrid_table.py"


rule hybrid_figures:
    """Draw a task's accuracy over density and over compute, and how its masks change."""
    input:
        table=rules.hybrid_table.output.table,
    output:
        performance=report(
            f"{RESULTS}/figures/hybrid/{{task}}_performance.svg",
            caption="../report/hybrid_performance.rst",
            category="Hybrid, accuracy over density",
            labels={"task": "{task}", "figure": "accuracy over density"},
        ),
        cost=report(
            f"{RESULTS}/figures/hybrid/{{task}}_cost.svg",
            caption="../report/hybrid_cost.rst",
            category="Hybrid, cost",
            labels={"task": "{task}", "figure": "accuracy over compute"},
        ),
        churn=report(
            f"{RESULTS}/figures/hybrid/{{task}}_churn.svg",
            caption="../report/hybrid_churn.rst",
            category="Hybrid, masks",
            labels={"task": "{task}", "figure": "mask churn"},
        ),
    log:
        f"{LOGS}/hybrid/{{task}}/figures.log",
    benchmark:
        f"{BENCHMARKS}/hybrid/{{task}}/figures.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("hybrid_figures"),
    script:
        "../scripts/hybrid_figures.py"


rule hybrid_effects_figure:
    """Draw how well updates of a mask agree with exact effects, over weights a member."""
    input:
        table=rules.hybrid_effects_table.output.table,
    output:
        figure=report(
            f"{RESULTS}/figures/hybrid/effects.svg",
            caption="../report/hybrid_effects.rst",
            category="Hybrid, masks",
            labels={"task": "small networks", "figure": "update and exact effect"},
        ),
    log:
        f"{LOGS}/hybrid/effects/figure.log",
    benchmark:
        f"{BENCHMARKS}/hybrid/effects/figure.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("hybrid_effects_figure"),
    script:
        "../scripts/hybrid_effects_figure.py"
