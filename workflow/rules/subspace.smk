# Subspace evolution: sparse mutations of pretrained networks (Whitaker & Whitley, 2023).
#
# REQUIRED INPUTS: the section `subspace` of the configuration; without it the file adds nothing.
# OUTPUTS: {results}/subspace/… one folder a parent, study and cell.
# STEPS: parent → helper (only where several jobs share a cell) → children (one job a cell, all seeds) → network (only
# where a study keeps some: made again from the losses of its children) → table, figures


wildcard_constraints:
    parent="[a-z][a-z0-9_]*",
    study="mutations|gradients|generations|tuning|costs",
    cell="(dense|bernoulli|static|partition|antithetic|low_rank|gradient|only)[a-z0-9_.-]*",
    worker=r"\d\d\d",
    network=r"[a-z]+(_[a-z0-9.+-]+)*",
    index=r"\d\d+",


SUBSPACE = study.subspace
SUBSPACE_FILES = FILES["subspace"]


rule parent:
    """Build, load or train a parent, and score it on all held-out images."""
    input:
        checkpoint=SUBSPACE_FILES.checkpoint,
    output:
        weights=f"{SUBSPACE_FILES.parent}/weights.safetensors",
        scores=ensure(f"{SUBSPACE_FILES.parent}/scores.parquet", non_empty=True),
    log:
        f"{LOGS}/subspace/{{parent}}/parent.log",
    benchmark:
        f"{BENCHMARKS}/subspace/{{parent}}/parent.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(60),
    params:
        code=lambda wildcards: code("parent", **SUBSPACE_FILES.images(wildcards)),
        parent=lambda wildcards: SUBSPACE.parents[wildcards.parent],
        images=SUBSPACE.images,
        seed=study.seed,
        seeds_count=study.seeds,
    script:
        "../scripts/parent.py"


rule helper:
    """Evaluate children of a cell beside other jobs, perhaps on another machine."""
    input:
        weights=f"{SUBSPACE_FILES.parent}/weights.safetensors",
    output:
        done=f"{SUBSPACE_FILES.cell}/worker{{worker}}.done",
    log:
        f"{LOGS}/subspace/{{parent}}/{{study}}/{{cell}}_worker{{worker}}.log",
    benchmark:
        f"{BENCHMARKS}/subspace/{{parent}}/{{study}}/{{cell}}_worker{{worker}}.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(720),
    params:
        code=lambda wildcards: code("children", **SUBSPACE_FILES.parts(wildcards)),
        experiment=experiment("subspace"),
        parent=lambda wildcards: SUBSPACE.parents[wildcards.parent],
        settings=SUBSPACE_FILES.settings,
        images=SUBSPACE.images,
        batch_norm=SUBSPACE.batch_norm,
        together=SUBSPACE.together,
        seed=study.seed,
        seeds_count=study.seeds,
        workers=SUBSPACE.workers,
    script:
        "../scripts/children.py"


rule children:
    """Evaluate the children of a cell, recombine them, and score what comes of it, for all seeds."""
    input:
        weights=f"{SUBSPACE_FILES.parent}/weights.safetensors",
        helpers=SUBSPACE_FILES.helpers,
    output:
        scores=ensure(f"{SUBSPACE_FILES.cell}/scores.parquet", non_empty=True),
        record=f"{SUBSPACE_FILES.cell}/record.parquet",
        losses=f"{SUBSPACE_FILES.cell}/losses.safetensors",
    log:
        f"{LOGS}/subspace/{{parent}}/{{study}}/{{cell}}.log",
    benchmark:
        f"{BENCHMARKS}/subspace/{{parent}}/{{study}}/{{cell}}.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(720),
    params:
        code=lambda wildcards: code("children", **SUBSPACE_FILES.parts(wildcards)),
        experiment=experiment("subspace"),
        parent=lambda wildcards: SUBSPACE.parents[wildcards.parent],
        settings=SUBSPACE_FILES.settings,
        images=SUBSPACE.images,
        batch_norm=SUBSPACE.batch_norm,
        together=SUBSPACE.together,
        seed=study.seed,
        seeds_count=study.seeds,
        workers=SUBSPACE.workers,
    script:
        "../scripts/children.py"


rule network:
    """Make a network of a cell again, from its parent, the losses of children and the seed, for whoever loads it."""
    input:
        weights=f"{SUBSPACE_FILES.parent}/weights.safetensors",
        losses=f"{SUBSPACE_FILES.cell}/losses.safetensors",
        scores=f"{SUBSPACE_FILES.cell}/scores.parquet",
    output:
        network=f"{SUBSPACE_FILES.network}",
    log:
        f"{LOGS}/subspace/{{parent}}/{{study}}/{{cell}}_{{network}}_seed{{index}}.log",
    benchmark:
        f"{BENCHMARKS}/subspace/{{parent}}/{{study}}/{{cell}}_{{network}}_seed{{index}}.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(60),
    params:
        code=code("network"),
        parent=lambda wildcards: SUBSPACE.parents[wildcards.parent],
        settings=SUBSPACE_FILES.settings,
        seed=study.seed,
    script:
        "../scripts/network.py"
