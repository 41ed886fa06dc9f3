# What lies around trained tickets (Lange & Sprekeler, 2023, §5).
#
# REQUIRED INPUTS: the section `tickets.landscape` of the configuration; the tickets of its chains.
# OUTPUTS: {results}/landscape/… one folder a chain, with its records; {results}/tables/{connectivity,barriers,flatness,
#   curvature,diversity,snr_correlation}.parquet; figures of every chain and task.
# STEPS: noise_copy (the same ticket under other noise) → connectivity, flatness, diversity → landscape_chain (lines, record);
#   landscape_tables → figures


LANDSCAPE_TARGETS = all_landscape_files()


rule noise_copy:
    """Train the ticket of a level once more, under other noise, for all seeds."""
    input:
        source=lambda wildcards: level_file(
            "ticket", wildcards.task, wildcards.trainer, wildcards.criterion, int(wildcards.level)
        ),
    output:
        ticket=ensure(f"{AROUND}/level{{level}}/noise_copy.parquet", non_empty=True),
        history=f"{AROUND}/level{{level}}/history.parquet",
        record=f"{AROUND}/level{{level}}/record.parquet",
    log:
        f"{LOGS}/landscape/{{task}}/{{trainer}}/{{criterion}}/noise_copy{{level}}.log",
    benchmark:
        f"{BENCHMARKS}/landscape/{{task}}/{{trainer}}/{{criterion}}/noise_copy{{level}}.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=120,
    params:
        code=code("noise_copy"),
        experiment=experiment("landscape"),
        network=lambda wildcards: TICKETS.tasks[wildcards.task],
        settings=lambda wildcards: TICKETS.settings[wildcards.task, wildcards.trainer],
        density=lambda wildcards: TICKETS.densities[int(wildcards.level)],
        seed=study.seed,
    script:
        "../scripts/noise_copy.py"


rule connectivity:
    """Score the straight lines from the tickets of a chain to other levels, other noise and other initial weights."""
    input:
        tickets=chain_tickets(LANDSCAPE_NEEDED),
        copies=[f"{AROUND}/level{level:02d}/noise_copy.parquet" for level in LANDSCAPE.levels],
    output:
        connectivity=f"{AROUND}/connectivity.parquet",
        barriers=f"{AROUND}/barriers.parquet",
        record=f"{AROUND}/connectivity/record.parquet",
    log:
        f"{LOGS}/landscape/{{task}}/{{trainer}}/{{criterion}}/connectivity.log",
    benchmark:
        f"{BENCHMARKS}/landscape/{{task}}/{{trainer}}/{{criterion}}/connectivity.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=120,
    params:
        code=code("connectivity"),
        experiment=experiment("landscape"),
        network=lambda wildcards: TICKETS.tasks[wildcards.task],
        settings=lambda wildcards: TICKETS.settings[wildcards.task, wildcards.trainer],
        available=LANDSCAPE_NEEDED,
        levels=list(LANDSCAPE.levels),
        densities=list(TICKETS.densities),
        samples=LANDSCAPE.samples,
        seed=study.seed,
    script:
        "../scripts/connectivity.py"


rule flatness:
    """Score the tickets of a chain under noise on their weights, and estimate the Hessian of their loss."""
    input:
        tickets=chain_tickets(LANDSCAPE.levels),
    output:
        flatness=f"{AROUND}/flatness.parquet",
        curvature=f"{AROUND}/curvature.parquet",
        record=f"{AROUND}/flatness/record.parquet",
    log:
        f"{LOGS}/landscape/{{task}}/{{trainer}}/{{criterion}}/flatness.log",
    benchmark:
        f"{BENCHMARKS}/landscape/{{task}}/{{trainer}}/{{criterion}}/flatness.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=120,
    params:
        code=code("flatness"),
        experiment=experiment("landscape"),
        network=lambda wildcards: TICKETS.tasks[wildcards.task],
        settings=lambda wildcards: TICKETS.settings[wildcards.task, wildcards.trainer],
        levels=list(LANDSCAPE.levels),
        densities=list(TICKETS.densities),
        draws=LANDSCAPE.draws,
        probes=LANDSCAPE.probes,
        samples=LANDSCAPE.samples,
        seed=study.seed,
    script:
        "../scripts/flatness.py"


