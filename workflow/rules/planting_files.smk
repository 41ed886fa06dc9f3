# Where the files of the planted tickets lie, and which of them a rule needs.

PLANTING = study.planting
GROUND = f"{RESULTS}/planting/{{target}}/depth{{depth}}"
CELL = f"{GROUND}/{{seeker}}/{{density}}"


def cell_file(name, cell):
    """A file of a cell."""
    return f"{CELL}/{name}".format(**(vars(cell) | {"depth": f"{cell.depth:02d}"}))


def cell_files(name, **where):
    """A file of every cell, or of those at a place."""
    chosen = [c for c in PLANTING.cells if all(getattr(c, key) == value for key, value in where.items())]
    return [cell_file(name, cell) for cell in chosen]


def all_planting_files():
    """Every result of the section; none where a study has no such section."""
    if not PLANTING.cells:
        return []
    return [
        f"{RESULTS}/tables/planting.parquet",
        *(
            f"{GROUND}/planted.parquet".format(target=target, depth=f"{depth:02d}")
            for target, depth in PLANTING.grounds
        ),
        *(file for name in ("scores.parquet", "mask.parquet", "record.parquet") for file in cell_files(name)),
    ]
