# Planted tickets, and seekers that look for them (Fischer & Burkholz, 2022).
#
# REQUIRED INPUTS: the section `planting` of the configuration; without it the file adds nothing.
# OUTPUTS: {results}/planting/… one folder a target, depth, seeker and density; {results}/tables/planting.parquet.
# STEPS: plant → seek (one job a cell, all seeds) → planting_table


wildcard_constraints:
    target="[a-z0-9_]+",
    seeker="[a-z0-9_]+",
    depth=r"\d\d",
    density=r"ticket|[0-9.e-]+",


PLANTING_TARGETS = all_planting_files()


rule plant:
    """Draw the mother networks of a target and depth and plant the ticket in each, for all seeds."""
    output:
        planted=f"{GROUND}/planted.parquet",
    log:
        f"{LOGS}/planting/{{target}}/depth{{depth}}/plant.log",
    benchmark:
        f"{BENCHMARKS}/planting/{{target}}/depth{{depth}}/plant.jsonl"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=10,
    params:
        code=code("plant"),
        target=lambda wildcards: PLANTING.targets[wildcards.target],
        seed=study.seed,
        seeds_count=study.seeds,
    script:
        "../scripts/plant.py"


rule seek:
    """Let a seeker look for a planted ticket at a density, and measure what it found, for all seeds."""
    input:
        planted=f"{GROUND}/planted.parquet",
    output:
        scores=ensure(f"{CELL}/scores.parquet", non_empty=True),
        mask=f"{CELL}/mask.parquet",
        record=f"{CELL}/record.parquet",
    log:
        f"{LOGS}/planting/{{target}}/depth{{depth}}/{{seeker}}/{{density}}.log",
    benchmark:
        f"{BENCHMARKS}/planting/{{target}}/depth{{depth}}/{{seeker}}/{{density}}.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=120,
    params:
        code=code("seek"),
        experiment=experiment("planting"),
        target=lambda wildcards: PLANTING.targets[wildcards.target],
        seeker=lambda wildcards: PLANTING.seekers[wildcards.seeker],
        training=PLANTING.training,
        samples=PLANTING.samples,
        seed=study.seed,
    script:
        "../scripts/seek.py"


rule planting_table:
    """Put the measures of all cells into one tidy table."""
    input:
        scores=cell_files("scores.parquet"),
    output:
        table=ensure(f"{RESULTS}/tables/planting.parquet", non_empty=True),
    log:
        f"{LOGS}/planting/table.log",
    benchmark:
        f"{BENCHMARKS}/planting/table.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("planting_table"),
        config=study.config,
    script:
        "../scripts/planting_table.py"


rule planting_figures:
    """Draw what seekers find of a target: quality over density, recovered edges, collapsed layers."""
    input:
        table=rules.planting_table.output.table,
    output:
        quality=report(
            f"{RESULTS}/figures/planting/{{target}}_quality.svg",
            caption="../report/planting_quality.rst",
            category="Planting, score over density",
            labels={"target": "{target}", "figure": "score over density"},
        ),
        recovery=report(
            f"{RESULTS}/figures/planting/{{target}}_recovery.svg",
            caption="../report/planting_recovery.rst",
            category="Planting, recovery",
            labels={"target": "{target}", "figure": "recovery per layer"},
        ),
        collapse=report(
            f"{RESULTS}/figures/planting/{{target}}_collapse.svg",
            caption="../report/planting_collapse.rst",
            category="Planting, layer collapse",
            labels={"target": "{target}", "figure": "layer collapse"},
        ),
    log:
        f"{LOGS}/planting/{{target}}/figures.log",
    benchmark:
        f"{BENCHMARKS}/planting/{{target}}/figures.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("planting_figures"),
    script:
        "../scripts/planting_figures.py"


rule planted_networks:
    """Draw a small planted network and what every seeker found of it, for the first seed."""
    input:
        planted=f"{GROUND}/planted.parquet",
        masks=drawn_masks,
    output:
        figure=report(
            f"{GROUND}/networks.svg",
            caption="../report/planted_networks.rst",
            category="Planting, recovery",
            labels={"target": "{target}", "figure": "networks at depth {depth}"},
        ),
    log:
        f"{LOGS}/planting/{{target}}/depth{{depth}}/networks.log",
    benchmark:
        f"{BENCHMARKS}/planting/{{target}}/depth{{depth}}/networks.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("planted_networks"),
        target=lambda wildcards: PLANTING.targets[wildcards.target],
        seekers=drawn_seekers,
    script:
        "../scripts/planted_networks.py"
