"""Claims about networks that tell sequences, by the bits per sample of held-out ones; `claims` has what all of them look at."""

from evotickets.claims import rules
from evotickets.claims.rules import MISSING, unless_all, weakest_known
from evotickets.statistics import Effect
from evotickets.systems.hybrid.claims import CELL, Effects, Evidence, claim, last, under_every_share_out

NEAR = 0.05
"""The bits per sample that the hybrid may need more than block magnitude pruning."""


def fewer(evidence: Evidence, own: str, others: list[str], margin: float = 0.0) -> Effect:
    """Return how many bits per sample fewer a method needs than the first of some others, and a margin more."""
    rows = last(evidence.of("test", "bits"))
    if not others or not len(rows):
        return MISSING
    effect, low, high, n = rules.contrast(rows, "method", others[0], own, CELL)
    return Effect(effect + margin, low + margin, high + margin, n)


def _speaks(part: str) -> str:
    """Say what a part of H9 states of a shape of blocks."""
    _, *words = part.split()
    if not words:
        return ""
    kept = "single weights" if words[0] == "1x1" else f"blocks of {words[0].replace('x', ' × ')}"
    if "GMP" in words:
        return f"The hybrid needs hardly more bits per sample than gradual magnitude pruning of {kept}"
    if "shuffled" in words:
        return f"The hybrid of {kept} needs fewer bits per sample than the same with shuffled utilities"
    return f"The hybrid needs fewer bits per sample than static random masks of {kept}"


@claim(
    "H9",
    statement="On speech the hybrid needs fewer bits per sample than static random masks",
    source="ours",
    rule="For every shape of blocks, bits per sample of static random masks of the same blocks − those of the hybrid, at the "
    "end of training and on held-out sentences, all densities alike; H9 is the weakest of shapes and share-outs, each of which "
    "must have been run with static masks. 'shuffled': bits of the same with shuffled utilities − those of the hybrid; 'GMP': "
    f"bits of gradual magnitude pruning of the same blocks − those of the hybrid + {NEAR}",
    figures=("bits",),
    unit="bits per sample",
    parts=_speaks,
)
@under_every_share_out
def h9(evidence: Evidence) -> Effects:
    """Decide whether the hybrid needs fewer bits per sample than static masks of the same blocks."""
    shapes, found = Effects(), Effects()
    for own in evidence.hybrids:
        if own in evidence.grids or own not in set(evidence.of("test", "bits")["method"]):
            continue
        name = f"H9 {'x'.join(map(str, evidence.block(own)))}"
        if name in shapes:
            continue
        shapes[name] = fewer(evidence, own, evidence.baselines("static", own))
        found[f"{name} shuffled"] = fewer(evidence, own, evidence.like(own, shuffled=True))
        found[f"{name} GMP"] = fewer(evidence, own, evidence.baselines("gmp", own), NEAR)
    asked = [name for name, effect in shapes.items() if effect.n]
    return {"H9": unless_all(weakest_known(shapes.values()), shapes, asked)} | shapes | found
