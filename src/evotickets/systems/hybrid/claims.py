"""The claims about hybrid training, each decided from the tables of a study by a rule that was fixed beforehand.

Accuracy is that on test data at the end of training. Methods of a task share seeds, samples and first weights, so they are
paired seed by seed; tasks and densities that two methods share count alike. All methods have one share-out of densities over
layers, and choose learning rates from one grid by validation images; what is claimed of masks is decided under every share-out.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, NamedTuple

import pandas as pd

from evotickets import statistics
from evotickets.claims import rules
from evotickets.claims.registry import About
from evotickets.claims.rules import MISSING, unless_all, weakest, weakest_known
from evotickets.statistics import ANYWHERE, SHARES, Bounds, Effect
from evotickets.systems.hybrid import SHARE_OUTS, WHOLE
from evotickets.systems.hybrid.choice import Grid

CLOSE = 0.01
"""The accuracy that the hybrid may lose to a baseline."""

SINGLE = (1, 1)
LEARNED = ("set", "rigl", "gmp", "straight_through")
CELL = ["task", "density", "layer_densities"]
PAPER = "Lenc et al. (2019)"
claim = About("hybrid", variants=tuple(SHARE_OUTS.values()))

Methods = Mapping[str, Mapping[str, Any]]
Effects = dict[str, Effect]


def timed(records: Iterable[Any]) -> pd.DataFrame:
    """Return a row per part and repeat of every step that was timed, from records as `results.read_record` gives them."""
    rows = [
        dict(record.parameters) | {"part": name.rpartition("/")[2], "repeat": step, "value": value}
        for record in records
        for name, step, value in record.metrics
    ]
    return pd.DataFrame(rows, columns=["task", "method", "density", "members", "part", "repeat", "value"])


class Evidence(NamedTuple):
    """What the rules look at.

    Attributes:
        scores: rows of `tables.HYBRID`.
        effects: rows of `tables.HYBRID_EFFECTS`.
        times: columns task, method, density, members, part, repeat and value, in milliseconds.
        methods: resolved options by name.
        grids: what validation images chose beside learning rates, by the name of the method.
    """

    scores: pd.DataFrame
    effects: pd.DataFrame
    times: pd.DataFrame
    methods: Methods
    grids: Mapping[str, Grid] = {}

    def under(self, share_out: str) -> "Evidence":
        """Return what was run under a share-out, and what prunes nothing."""
        return self._replace(scores=self.scores[self.scores["layer_densities"].isin([share_out, WHOLE])])

    @property
    def accuracy(self) -> pd.DataFrame:
        """Test accuracy at the end of every training."""
        return last(self.of("test", "accuracy"))

    def of(self, split: str, metric: str) -> pd.DataFrame:
        """Return the rows of a metric, at all steps."""
        return self.scores[(self.scores["split"] == split) & (self.scores["metric"] == metric)]

    def named(self, kind: str, **options: Any) -> list[str]:
        """Return the names of methods of a kind with certain options."""
        return rules.named(self.methods, method=kind, **options)

    @property
    def hybrids(self) -> list[str]:
        """Hybrids whose masks evolve, that which is named `hybrid` first."""
        names = [name for name in self.named("hybrid", shuffled=False) if self.methods[name]["mask_rate"] > 0]
        return sorted(names, key=lambda name: name != "hybrid")

    @property
    def plain(self) -> str:
        """The hybrid that a study's claims are about: of single weights and without a grid, that named `hybrid` first."""
        return next((name for name in self.hybrids if self.block(name) == SINGLE and name not in self.grids), "")

    def block(self, name: str) -> tuple[int, int]:
        """Return the rows and columns of a method's blocks."""
        rows, columns = self.methods[name].get("block", SINGLE)
        return rows, columns

    def baselines(self, kind: str, own: str) -> list[str]:
        """Return the methods of a kind that see all samples and have the blocks of a method."""
        return [name for name in self.named(kind, batches=0) if own and self.block(name) == self.block(own)]

    def like(self, name: str, **changed: Any) -> list[str]:
        """Return the methods that differ from one in certain options alone, which their grids may not vary."""
        wanted, grid = dict(self.methods[name]) | changed, self._varied(name, changed)
        found = [other for other, own in self.methods.items() if dict(own) == wanted]
        return [other for other in found if self._varied(other, changed) == grid]

    def _varied(self, name: str, changed: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
        """Return the axes of a method's grid without certain options."""
        axes = []
        for axis in self.grids.get(name, []):
            sets = [{key: value for key, value in options.items() if key not in changed} for options in axis]
            axes.append([options for index, options in enumerate(sets) if options not in sets[:index]])
        return [axis for axis in axes if axis != [{}]]


def evidence(
    tables: Mapping[str, pd.DataFrame],
    *,
    methods: Methods,
    grids: Mapping[str, Grid] | None = None,
    records: Iterable[Any] = (),
) -> tuple[Evidence]:
    """Return what the rules look at: tables of a study by name, resolved methods, and the records of steps that were timed."""
    return (Evidence(tables["hybrid"], tables["hybrid_effects"], timed(records), methods, grids or {}),)


def under_every_share_out(rule: Callable[[Evidence], Effects]) -> Callable[[Evidence], Effects]:
    """Let a rule decide under every share-out that a study has; the first effect, the claim's, is the weakest of them."""

    @wraps(rule)
    def decided(evidence: Evidence) -> Effects:
        (head, *_), found, whole = rule(evidence.under("")), Effects(), Effects()
        for share_out, words in SHARE_OUTS.items():
            if not (evidence.scores["layer_densities"] == share_out).any():
                continue
            effects = rule(evidence.under(share_out))
            if not any(effect.n for effect in effects.values()):
                continue
            whole[share_out] = effects[head]
            found |= {f"{part} {words}": effect for part, effect in effects.items()}
        run = [share_out for share_out, effect in whole.items() if effect.n]
        return {head: unless_all(weakest_known(whole.values()), whole, run)} | found

    return decided


def last(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the last step of every training."""
    return rows[rows["step"] == rows.groupby([*CELL, "method", "seed"])["step"].transform("max")]


def above(rows: pd.DataFrame, a: str, b: str, margin: float = 0.0) -> Effect:
    """Return the effect of method `a` over `b`, and a margin more."""
    effect, low, high, n = rules.contrast(rows, "method", a, b, CELL, bounds=SHARES)
    return Effect(effect + margin, low + margin, high + margin, n)


def over_seeds(rows: pd.DataFrame, threshold: float = 0.0, bounds: Bounds = ANYWHERE) -> Effect:
    """Return by how much the mean of `value` exceeds a threshold; the rows of a seed are averaged first."""
    if not len(rows):
        return MISSING
    values = rows.groupby("seed")["value"].mean().to_numpy()
    mean, low, high = (value - threshold for value in statistics.interval(values, bounds=bounds))
    return Effect(mean, low, high, len(values))


def _competes(part: str) -> str:
    """Say what a part of H3 states of a baseline or a density."""
    _, *words = part.split()
    if words[:1] == ["beats"]:
        return f"The hybrid beats {words[1]}"
    if words[:1] == ["at"]:
        return f"The hybrid is competitive with masks that gradients learn at density {words[1]}"
    return f"The hybrid is competitive with {words[0]}" if words else ""


@claim(
    "H3",
    statement="The hybrid is competitive with masks that gradients learn, at densities from .02 to .5",
    source=PAPER,
    rule=f"accuracy of the hybrid − that of a baseline + {CLOSE}; under a share-out of densities over layers it is the weakest "
    "of all baselines (SET, RigL, gradual magnitude pruning, straight-through top-k), each of which must have been run, 'H3 "
    "at' that at one density; 'H3 beats' has no margin; H3 is the weakest of the share-outs. Tasks and densities are those "
    "that both were run with. All have the share-out, and the learning rate that validation images chose from one grid where "
    "the study has one. The hybrid has the steps and samples of its baselines, each sample under two masks: twice their passes",
    figures=("performance",),
    unit="accuracy",
    parts=_competes,
)
@under_every_share_out
def h3(evidence: Evidence) -> Effects:
    """Decide whether the hybrid is competitive with masks that gradients learn."""
    rows, own = evidence.accuracy, evidence.plain
    baselines = {name: kind for kind in LEARNED for name in evidence.baselines(kind, own)}

    def all_of(effects: Mapping[str, Effect]) -> Effect:
        run = {baselines[name] for name, effect in effects.items() if effect.n}
        return unless_all(weakest_known(effects.values()), LEARNED, run)

    against = {name: above(rows, own, name, CLOSE) for name in baselines}
    at = {}
    for density in sorted(rows.loc[rows["method"] == own, "density"].unique(), reverse=True):
        here = rows[rows["density"] == density]
        at[f"H3 at {density:g}"] = all_of({name: above(here, own, name, CLOSE) for name in baselines})
    compared = [name for kind in ("set", "static") for name in evidence.baselines(kind, own)]
    more = {f"H3 beats {name}": above(rows, own, name) for name in compared}
    return {"H3": all_of(against)} | {f"H3 {name}": effect for name, effect in against.items()} | at | more


_NULLS = {"H5a": "the same without learning its mask", "H5b": "the same with shuffled utilities"}


def _signal(part: str) -> str:
    """Say what a part of H5 states of a null control, a task, or a hybrid of another name."""
    head, *words = part.split()
    at = words.index("on") if "on" in words else len(words)
    who = " ".join(["the hybrid", *words[:at]])
    if head in _NULLS:
        return f"{who.capitalize()} is better than {_NULLS[head]}"
    return f"It is the signal of evolution that makes {' '.join([who, 'better', *words[at:]])}" if words else ""


@claim(
    "H5",
    statement="It is the signal of evolution that makes the hybrid better",
    source="ours",
    rule="H5a: accuracy of the hybrid − that of the same with mask learning rate 0; H5b: − that of the same with shuffled "
    "utilities; under a share-out, and 'on' a task, it is the weaker of the two, and H5 the weakest of the share-outs; a "
    "hybrid of another name by itself. A hybrid whose options validation images chose is compared with controls that chose "
    "from the same grid",
    figures=("performance",),
    unit="accuracy",
    parts=_signal,
)
@under_every_share_out
def h5(evidence: Evidence) -> Effects:
    """Decide whether it is the signal of evolution that makes the hybrid better than its null controls."""
    rows, found = evidence.accuracy, {}
    for name in evidence.hybrids:
        still, walk = evidence.like(name, mask_rate=0), evidence.like(name, shuffled=True)
        whose = "" if name == evidence.plain else f" {name}"
        effects = {
            f"{part}{whose}": above(rows, name, null)
            for part, nulls in (("H5a", still), ("H5b", walk))
            for null in nulls[:1]
        }
        if len(effects) == 2:
            for task in rows.loc[rows["method"] == name, "task"].unique():
                here = rows[rows["task"] == task]
                by_task = [above(here, name, null) for null in (still[0], walk[0])]
                if all(effect.n for effect in by_task):
                    effects[f"H5{whose} on {task}"] = weakest(by_task)
            found[f"H5{whose}"] = weakest([effects[f"H5a{whose}"], effects[f"H5b{whose}"]])
        found |= effects
    return {"H5": MISSING} | found
