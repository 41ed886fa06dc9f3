# Subspace evolution: sparse mutations of pretrained networks (Whitaker & Whitley, 2023).
#
# REQUIRED INPUTS: the section `subspace` of the configuration; without it the file adds nothing.
# OUTPUTS: {results}/subspace/… one folder a parent, study and cell; {results}/tables/subspace.parquet.
# STEPS: parent → helper (only where several jobs share a cell) → children (one job a cell, all seeds) → subspace_table


wildcard_constraints:
    parent="[a-z][a-z0-9_]*",
    study="mutations|gradients|generations",
    cell="(dense|bernoulli|static|partition|antithetic)[a-z0-9_.-]*",
    worker=r"\d\d\d",


SUBSPACE_TARGETS = all_subspace_files()


rule parent:
    """Build, load or train a parent, and score it on all held-out images."""
    output:
        weights=f"{PARENT}/weights.pt",
        scores=ensure(f"{PARENT}/scores.parquet", non_empty=True),
    log:
        f"{LOGS}/subspace/{{parent}}/parent.log",
    benchmark:
        f"{BENCHMARKS}/subspace/{{parent}}/parent.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=60,
    params:
        code=code("parent"),
        parent=lambda wildcards: SUBSPACE.parents[wildcards.parent],
        batch=SUBSPACE.images.get("batch"),
        seed=study.seed,
        seeds_count=study.seeds,
    script:
        "../scripts/parent.py"


rule helper:
    """Evaluate children of a cell beside other jobs, perhaps on another machine."""
    input:
        weights=f"{PARENT}/weights.pt",
    output:
        done=f"{OFFSPRING}/worker{{worker}}.done",
    log:
        f"{LOGS}/subspace/{{parent}}/{{study}}/{{cell}}_worker{{worker}}.log",
    benchmark:
        f"{BENCHMARKS}/subspace/{{parent}}/{{study}}/{{cell}}_worker{{worker}}.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=720,
    params:
        code=code("children"),
        experiment=experiment("subspace"),
        parent=lambda wildcards: SUBSPACE.parents[wildcards.parent],
        settings=offspring_settings,
        images=SUBSPACE.images,
        batch_norm=SUBSPACE.batch_norm,
        seed=study.seed,
        seeds_count=study.seeds,
        workers=SUBSPACE.workers,
    script:
        "../scripts/children.py"


rule children:
    """Evaluate the children of a cell, recombine them, and score what comes of it, for all seeds."""
    input:
        weights=f"{PARENT}/weights.pt",
        helpers=helpers,
    output:
        scores=ensure(f"{OFFSPRING}/scores.parquet", non_empty=True),
        record=f"{OFFSPRING}/record.parquet",
    log:
        f"{LOGS}/subspace/{{parent}}/{{study}}/{{cell}}.log",
    benchmark:
        f"{BENCHMARKS}/subspace/{{parent}}/{{study}}/{{cell}}.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=720,
    params:
        code=code("children"),
        experiment=experiment("subspace"),
        parent=lambda wildcards: SUBSPACE.parents[wildcards.parent],
        settings=offspring_settings,
        images=SUBSPACE.images,
        batch_norm=SUBSPACE.batch_norm,
        seed=study.seed,
        seeds_count=study.seeds,
        workers=SUBSPACE.workers,
    script:
        "../scripts/children.py"


rule subspace_table:
    """Put the scores of all parents and cells into one tidy table."""
    input:
        scores=[
            *expand(f"{PARENT}/scores.parquet", parent=SUBSPACE.used),
            *offspring_files("scores.parquet"),
        ],
    output:
        table=ensure(f"{RESULTS}/tables/subspace.parquet", non_empty=True),
    log:
        f"{LOGS}/subspace/table.log",
    benchmark:
        f"{BENCHMARKS}/subspace/table.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("subspace_table"),
        config=study.config,
    script:
        "../scripts/subspace_table.py"


rule mutations_figures:
    """Draw what mutations do to a parent, and what their children are worth."""
    input:
        table=rules.subspace_table.output.table,
    output:
        damage=report(
            f"{RESULTS}/figures/subspace/{{parent}}_damage.svg",
            caption="../report/subspace_damage.rst",
            category="Subspace evolution",
            labels={"parent": "{parent}", "figure": "damage over sigma and over norm"},
        ),
        variance=report(
            f"{RESULTS}/figures/subspace/{{parent}}_variance.svg",
            caption="../report/subspace_variance.rst",
            category="Subspace evolution",
            labels={"parent": "{parent}", "figure": "spread at equal norm"},
        ),
        ensembles=report(
            f"{RESULTS}/figures/subspace/{{parent}}_ensembles.svg",
            caption="../report/subspace_ensembles.rst",
            category="Subspace evolution",
            labels={"parent": "{parent}", "figure": "gain over density"},
        ),
    log:
        f"{LOGS}/subspace/{{parent}}/mutations_figures.log",
    benchmark:
        f"{BENCHMARKS}/subspace/{{parent}}/mutations_figures.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("subspace_figures"),
    script:
        "../scripts/subspace_figures.py"


rule gradients_figure:
    """Draw what a search sees of a parent's gradient."""
    input:
        table=rules.subspace_table.output.table,
    output:
        gradients=report(
            f"{RESULTS}/figures/subspace/{{parent}}_gradients.svg",
            caption="../report/subspace_gradients.rst",
            category="Subspace evolution",
            labels={"parent": "{parent}", "figure": "cosine to the gradient"},
        ),
    log:
        f"{LOGS}/subspace/{{parent}}/gradients_figures.log",
    benchmark:
        f"{BENCHMARKS}/subspace/{{parent}}/gradients_figures.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("subspace_figures"),
    script:
        "../scripts/subspace_figures.py"


rule generations_figure:
    """Draw what a parent learns and forgets over generations."""
    input:
        table=rules.subspace_table.output.table,
    output:
        generations=report(
            f"{RESULTS}/figures/subspace/{{parent}}_generations.svg",
            caption="../report/subspace_generations.rst",
            category="Subspace evolution",
            labels={"parent": "{parent}", "figure": "learning and forgetting"},
        ),
    log:
        f"{LOGS}/subspace/{{parent}}/generations_figures.log",
    benchmark:
        f"{BENCHMARKS}/subspace/{{parent}}/generations_figures.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("subspace_figures"),
    script:
        "../scripts/subspace_figures.py"
