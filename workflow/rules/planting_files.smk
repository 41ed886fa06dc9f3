# Where the files of the planted tickets lie, and which of them a rule needs.

PLANTING = study.planting
GROUND = f"{RESULTS}/planting/{{target}}/depth{{depth}}"
WIDEST_DRAWN, DEEPEST_DRAWN = 32, 5
CELL = f"{GROUND}/{{seeker}}/{{density}}"


def cell_file(name, cell):
    """A file of a cell."""
    return f"{CELL}/{name}".format(**(vars(cell) | {"depth": f"{cell.depth:02d}"}))


def cell_files(name, **where):
    """A file of every cell, or of those at a place."""
    chosen = [c for c in PLANTING.cells if all(getattr(c, key) == value for key, value in where.items())]
    return [cell_file(name, cell) for cell in chosen]


def drawn_seekers(wildcards):
    """The seekers whose networks are drawn beside the planted one: those at ticket density."""
    here = (wildcards.target, int(wildcards.depth), "ticket")
    return [c.seeker for c in PLANTING.cells if (c.target, c.depth, c.density) == here and c.seeker != "planted"]


def drawn_masks(wildcards):
    """The masks of the seekers that are drawn."""
    return [
        f"{CELL}/mask.parquet".format(**wildcards, seeker=name, density="ticket") for name in drawn_seekers(wildcards)
    ]


def drawn_grounds():
    """Networks small enough to draw edge by edge."""
    return [(t, d) for t, d in PLANTING.grounds if PLANTING.targets[t]["width"] <= WIDEST_DRAWN and d <= DEEPEST_DRAWN]


def all_planting_files():
    """Every result of the section; none where a study has no such section."""
    if not PLANTING.cells:
        return []
    return [
        f"{RESULTS}/tables/planting.parquet",
        *(
            f"{RESULTS}/figures/planting/{target}_{figure}.svg"
            for target in dict.fromkeys(target for target, _ in PLANTING.grounds)
            for figure in ("quality", "recovery", "collapse")
        ),
        *(f"{GROUND}/networks.svg".format(target=target, depth=f"{depth:02d}") for target, depth in drawn_grounds()),
        *(
            f"{GROUND}/planted.parquet".format(target=target, depth=f"{depth:02d}")
            for target, depth in PLANTING.grounds
        ),
        *(file for name in ("scores.parquet", "mask.parquet", "record.parquet") for file in cell_files(name)),
    ]
