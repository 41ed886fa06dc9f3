# Planted tickets, and seekers that look for them (Fischer & Burkholz, 2022).
#
# REQUIRED INPUTS: the section `planting` of the configuration; without it the file adds nothing.
# OUTPUTS: {results}/planting/… one folder a target, depth, seeker and density.
# STEPS: plant → seek (one job a cell, all seeds) → table, figures


wildcard_constraints:
    target="[a-z0-9_]+",
    depth=r"\d\d",


PLANTING = study.planting
PLANTING_FILES = FILES["planting"]


rule plant:
    """Draw the mother networks of a target and depth and plant the ticket in each, for all seeds."""
    output:
        planted=f"{PLANTING_FILES.ground}/planted.parquet",
        scales=f"{PLANTING_FILES.ground}/scales.parquet",
    log:
        f"{LOGS}/planting/{{target}}/depth{{depth}}/plant.log",
    benchmark:
        f"{BENCHMARKS}/planting/{{target}}/depth{{depth}}/plant.jsonl"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
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
        planted=f"{PLANTING_FILES.ground}/planted.parquet",
        scales=f"{PLANTING_FILES.ground}/scales.parquet",
    output:
        scores=ensure(f"{PLANTING_FILES.cell}/scores.parquet", non_empty=True),
        mask=f"{PLANTING_FILES.cell}/mask.parquet",
        record=f"{PLANTING_FILES.cell}/record.parquet",
    log:
        f"{LOGS}/planting/{{target}}/depth{{depth}}/{{seeker}}/{{density}}.log",
    benchmark:
        f"{BENCHMARKS}/planting/{{target}}/depth{{depth}}/{{seeker}}/{{density}}.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(120),
    params:
        code=lambda wildcards: code("seek", **PLANTING_FILES.seeking(wildcards)),
        experiment=experiment("planting"),
        target=lambda wildcards: PLANTING.targets[wildcards.target],
        seeker=lambda wildcards: PLANTING.seekers[wildcards.seeker],
        training=PLANTING.training,
        samples=PLANTING.samples,
        seed=study.seed,
    script:
        "../scripts/seek.py"


rule planted_networks:
    """Draw a small planted network and what every seeker found of it, for the first seed."""
    input:
        planted=f"{PLANTING_FILES.ground}/planted.parquet",
        masks=PLANTING_FILES.drawn_masks,
    output:
        figure=drawn("planting", "planted_networks"),
    log:
        f"{LOGS}/planting/{{target}}/depth{{depth}}/networks.log",
    benchmark:
        f"{BENCHMARKS}/planting/{{target}}/depth{{depth}}/networks.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=code("planted_networks"),
        target=lambda wildcards: PLANTING.targets[wildcards.target],
        seekers=PLANTING_FILES.drawn_seekers,
    script:
        "../scripts/planted_networks.py"
