# Which systems a study has, and the tables and figures that their claims are decided from.

DECIDED = f"{RESULTS}/claims/{{system}}"
PRESENT = {
    "tickets": TICKETS.chains,
    "planting": PLANTING.cells,
    "strong": STRONG.cells,
    "hybrid": HYBRID.cells,
    "subspace": SUBSPACE.cells,
}
SYSTEMS = [name for name, present in PRESENT.items() if present]


def claim_tables(wildcards):
    """The tables that decide the claims of a system."""
    names = {
        "tickets": [
            "tickets",
            *(["transfers"] if TICKETS.transfers else []),
            *(["barriers", "flatness", "diversity"] if LANDSCAPE.chains else []),
        ],
        "planting": ["planting"],
        "strong": ["strong"],
        "hybrid": ["hybrid", *(["hybrid_effects"] if HYBRID.effects else [])],
        "subspace": ["subspace"],
    }
    return {name: f"{RESULTS}/tables/{name}.parquet" for name in names[wildcards.system]}


def claim_entries(wildcards):
    """The seekers or methods of a system that has such, with their options; of planting the targets, too."""
    planting = {"seekers": PLANTING.seekers, "targets": PLANTING.targets}
    entries = {"planting": planting, "strong": STRONG.seekers, "hybrid": HYBRID.methods}
    return entries.get(wildcards.system, {})


def claim_records(wildcards):
    """The records whose times decide claims about a system."""
    return hybrid_files(OVERHEAD, "record.parquet", HYBRID.overhead) if wildcards.system == "hybrid" else []


def claim_figures(wildcards):
    """The figures that show what the claims of a system are decided from, by kind (evotickets.claims.SHOWN)."""
    drawn, pruned = f"{RESULTS}/figures", dict.fromkeys(chain.task for chain in TICKETS.chains)
    lined = dict.fromkeys(task for task, _, _ in LANDSCAPE.chains)
    paired = lined if study.seeds > 1 else []
    files = {
        "tickets": {
            "performance": [f"{drawn}/tickets/{task}_performance.svg" for task in pruned],
            "strategies": [f"{drawn}/tickets/{task}_strategies.svg" for task in pruned],
            "transfers": [
                f"{drawn}/transfers/{t}_transfers.svg" for t in dict.fromkeys(t.task for t in TICKETS.transfers)
            ],
            "connectivity": [
                *(f"{drawn}/landscape/{task}_barriers.svg" for task in lined),
                *around("interpolation.svg"),
            ],
            "flatness": [f"{drawn}/landscape/{task}_flatness.svg" for task in lined],
            "diversity": [f"{drawn}/landscape/{task}_diversity.svg" for task in paired],
        },
        "planting": {
            kind: [f"{drawn}/planting/{t}_{kind}.svg" for t in dict.fromkeys(target for target, _ in PLANTING.grounds)]
            for kind in ("quality", "collapse", "recovery")
        },
        "strong": {
            **{
                kind: expand(f"{SEARCH_FIGURES}/{{family}}_{kind}.svg", family=search_families())
                for kind in ("fronts", "progress")
            },
            "leak": [f"{SEARCH_FIGURES}/leak.svg"],
        },
        "hybrid": {
            "sparse": hybrid_drawn("performance"),
            "cost": hybrid_drawn("cost"),
            "effects": effects_figures(),
        },
        "subspace": {kind: subspace_figures(kind) for kinds in DRAWN.values() for kind in kinds},
    }
    return {f"{kind}_figures": paths for kind, paths in files[wildcards.system].items()}