rule diversity:
    """Compare the tickets of the seeds of a chain with each other, and the signal-to-noise ratios of its levels."""
    input:
        tickets=chain_tickets(TICKETS.levels),
    output:
        diversity=f"{AROUND}/diversity.parquet",
        snr_correlation=f"{AROUND}/snr_correlation.parquet",
        record=f"{AROUND}/diversity/record.parquet",
    log:
        f"{LOGS}/landscape/{{task}}/{{trainer}}/{{criterion}}/diversity.log",
    benchmark:
        f"{BENCHMARKS}/landscape/{{task}}/{{trainer}}/{{criterion}}/diversity.jsonl"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=60,
    params:
        code=code("diversity"),
        experiment=experiment("landscape"),
        network=lambda wildcards: TICKETS.tasks[wildcards.task],
        levels=list(LANDSCAPE.levels),
        densities=list(TICKETS.densities),
        nested=lambda wildcards: wildcards.criterion in studies.SCORES,
        seed=study.seed,
    script:
        "../scripts/diversity.py"


rule landscape_chain:
    """Draw the error on the lines between the tickets of one chain, write the record of all that lies around them."""
    input:
        **{name: f"{AROUND}/{name}.parquet" for tables in AROUND_TABLES.values() for name in tables},
    output:
        figure=report(
            f"{AROUND}/interpolation.svg",
            caption="../report/interpolation.rst",
            category="Tickets, landscape",
            subcategory="{task}",
            labels={"trainer": "{trainer}", "criterion": "{criterion}", "figure": "interpolation"},
        ),
        record=f"{AROUND}/record.parquet",
    log:
        f"{LOGS}/landscape/{{task}}/{{trainer}}/{{criterion}}/chain.log",
    benchmark:
        f"{BENCHMARKS}/landscape/{{task}}/{{trainer}}/{{criterion}}/chain.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("landscape_chain"),
        experiment=experiment("landscape"),
        densities=list(TICKETS.densities),
        levels=list(LANDSCAPE.levels),
        settings=lambda wildcards: TICKETS.settings[wildcards.task, wildcards.trainer],
        seeds_count=study.seeds,
    script:
        "../scripts/landscape_chain.py"


rule landscape_tables:
    """Put what lies around the tickets of all chains into tidy tables."""
    input:
        **{name: around(f"{name}.parquet") for tables in AROUND_TABLES.values() for name in tables},
    output:
        **{name: f"{RESULTS}/tables/{name}.parquet" for tables in AROUND_TABLES.values() for name in tables},
    log:
        f"{LOGS}/landscape/tables.log",
    benchmark:
        f"{BENCHMARKS}/landscape/tables.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("landscape_tables"),
        config=study.config,
    script:
        "../scripts/landscape_tables.py"


rule landscape_figures:
    """Draw barriers and flatness of all trainers on one task."""
    input:
        barriers=rules.landscape_tables.output.barriers,
        flatness=rules.landscape_tables.output.flatness,
    output:
        barriers=report(
            f"{RESULTS}/figures/landscape/{{task}}_barriers.svg",
            caption="../report/barriers.rst",
            category="Tickets, landscape",
            subcategory="{task}",
            labels={"trainer": "all", "criterion": "own", "figure": "barriers"},
        ),
        flatness=report(
            f"{RESULTS}/figures/landscape/{{task}}_flatness.svg",
            caption="../report/flatness.rst",
            category="Tickets, landscape",
            subcategory="{task}",
            labels={"trainer": "all", "criterion": "own", "figure": "flatness"},
        ),
    log:
        f"{LOGS}/landscape/{{task}}/figures.log",
    benchmark:
        f"{BENCHMARKS}/landscape/{{task}}/figures.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("landscape_figures"),
    script:
        "../scripts/landscape_figures.py"


rule diversity_figure:
    """Draw how different the tickets of several seeds are, for all trainers on one task."""
    input:
        diversity=rules.landscape_tables.output.diversity,
    output:
        figure=report(
            f"{RESULTS}/figures/landscape/{{task}}_diversity.svg",
            caption="../report/diversity.rst",
            category="Tickets, landscape",
            subcategory="{task}",
            labels={"trainer": "all", "criterion": "own", "figure": "diversity"},
        ),
    log:
        f"{LOGS}/landscape/{{task}}/diversity.log",
    benchmark:
        f"{BENCHMARKS}/landscape/{{task}}/diversity.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("diversity_figure"),
    script:
        "../scripts/diversity_figure.py"


rule snr_correlation_figure:
    """Draw how long the signal-to-noise ratios of one task are remembered."""
    input:
        snr_correlation=rules.landscape_tables.output.snr_correlation,
    output:
        figure=report(
            f"{RESULTS}/figures/landscape/{{task}}_snr_correlation.svg",
            caption="../report/snr_correlation.rst",
            category="Tickets, landscape",
            subcategory="{task}",
            labels={"trainer": "all", "criterion": "own", "figure": "SNR correlation"},
        ),
    log:
        f"{LOGS}/landscape/{{task}}/snr_correlation.log",
    benchmark:
        f"{BENCHMARKS}/landscape/{{task}}/snr_correlation.jsonl"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("snr_correlation_figure"),
    script:
        "../scripts/snr_correlation_figure.py"
