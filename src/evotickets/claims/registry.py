"""The claims of all systems: a statement, where it was made, the figures that show it, and the rule that decides it.

    claim = About("strong")

    @claim("G5", statement=…, source=…, rule=…, figures=("progress",))
    def g5(evidence…) -> dict[str, Effect]: …

Rules are written before the numbers are looked at; changing one is changing the study.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from evotickets import statistics
from evotickets.statistics import Effect

ENDS = "supported if its 95 % interval lies above 0, contradicted if it does not reach above 0"

Row = dict[str, Any]
Rule = Callable[..., Effect | dict[str, Effect]]
Figures = tuple[str, ...]


class Claim(NamedTuple):
    """A claim and how it is decided.

    Attributes:
        name: short, such as `C1 snr`.
        system: whose tables decide it.
        statement: what is claimed.
        source: who claims it, and where.
        rule: how the effects are computed; the claim is that they are above zero.
        effects: the rule as a function of the system's evidence: the effect of the claim, or those of the claim, of its
            parts and under single conditions by name.
        figures: which figures of the system show what it is decided from; of parts, by the beginning of their names, `""`
            being all others.
        parts: what parts state by themselves, by name or as a function of it that returns "" where they state the whole.
        margin: how far from zero effects may lie whose claim is that there is none; for all parts, or by name.
    """

    name: str
    system: str
    statement: str
    source: str
    rule: str
    effects: Rule
    figures: Figures | Mapping[str, Figures]
    parts: Mapping[str, str] | Callable[[str], str]
    margin: float | Mapping[str, float] | None

    def shown(self, part: str) -> Figures:
        """Name the figures that show a part."""
        if isinstance(self.figures, tuple):
            return self.figures
        longest = max((start for start in self.figures if part.startswith(start)), key=len)
        return self.figures[longest]

    def row(self, part: str, effect: Effect) -> Row:
        """Return the row of a part in the table of claims."""
        own = self.parts(part) if callable(self.parts) else self.parts.get(part)
        margin = self.margin.get(part) if isinstance(self.margin, Mapping) else self.margin
        if margin is None:
            verdict, ends = statistics.verdict(effect.low, effect.high), ENDS
        else:
            verdict = statistics.equivalence(effect.low, effect.high, margin=margin)
            ends = f"supported if its whole 95 % interval lies within ±{margin:g}"
        words = {"claim": part, "system": self.system, "statement": own or self.statement, "source": self.source}
        return words | {"rule": f"{self.rule}; {ends}"} | effect._asdict() | {"verdict": verdict}


CLAIMS: dict[str, Claim] = {}


class About:
    """The decorator that registers the claims about one system."""

    def __init__(self, system: str):
        """Name the system."""
        self.system = system

    def __call__(
        self,
        name: str,
        *,
        statement: str,
        source: str,
        rule: str,
        figures: Figures | Mapping[str, Figures],
        parts: Mapping[str, str] | Callable[[str], str] = {},  # noqa: B006 (never mutated)
        margin: float | Mapping[str, float] | None = None,
    ) -> Callable[[Rule], Rule]:
        """Register the decorated rule as a claim. `figures` is read without running this call: write it out.

        Raises:
            ValueError: if the name is taken.
        """

        def register(effects: Rule) -> Rule:
            if name in CLAIMS:
                raise ValueError(f"there are two claims named {name!r}: rename one")
            CLAIMS[name] = Claim(name, self.system, statement, source, rule, effects, figures, parts, margin)
            return effects

        return register


def of(system: str) -> list[Claim]:
    """Return the claims about a system in the order of their names."""
    return sorted((claim for claim in CLAIMS.values() if claim.system == system), key=lambda claim: claim.name)


def effects(system: str, *evidence: Any) -> list[tuple[Claim, str, Effect]]:
    """Return claim, name and effect of every claim, part and condition about a system."""
    return [
        (claim, part, effect)
        for claim in of(system)
        for decided in [claim.effects(*evidence)]
        for part, effect in ({claim.name: decided} if isinstance(decided, Effect) else decided).items()
    ]


def decide(system: str, *evidence: Any) -> list[Row]:
    """Return one row per claim, part and condition; what the study did not run is undecided.

    Args:
        system: whose claims they are.
        evidence: what every rule of the system looks at.
    """
    return [claim.row(part, effect) for claim, part, effect in effects(system, *evidence)]
