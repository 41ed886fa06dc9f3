# Tickets of evolution strategies (Lange & Sprekeler, 2023).
#
# REQUIRED INPUTS: the section `tickets` of the configuration.
# OUTPUTS: {results}/tickets/… one folder a level and a chain; {results}/tables/tickets.parquet; figures of every task.
# STEPS: initialise → level 0 (dense) → level 1 → … → level L → chain → tickets_table → tickets_figure

TICKETS = study.tickets
CHAINS = f"{RESULTS}/tickets/{{task}}/{{trainer}}/{{criterion}}"
LEVEL = f"{CHAINS}/level{{level}}"


wildcard_constraints:
    level=r"\d\d",


def ticket_source(wildcards):
    """The ticket that a level starts from: the initial one, the level before, or the same level of the reference chain."""
    initial = f"{RESULTS}/tickets/{wildcards.task}/initial.parquet"
    level, criterion = int(wildcards.level), wildcards.criterion
    if level == 0 or criterion == "random":
        return initial
    chain = next(
        c for c in TICKETS.chains if (c.task, c.trainer, c.criterion) == (wildcards.task, wildcards.trainer, criterion)
    )
    before = level if chain.reference != criterion else level - 1
    return level_file("ticket", chain.task, chain.trainer, chain.reference, before)


def level_file(name, task, trainer, criterion, level):
    """A file of a level; all criteria share the dense level."""
    folder = f"{RESULTS}/tickets/{task}/{trainer}/{criterion if level else 'dense'}/level{level:02d}"
    return f"{folder}/{name}.parquet"


def level_files(name):
    """An input function: one file of every level of a chain."""
    return lambda wildcards: [
        level_file(name, wildcards.task, wildcards.trainer, wildcards.criterion, level) for level in TICKETS.levels
    ]


def chain_files(name, **where):
    """A file of every chain, or of those at a place."""
    chosen = [c for c in TICKETS.chains if all(getattr(c, key) == value for key, value in where.items())]
    return [f"{RESULTS}/tickets/{c.task}/{c.trainer}/{c.criterion}/{name}" for c in chosen]


TICKETS_TARGETS = [
    f"{RESULTS}/tables/tickets.parquet",
    *expand(f"{RESULTS}/figures/tickets/{{task}}.svg", task=dict.fromkeys(c.task for c in TICKETS.chains)),
]


rule initialise:
    """Draw the initial parameters of a task's network, for all seeds."""
    input:
        code=code("initialise"),
    output:
        ticket=f"{RESULTS}/tickets/{{task}}/initial.parquet",
    params:
        network=lambda wildcards: TICKETS.tasks[wildcards.task],
        seed=study.seed,
        seeds_count=study.seeds,
    log:
        f"{LOGS}/tickets/{{task}}/initialise.log",
    benchmark:
        f"{BENCHMARKS}/tickets/{{task}}/initialise.jsonl"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    script:
        "../scripts/initialise.py"


rule level:
    """Cut the ticket of the level before by a criterion (or make a control of it) and train it, for all seeds."""
    input:
        source=ticket_source,
        code=code("level"),
    output:
        ticket=ensure(f"{LEVEL}/ticket.parquet", non_empty=True),
        scores=f"{LEVEL}/scores.parquet",
        history=f"{LEVEL}/history.parquet",
        record=f"{LEVEL}/record.parquet",
    params:
        experiment=experiment("tickets"),
        network=lambda wildcards: TICKETS.tasks[wildcards.task],
        settings=lambda wildcards: TICKETS.settings[wildcards.task, wildcards.trainer],
        density=lambda wildcards: TICKETS.densities[int(wildcards.level)],
        seed=study.seed,
        seeds_count=study.seeds,
    log:
        f"{LOGS}/tickets/{{task}}/{{trainer}}/{{criterion}}/level{{level}}.log",
    benchmark:
        f"{BENCHMARKS}/tickets/{{task}}/{{trainer}}/{{criterion}}/level{{level}}.jsonl"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=120,
    script:
        "../scripts/level.py"
