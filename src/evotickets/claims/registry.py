"""The claims of all systems: a statement, where it was made, the figures that show it, and the rule that decides it.

    claim = About("strong")

    @claim("G5", statement=…, source=…, rule=…, unit="accuracy", figures=("progress",))
    def g5(evidence…) -> dict[str, Effect]: …

Rules are written before the numbers are looked at; changing one is changing the study. Claims whose names begin alike (`C4 own`
and `C4 ES to GD`, `P1a` and `P1b`) are a family. The claim that has the name of the family is decided by itself, all the
others at intervals that hold together. Where a system decides its claims once more on variants of what they are about, whose
words end the names of the parts, every variant has families of its own.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from evotickets import statistics
from evotickets.statistics import Effect

ENDS = "supported if its {:.4g} % interval lies above 0, contradicted if it does not reach above 0"
WITHIN = "supported if its whole {:.4g} % interval lies within ±{:g}"
TOGETHER = "one of {} in {} whose intervals hold together with 95 % (Bonferroni)"

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
        unit: of the effects; of parts as `figures`.
        parts: what parts state by themselves, by name or as a function of it.
        margin: how far from zero effects may lie whose claim is that there is none; for all parts, or by name.
        variants: the words that begin the end of the names of parts that are about a variant.
    """

    name: str
    system: str
    statement: str
    source: str
    rule: str
    effects: Rule
    figures: Figures | Mapping[str, Figures]
    unit: str | Mapping[str, str]
    parts: Mapping[str, str] | Callable[[str], str]
    margin: float | Mapping[str, float] | None
    variants: tuple[str, ...] = ()

    def shown(self, part: str) -> Figures:
        """Name the figures that show a part."""
        return _of_part(self.figures, part)

    def family(self, part: str) -> str:
        """Return the beginning that a part has in common with claims and parts beside it, and the variant it is about."""
        found = re.match(r"[A-Z]+\d+", self.name)
        variant = self._told(part)[1]
        return " ".join(filter(None, (found.group() if found else self.name, variant)))

    def _told(self, part: str) -> tuple[str, str]:
        """Return the name of a part without its variant, and the words of the variant."""
        start = min((part.index(f" {words}") for words in self.variants if f" {words}" in part), default=len(part))
        return part[:start], part[start + 1 :]

    def states(self, part: str) -> str:
        """Return the sentence that a part states.

        Raises:
            ValueError: if it has none of its own.
        """
        name, variant = self._told(part)
        own = self.parts(name) if callable(self.parts) else self.parts.get(name, "")
        if not own and name != self.name:
            raise ValueError(f"{part} states nothing of its own: give it a sentence in the parts of claim {self.name}")
        return ", ".join(filter(None, (own or self.statement, variant)))

    def row(self, decided: "Decided") -> Row:
        """Return the row of a part in the table of claims."""
        part, effect, percent = decided.part, decided.effect, 100 * decided.confidence
        margin = self.margin.get(self._told(part)[0]) if isinstance(self.margin, Mapping) else self.margin
        if margin is None:
            verdict, ends = statistics.verdict(effect.low, effect.high), ENDS.format(percent)
        else:
            verdict = statistics.equivalence(effect.low, effect.high, margin=margin)
            ends = WITHIN.format(percent, margin)
        if decided.together > 1:
            ends = f"{ends}; {TOGETHER.format(decided.together, self.family(part))}"
        words = {"claim": part, "system": self.system, "statement": self.states(part), "source": self.source}
        words |= {"rule": f"{self.rule}; {ends}", "unit": _of_part(self.unit, part)}
        verdict = verdict if effect.n else "not asked"
        return words | effect._asdict() | {"verdict": verdict, "confidence": decided.confidence}


class Decided(NamedTuple):
    """The effect of a claim, a part or a condition.

    Attributes:
        claim: whose it is.
        part: its name.
        effect: with its interval.
        together: how many effects of the family have intervals that hold together; 1 for one by itself.
    """

    claim: Claim
    part: str
    effect: Effect
    together: int

    @property
    def confidence(self) -> float:
        """Of the interval."""
        return statistics.shared_out(self.together)

    @property
    def row(self) -> Row:
        """The row in the table of claims."""
        return self.claim.row(self)


def _of_part(said: Any, part: str) -> Any:
    """Return what is said of all parts, or of the longest beginning of a part's name."""
    if not isinstance(said, Mapping):
        return said
    return said[max((start for start in said if part.startswith(start)), key=len)]


CLAIMS: dict[str, Claim] = {}


class About:
    """The decorator that registers the claims about one system."""

    def __init__(self, system: str, *, variants: tuple[str, ...] = ()):
        """Name the system, and the variants on which it decides its claims once more."""
        self.system, self.variants = system, variants

    def __call__(
        self,
        name: str,
        *,
        statement: str,
        source: str,
        rule: str,
        figures: Figures | Mapping[str, Figures],
        unit: str | Mapping[str, str],
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
            about = (name, self.system, statement, source, rule)
            CLAIMS[name] = Claim(*about, effects, figures, unit, parts, margin, self.variants)
            return effects

        return register


def of(system: str) -> list[Claim]:
    """Return the claims about a system in the order of their names."""
    return sorted((claim for claim in CLAIMS.values() if claim.system == system), key=lambda claim: claim.name)


def effects(system: str, *evidence: Any) -> list[Decided]:
    """Return the effect of every claim, part and condition about a system.

    A claim that says several things is asked twice: for what it says as a whole, and for intervals of all the others that
    hold together.
    """
    claims = of(system)
    alone = {claim.name: _asked(claim, evidence) for claim in claims}
    sizes = Counter(
        claim.family(part)
        for claim in claims
        for part, effect in alone[claim.name].items()
        if part != claim.family(part) and effect.n
    )
    found = []
    for claim in claims:
        own, together = alone[claim.name], {}
        for size in {sizes[claim.family(part)] for part in own} - {0, 1}:
            with statistics.confidence_of(statistics.shared_out(size)):
                together[size] = _asked(claim, evidence)
        for part, effect in own.items():
            family = claim.family(part)
            size = 1 if part == family or not effect.n else sizes[family]
            found.append(Decided(claim, part, together[size][part] if size > 1 else effect, size))
    return found


def _asked(claim: Claim, evidence: tuple[Any, ...]) -> dict[str, Effect]:
    decided = claim.effects(*evidence)
    return {claim.name: decided} if isinstance(decided, Effect) else decided


def decide(system: str, *evidence: Any) -> list[Row]:
    """Return one row per claim, part and condition; what the study did not run is not asked.

    Args:
        system: whose claims they are.
        evidence: what every rule of the system looks at.
    """
    return [decided.row for decided in effects(system, *evidence)]
