# Hybrid training: gradients move the weights, evolution moves the mask; its gradient baselines and null controls (Lenc et al., 2019).
#
# REQUIRED INPUTS: the section `hybrid` of the configuration; without it the file adds nothing.
# OUTPUTS: {results}/hybrid/… one folder a task, method, density and share-out over layers.
# STEPS: sparse (one job a cell: it chooses settings on validation images, and trains all seeds), mask_effects, mask_overhead → tables → figures
#        of speech: sparse_speech (the same, and keeps a network), speak (a cell), speech (a task: page and spectrograms)


wildcard_constraints:
    method="[a-z0-9_]+",
    layer_densities="uniform|erk|whole",


HYBRID = study.hybrid
HYBRID_FILES = FILES["hybrid"]


rule sparse:
    """Train sparse networks by one method at one density with the settings that validation images choose, for all seeds."""
    output:
        scores=ensure(f"{HYBRID_FILES.cell}/scores.parquet", non_empty=True),
        choices=f"{HYBRID_FILES.cell}/choices.parquet",
        mask=f"{HYBRID_FILES.cell}/mask.parquet",
        record=f"{HYBRID_FILES.cell}/record.parquet",
    log:
        f"{LOGS}/hybrid/{{task}}/{{method}}/{{density}}_{{layer_densities}}.log",
    benchmark:
        f"{BENCHMARKS}/hybrid/{{task}}/{{method}}/{{density}}_{{layer_densities}}.jsonl"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        code=lambda wildcards: code("sparse", **HYBRID_FILES.training(wildcards)),
        experiment=experiment("hybrid"),
        task=lambda wildcards: HYBRID.tasks[wildcards.task],
        method=lambda wildcards: HYBRID.methods[wildcards.method],
        candidates=HYBRID_FILES.candidates,
        tries=HYBRID.tries,
        replicates=HYBRID.replicates,
        seed=study.seed,
        seeds_count=study.seeds,
    script:
        "../scripts/sparse.py"


if HYBRID_FILES.speaking:

    ruleorder: sparse_speech > sparse

    use rule sparse as sparse_speech with:
        output:
            scores=ensure(f"{HYBRID_FILES.cell}/scores.parquet", non_empty=True),
            choices=f"{HYBRID_FILES.cell}/choices.parquet",
            mask=f"{HYBRID_FILES.cell}/mask.parquet",
            record=f"{HYBRID_FILES.cell}/record.parquet",
            network=f"{HYBRID_FILES.cell}/network.safetensors",
        wildcard_constraints:
            task="|".join(HYBRID_FILES.speaking),

    rule speak:
        """Let the network of a cell speak sentences that it was not trained on."""
        input:
            network=f"{HYBRID_FILES.cell}/network.safetensors",
        output:
            sentences=HYBRID_FILES.sentences,
        log:
            f"{LOGS}/hybrid/speak/{{task}}/{{method}}/{{density}}_{{layer_densities}}.log",
        benchmark:
            f"{BENCHMARKS}/hybrid/speak/{{task}}/{{method}}/{{density}}_{{layer_densities}}.jsonl"
        threads: 1
        resources:
            mem_mb=growing(2000),
            runtime=growing(30),
        params:
            code=code("speak"),
            task=lambda wildcards: HYBRID.tasks[wildcards.task]["task"],
            seed=study.seed,
        script:
            "../scripts/speak.py"

    rule speech:
        """Put all that networks of a task say on one page to play, and draw spectrograms."""
        input:
            table=HYBRID_FILES.table("hybrid"),
            sentences=lambda wildcards: [
                path.format(**cell) for cell in HYBRID_FILES.said(wildcards.task) for path in HYBRID_FILES.sentences
            ],
        output:
            page=drawn("hybrid", "speech"),
            spectrograms=drawn("hybrid", "spectrograms"),
        log:
            f"{LOGS}/hybrid/speech/{{task}}.log",
        benchmark:
            f"{BENCHMARKS}/hybrid/speech/{{task}}.jsonl"
        threads: 1
        resources:
            mem_mb=growing(1000),
            runtime=growing(10),
        params:
            code=code("speech", "evotickets.systems.hybrid.tables"),
            cells=lambda wildcards: HYBRID_FILES.said(wildcards.task),
        script:
            "../scripts/speech.py"


rule mask_effects:
    """Correlate the updates of a mask with the exact effect of every weight, for all seeds."""
    output:
        effects=ensure(f"{HYBRID_FILES.effects}/effects.parquet", non_empty=True),
        record=f"{HYBRID_FILES.effects}/record.parquet",
    log:
        f"{LOGS}/hybrid/effects/{{task}}/{{method}}/{{density}}.log",
    benchmark:
        f"{BENCHMARKS}/hybrid/effects/{{task}}/{{method}}/{{density}}.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(120),
    params:
        code=lambda wildcards: code("mask_effects", **HYBRID_FILES.training(wildcards)),
        experiment=experiment("hybrid"),
        task=lambda wildcards: HYBRID.tasks[wildcards.task],
        method=lambda wildcards: HYBRID.methods[wildcards.method],
        layer_densities=lambda wildcards: HYBRID_FILES.listed(HYBRID.effects, wildcards).layer_densities,
        populations=lambda wildcards: HYBRID_FILES.listed(HYBRID.effects, wildcards).populations,
        samples=lambda wildcards: HYBRID_FILES.listed(HYBRID.effects, wildcards).samples,
        draws=lambda wildcards: HYBRID_FILES.listed(HYBRID.effects, wildcards).draws,
        seed=study.seed,
        seeds_count=study.seeds,
    script:
        "../scripts/mask_effects.py"


rule mask_overhead:
    """Time the parts of a step of the hybrid; it takes a second core only to keep other jobs off."""
    output:
        figure=drawn("hybrid", "overhead"),
        record=f"{HYBRID_FILES.overhead}/record.parquet",
    log:
        f"{LOGS}/hybrid/overhead/{{task}}/{{method}}/{{density}}.log",
    benchmark:
        f"{BENCHMARKS}/hybrid/overhead/{{task}}/{{method}}/{{density}}.jsonl"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        code=lambda wildcards: code("mask_overhead", **HYBRID_FILES.training(wildcards)),
        experiment=experiment("hybrid"),
        task=lambda wildcards: HYBRID.tasks[wildcards.task],
        method=lambda wildcards: HYBRID.methods[wildcards.method],
        layer_densities=lambda wildcards: HYBRID_FILES.listed(HYBRID.overhead, wildcards).layer_densities,
        repeats=lambda wildcards: HYBRID_FILES.listed(HYBRID.overhead, wildcards).repeats,
        seed=study.seed,
    script:
        "../scripts/mask_overhead.py"
