# Where the files of what lies around tickets are, and which of them a rule needs.

LANDSCAPE = TICKETS.landscape
AROUND = f"{RESULTS}/landscape/{{task}}/{{trainer}}/{{criterion}}"
AROUND_TABLES = {
    "connectivity": ("connectivity", "barriers"),
    "flatness": ("flatness", "curvature"),
    "diversity": ("diversity", "snr_correlation"),
}
# A pair needs the level before and the dense level too.
LANDSCAPE_NEEDED = sorted({0, *LANDSCAPE.levels, *(level - 1 for level in LANDSCAPE.levels if level)})


def around(name):
    """A file of every chain that is looked at."""
    return [f"{AROUND}/{name}".format(task=t, trainer=r, criterion=c) for t, r, c in LANDSCAPE.chains]


def chain_tickets(levels):
    """An input function: the tickets of a chain at these levels."""
    return lambda wildcards: [
        level_file("ticket", wildcards.task, wildcards.trainer, wildcards.criterion, level) for level in levels
    ]


def all_landscape_files():
    """Every result, as for the tickets; none where a study has none."""
    if not LANDSCAPE.chains:
        return []
    names = list(dict.fromkeys(task for task, _, _ in LANDSCAPE.chains))
    # Only masks that are nested and cut from a search distribution have a signal-to-noise ratio to remember.
    remembering = {
        task
        for task, trainer, criterion in LANDSCAPE.chains
        if TICKETS.settings[task, trainer]["trainer"] not in studies.GRADIENT and criterion in studies.SCORES
    }
    drawn = ["barriers", "flatness", *(["diversity"] if study.seeds > 1 else [])]
    return [
        *(
            file
            for level in LANDSCAPE.levels
            for name in ("noise_copy", "history", "record")
            for file in around(f"level{level:02d}/{name}.parquet")
        ),
        *(file for tables in AROUND_TABLES.values() for name in tables for file in around(f"{name}.parquet")),
        *(f"{RESULTS}/tables/{name}.parquet" for tables in AROUND_TABLES.values() for name in tables),
        *(file for name in ("interpolation.svg", "record.parquet") for file in around(name)),
        *(file for part in AROUND_TABLES for file in around(f"{part}/record.parquet")),
        *(f"{RESULTS}/figures/landscape/{name}_{figure}.svg" for name in names for figure in drawn),
        *(f"{RESULTS}/figures/landscape/{name}_snr_correlation.svg" for name in names if name in remembering),
    ]
