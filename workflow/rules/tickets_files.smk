# Where the files of the tickets lie, and which of them a rule needs.

TICKETS = study.tickets
CHAIN = f"{RESULTS}/tickets/{{task}}/{{trainer}}/{{criterion}}"
LEVEL = f"{CHAIN}/level{{level}}"


def ticket_source(wildcards):
    """The ticket that a level starts from: the initial one, the level before, or the same level of the reference chain."""
    initial = f"{RESULTS}/tickets/{wildcards.task}/initial.parquet"
    level, criterion = int(wildcards.level), wildcards.criterion
    if level == 0 or criterion == "random" or criterion in studies.ONE_SHOT:
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


def cut_figure(wildcards):
    """The figure of the first cut, where a score made it and the trainer has a std."""
    settings = TICKETS.settings[wildcards.task, wildcards.trainer]
    drawn = settings["trainer"] not in studies.GRADIENT and wildcards.criterion in studies.SCORES
    return [f"{CHAIN}/first_cut.svg"] if drawn and len(TICKETS.levels) > 1 else []


def compared(wildcards):
    """The criterion that stands for each trainer of a task where trainers are compared."""
    trainers = dict.fromkeys(chain.trainer for chain in TICKETS.of(wildcards.task))
    return {trainer: TICKETS.own(wildcards.task, trainer) for trainer in trainers}


def all_ticket_files():
    """Every result, not the last ones only: Snakemake leaves out what is missing between an old file and its old source."""
    if not TICKETS.chains:
        return []
    names = list(dict.fromkeys(chain.task for chain in TICKETS.chains))
    return [
        f"{RESULTS}/tables/tickets.parquet",
        *(
            f"{RESULTS}/figures/tickets/{name}_{figure}.svg"
            for name in names
            for figure in ("performance", "strategies")
        ),
        *(f"{RESULTS}/tickets/{name}/initial.parquet" for name in names),
        *dict.fromkeys(
            level_file(name, chain.task, chain.trainer, chain.criterion, level)
            for chain in TICKETS.chains
            for level in TICKETS.levels
            for name in ("ticket", "scores", "history", "record")
        ),
        *(
            file
            for name in ("chain.parquet", "record.parquet", "training_curves.svg", "layer_densities.svg")
            for file in chain_files(name)
        ),
        *(file.format(**vars(chain)) for chain in TICKETS.chains for file in cut_figure(chain)),
    ]
