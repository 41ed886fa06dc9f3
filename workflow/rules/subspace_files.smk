# Where the files of subspace evolution lie, and which of them a rule needs.

from evotickets.systems.subspace.config import Cell

SUBSPACE = study.subspace
PARENT = f"{RESULTS}/subspace/{{parent}}"
OFFSPRING = f"{PARENT}/{{study}}/{{cell}}"
DRAWN = {"mutations": ["damage", "variance", "ensembles"], "gradients": ["gradients"], "generations": ["generations"]}


def offspring_settings(wildcards):
    """The settings of a cell."""
    return SUBSPACE.cells[Cell(wildcards.parent, wildcards.study, wildcards.cell)]


def offspring_files(name):
    """A file of every cell."""
    return [f"{OFFSPRING}/{name}".format(parent=c.parent, study=c.study, cell=c.name) for c in SUBSPACE.cells]


def helpers(wildcards):
    """What tells that the jobs that share a cell are done; nothing where one job does it alone."""
    workers = range(SUBSPACE.workers) if SUBSPACE.workers > 1 else []
    return [f"{OFFSPRING}/worker{worker:03d}.done".format(**wildcards) for worker in workers]


def subspace_figures(kind=None):
    """The figures of every parent, or those of a kind, as far as its studies have them."""
    return [
        f"{RESULTS}/figures/subspace/{parent}_{figure}.svg"
        for parent in SUBSPACE.used
        for name in SUBSPACE.studies(parent)
        for figure in DRAWN[name]
        if kind in (None, figure)
    ]


def all_subspace_files():
    """Every result of the section; none where a study has no such section."""
    if not SUBSPACE.cells:
        return []
    return [
        f"{RESULTS}/tables/subspace.parquet",
        *subspace_figures(),
        *(f"{PARENT}/{name}".format(parent=p) for p in SUBSPACE.used for name in ("weights.pt", "scores.parquet")),
        *(file for name in ("scores.parquet", "record.parquet") for file in offspring_files(name)),
    ]
