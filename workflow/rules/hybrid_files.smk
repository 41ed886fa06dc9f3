# Where the files of hybrid training lie, and which of them a rule needs.

HYBRID = study.hybrid
SPARSE = f"{RESULTS}/hybrid/{{task}}/{{method}}/{{density}}"
EFFECTS = f"{RESULTS}/hybrid/effects/{{task}}/{{method}}/{{density}}"
OVERHEAD = f"{RESULTS}/hybrid/overhead/{{task}}/{{method}}/{{density}}"


def listed(entries, wildcards):
    """The entry of a section that a job is for."""
    here = (wildcards.task, wildcards.method, wildcards.density)
    return next(entry for entry in entries if (entry.task, entry.method, entry.density) == here)


def hybrid_files(place, name, entries):
    """A file of every entry of a section."""
    return [f"{place}/{name}".format(**vars(entry)) for entry in entries]


def hybrid_drawn(figure):
    """A figure of every task."""
    return [
        f"{RESULTS}/figures/hybrid/{task}_{figure}.svg" for task in dict.fromkeys(cell.task for cell in HYBRID.cells)
    ]


def effects_figures():
    """The figure of effects, where the study asks for any."""
    return [f"{RESULTS}/figures/hybrid/effects.svg"] if HYBRID.effects else []


def effects_tables():
    """The table of effects, where the study asks for any."""
    return [f"{RESULTS}/tables/hybrid_effects.parquet"] if HYBRID.effects else []


def all_hybrid_files():
    """Every result of the section; none where a study has no such section."""
    if not HYBRID.cells:
        return []
    return [
        f"{RESULTS}/tables/hybrid.parquet",
        *(path for figure in ("performance", "cost", "churn") for path in hybrid_drawn(figure)),
        *(
            f
            for name in ("scores.parquet", "mask.parquet", "record.parquet")
            for f in hybrid_files(SPARSE, name, HYBRID.cells)
        ),
        *effects_tables(),
        *effects_figures(),
        *(f for name in ("effects.parquet", "record.parquet") for f in hybrid_files(EFFECTS, name, HYBRID.effects)),
        *(f for name in ("parts.png", "record.parquet") for f in hybrid_files(OVERHEAD, name, HYBRID.overhead)),
    ]
