# Where the files of the strong tickets lie, and which of them a rule needs.

STRONG = study.strong
SEARCH = f"{RESULTS}/strong/{{task}}/{{seeker}}"
SEARCH_FIGURES = f"{RESULTS}/figures/strong"


def search_file(name, cell):
    """A file of a cell."""
    return f"{SEARCH}/{name}".format(**vars(cell))


def search_files(name):
    """A file of every cell."""
    return [search_file(name, cell) for cell in STRONG.cells]


def reference_scores(wildcards):
    """The scores of the genetic search that sets a seeker's density or budget, if one does."""
    name = STRONG.reference(wildcards.seeker)
    return [f"{SEARCH}/scores.parquet".format(task=wildcards.task, seeker=name)] if name else []


def search_families():
    """The families of the tasks, in the order of the study."""
    return list(dict.fromkeys(STRONG.tasks[cell.task]["task"] for cell in STRONG.cells))


def drawn_searches(task):
    """The seekers of a task whose tickets are drawn."""
    return [cell.seeker for cell in STRONG.cells if cell.task == task and cell.seeker != "dense"]


def drawn_tasks():
    """The tasks with two inputs and two classes, whose boundaries can be seen."""
    tasks = dict.fromkeys(cell.task for cell in STRONG.cells)
    return [task for task in tasks if STRONG.tasks[task]["task"] in ("moons", "circles")]


def all_strong_files():
    """Every result of the section; none where a study has no such section."""
    if not STRONG.cells:
        return []
    return [
        f"{RESULTS}/tables/strong.parquet",
        f"{RESULTS}/tables/strong_history.parquet",
        *expand(f"{SEARCH_FIGURES}/{{family}}_{{figure}}.svg", family=search_families(), figure=["fronts", "progress"]),
        f"{SEARCH_FIGURES}/leak.svg",
        *expand(f"{SEARCH_FIGURES}/{{task}}_boundaries.svg", task=drawn_tasks()),
        *(
            file
            for name in ("scores.parquet", "history.parquet", "mask.parquet", "record.parquet")
            for file in search_files(name)
        ),
    ]
