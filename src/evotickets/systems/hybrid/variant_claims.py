"""Claims about the hybrid at its best, and about masks of blocks; `claims` has what all of them look at."""

from collections.abc import Iterable

from evotickets.claims.rules import MISSING, unless_all, weakest_known
from evotickets.statistics import Effect
from evotickets.systems.hybrid.claims import (
    CLOSE,
    LEARNED,
    PAPER,
    SINGLE,
    Effects,
    Evidence,
    above,
    claim,
    under_every_share_out,
)

IN_BLOCKS = ("set", "rigl", "gmp")
"""The baselines whose masks may be of blocks; the last is block magnitude pruning."""


def _baselines(evidence: Evidence, own: str, kinds: Iterable[str]) -> Effect:
    """Return the weakest effect of a method over its baselines of all kinds, each of which must have been run."""
    effects = {
        kind: weakest_known(above(evidence.accuracy, own, name, CLOSE) for name in evidence.baselines(kind, own))
        for kind in kinds
    }
    return unless_all(weakest_known(effects.values()), kinds, [kind for kind, effect in effects.items() if effect.n])


def _static(evidence: Evidence, own: str) -> Effect:
    """Return the effect of a method over a static mask of its blocks."""
    return weakest_known(above(evidence.accuracy, own, name) for name in evidence.baselines("static", own))


def _in_blocks(part: str) -> str:
    """Say what a part of H7 states of a shape of blocks."""
    _, *words = part.split()
    if not words:
        return ""
    kept = f"in blocks of {words[0].replace('x', ' × ')}"
    return f"The hybrid beats static random masks {kept}" if "static" in words else f"The hybrid is competitive {kept}"


@claim(
    "H7",
    statement="The hybrid is competitive with masks of the same blocks that magnitudes or gradients move",
    source=PAPER,
    rule=f"For every shape of blocks, accuracy of the hybrid − that of a baseline with the same blocks + {CLOSE}, the weakest "
    "of SET, RigL and gradual magnitude pruning, each of which must have been run; H7 is the weakest of shapes and share-outs. "
    "'beats static' has no margin",
    figures=("performance",),
    unit="accuracy",
    parts=_in_blocks,
)
@under_every_share_out
def h7(evidence: Evidence) -> Effects:
    """Decide whether the hybrid is competitive with baselines that have the same blocks."""
    found, shapes = Effects(), Effects()
    for own in evidence.hybrids:
        if evidence.block(own) == SINGLE or own in evidence.grids:
            continue
        shape = "x".join(map(str, evidence.block(own)))
        shapes.setdefault(f"H7 {shape}", _baselines(evidence, own, IN_BLOCKS))
        found.setdefault(f"H7 {shape} beats static", _static(evidence, own))
    asked = [name for name, effect in shapes.items() if effect.n]
    return {"H7": unless_all(weakest_known(shapes.values()), shapes, asked)} | shapes | found


_BEST = {
    "H8": "With the best of its options the hybrid beats static random masks",
    "H8a": "With the best of its options the hybrid is competitive with masks that gradients learn",
    "H8b": "With the best of its options the hybrid is better than the same with shuffled utilities",
}


def _at_best(part: str) -> str:
    """Say what a part of H8 states, and of which task."""
    name, *where = part.split()
    return " ".join([_BEST[name], *where]) if part in _BEST or where[:1] == ["on"] else ""


@claim(
    "H8",
    statement=_BEST["H8"],
    source="ours",
    rule="The options of the hybrid are those of the candidate in its grid that validation images chose, static masks have the "
    "learning rate that they chose. H8: accuracy of the hybrid − that of static masks, at the weakest of the share-outs, 'on' "
    "a task by itself; H8a: − that of a baseline (SET, RigL, gradual magnitude pruning, straight-through top-k, each of which "
    f"must have been run) + {CLOSE}, the weakest; H8b: − that with shuffled utilities, chosen from the same grid. The hybrid "
    "chooses from more candidates than its baselines, which can only favour it",
    figures=("performance",),
    unit="accuracy",
    parts=_at_best,
)
@under_every_share_out
def h8(evidence: Evidence) -> Effects:
    """Decide whether the hybrid beats static masks when validation images choose its options."""
    own = next((name for name in evidence.hybrids if name in evidence.grids), "")
    if not own:
        return {"H8": MISSING}
    static = _static(evidence, own)
    shuffled = weakest_known(above(evidence.accuracy, own, name) for name in evidence.like(own, shuffled=True))
    found = {"H8": static, "H8a": _baselines(evidence, own, LEARNED), "H8b": shuffled}
    rows = evidence.scores
    for task in rows.loc[rows["method"] == own, "task"].unique():
        found[f"H8 on {task}"] = _static(evidence._replace(scores=rows[rows["task"] == task]), own)
    return found
