# What lies around trained tickets (Lange & Sprekeler, 2023, §5).
#
# REQUIRED INPUTS: the section `tickets.landscape` of the configuration; the tickets of its chains.
# OUTPUTS: {results}/landscape/… one folder a chain, with its records.
# STEPS: noise_copy (the same ticket under other noise) → connectivity, flatness, diversity → landscape_chain (lines, record);
#   tables → figures


LANDSCAPE = TICKETS.landscape


rule noise_copy:
    """Train the ticket of a level once more, under other noise, for all seeds."""
    input:
        source=lambda wildcards: TICKET_FILES.level_file("ticket", wildcards, int(wildcards.level)),
    output:
        ticket=ensure(f"{TICKET_FILES.around}/level{{level}}/noise_copy.parquet", non_empty=True),
        history=f"{TICKET_FILES.around}/level{{level}}/history.parquet",
        record=f"{TICKET_FILES.around}/level{{level}}/record.parquet",
    log:
        f"{LOGS}/landscape/{{task}}/{{trainer}}/{{criterion}}/noise_copy{{level}}.log",
    benchmark:
        f"{BENCHMARKS}/landscape/{{task}}/{{trainer}}/{{criterion}}/noise_copy{{level}}.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(120),
    params:
        code=lambda wildcards: code("noise_copy", **TICKET_FILES.training(wildcards)),
        experiment=experiment("landscape"),
        network=lambda wildcards: TICKETS.tasks[wildcards.task],
        settings=lambda wildcards: TICKETS.settings[wildcards.task, wildcards.trainer],
        density=lambda wildcards: TICKETS.densities[int(wildcards.level)],
        seed=study.seed,
        seeds=study.seeds,
    script:
        "../scripts/noise_copy.py"


rule connectivity:
    """Score the straight lines from the tickets of a chain to other levels, other noise and other initial weights."""
    input:
        tickets=lambda wildcards: TICKET_FILES.tickets(wildcards, TICKET_FILES.around_levels),
        copies=[f"{TICKET_FILES.around}/level{level:02d}/noise_copy.parquet" for level in LANDSCAPE.levels],
    output:
        connectivity=f"{TICKET_FILES.around}/connectivity.parquet",
        barriers=f"{TICKET_FILES.around}/barriers.parquet",
        reliability=f"{TICKET_FILES.around}/reliability.parquet",
        record=f"{TICKET_FILES.around}/connectivity/record.parquet",
    log:
        f"{LOGS}/landscape/{{task}}/{{trainer}}/{{criterion}}/connectivity.log",
    benchmark:
        f"{BENCHMARKS}/landscape/{{task}}/{{trainer}}/{{criterion}}/connectivity.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(120),
    params:
        code=lambda wildcards: code("connectivity", **TICKET_FILES.task(wildcards)),
        experiment=experiment("landscape"),
        network=lambda wildcards: TICKETS.tasks[wildcards.task],
        settings=lambda wildcards: TICKETS.settings[wildcards.task, wildcards.trainer],
        available=TICKET_FILES.around_levels,
        levels=list(LANDSCAPE.levels),
        densities=list(TICKETS.densities),
        samples=LANDSCAPE.samples,
        seed=study.seed,
        seeds=study.seeds,
    script:
        "../scripts/connectivity.py"


rule flatness:
    """Score the tickets of a chain under noise on their weights, and estimate the Hessian of their loss."""
    input:
        tickets=lambda wildcards: TICKET_FILES.tickets(wildcards, LANDSCAPE.levels),
    output:
        flatness=f"{TICKET_FILES.around}/flatness.parquet",
        curvature=f"{TICKET_FILES.around}/curvature.parquet",
        record=f"{TICKET_FILES.around}/flatness/record.parquet",
    log:
        f"{LOGS}/landscape/{{task}}/{{trainer}}/{{criterion}}/flatness.log",
    benchmark:
        f"{BENCHMARKS}/landscape/{{task}}/{{trainer}}/{{criterion}}/flatness.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(120),
    params:
        code=lambda wildcards: code("flatness", **TICKET_FILES.task(wildcards)),
        experiment=experiment("landscape"),
        network=lambda wildcards: TICKETS.tasks[wildcards.task],
        settings=lambda wildcards: TICKETS.settings[wildcards.task, wildcards.trainer],
        levels=list(LANDSCAPE.levels),
        densities=list(TICKETS.densities),
        draws=LANDSCAPE.draws,
        probes=LANDSCAPE.probes,
        samples=LANDSCAPE.samples,
        seed=study.seed,
        seeds=study.seeds,
    script:
        "../scripts/flatness.py"


rule diversity:
    """Compare the tickets of the seeds of a chain with each other, and the signal-to-noise ratios of its levels."""
    input:
        tickets=lambda wildcards: TICKET_FILES.tickets(wildcards, TICKETS.levels),
    output:
        diversity=f"{TICKET_FILES.around}/diversity.parquet",
        snr_correlation=f"{TICKET_FILES.around}/snr_correlation.parquet",
        record=f"{TICKET_FILES.around}/diversity/record.parquet",
    log:
        f"{LOGS}/landscape/{{task}}/{{trainer}}/{{criterion}}/diversity.log",
    benchmark:
        f"{BENCHMARKS}/landscape/{{task}}/{{trainer}}/{{criterion}}/diversity.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(60),
    params:
        code=lambda wildcards: code("diversity", criterion="snr", **TICKET_FILES.task(wildcards)),
        experiment=experiment("landscape"),
        network=lambda wildcards: TICKETS.tasks[wildcards.task],
        levels=list(LANDSCAPE.levels),
        densities=list(TICKETS.densities),
        nested=lambda wildcards: TICKET_FILES.scored(wildcards.criterion),
        seed=study.seed,
        seeds=study.seeds,
    script:
        "../scripts/diversity.py"


rule landscape_chain:
    """Draw the error on the lines between the tickets of one chain, write the record of all that lies around them."""
    input:
        **{name: f"{TICKET_FILES.around}/{name}.parquet" for name in TICKET_FILES.around_tables},
    output:
        figure=drawn("tickets", "interpolation"),
        record=f"{TICKET_FILES.around}/record.parquet",
    log:
        f"{LOGS}/landscape/{{task}}/{{trainer}}/{{criterion}}/chain.log",
    benchmark:
        f"{BENCHMARKS}/landscape/{{task}}/{{trainer}}/{{criterion}}/chain.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=code("landscape_chain"),
        experiment=experiment("landscape"),
        densities=list(TICKETS.densities),
        levels=list(LANDSCAPE.levels),
        network=lambda wildcards: TICKETS.tasks[wildcards.task],
        settings=lambda wildcards: TICKETS.settings[wildcards.task, wildcards.trainer],
        seed=study.seed,
        seeds_count=study.seeds,
    script:
        "../scripts/landscape_chain.py"
