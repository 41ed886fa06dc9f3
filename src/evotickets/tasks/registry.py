"""The one list of data sets and environments, and the shapes in which they give their samples.

    @task(kind="supervised", input_shape=(28, 28, 1), classes=10, files=MNIST)
    def mnist() -> Images: ...

A task is one decorated function; its file in this folder is found without a list. What the decorator states is known
without reading data or importing a library. The kind says what the function takes and gives:

`supervised`: () -> `Images`, or `Whole` where the data set brings no split.
`sequence`: () -> `Images`, whose samples have a label at every step.
`points`: (sizes of three splits, generator, and of `classes` and `noise` what it takes) -> three `Pair`s, drawn anew.
`pool`: (its options) -> `Source`, images of any size that are read when they are asked for.
`control`: (its options) -> `Control`, which is compiled with whoever plays it.
`host`: (its options) -> `Control` whose steps are calls to the host: slower, and for strategies alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from evotickets.own import PartError
from evotickets.parts import Form, Parts
from evotickets.tasks.files import Files, Made
from evotickets.tasks.splits import stratified

if TYPE_CHECKING:
    import jax

    from evotickets.networks.layout import Network

Kind = Literal["supervised", "sequence", "points", "pool", "control", "host"]
Pair = tuple[np.ndarray, np.ndarray]
"""Inputs [n, …] and labels [n] or, of sequences, [n, T]; or real values [n] or [n, targets]."""
Inputs = np.ndarray | dict[str, np.ndarray]
"""Inputs [n, …], or several such by the names of a model's arguments."""

FORMS = {
    "supervised": Form("() -> Images or Whole"),
    "sequence": Form("() -> Images"),
    "points": Form("(sizes, rng, *, classes, noise) -> three pairs", takes=2),
    "pool": Form("(*, options) -> Source", optional=False),
    "control": Form("(*, options) -> Control"),
    "host": Form("(*, options) -> Control"),
}
"""What the functions of each kind take and give."""


def _form(facts: Mapping[str, Any]) -> Form:
    """Return the form of a task of these facts.

    Raises:
        PartError: if they are not those of a task.
    """
    unknown = sorted(set(facts) - {field.name for field in fields(Facts)})
    if facts.get("kind") not in FORMS or unknown:
        said = f"the fact {unknown[0]!r}" if unknown else f"kind={facts.get('kind')!r}"
        raise PartError(
            f'a task has {said}; expected is @task(kind="supervised", input_shape=(…), classes=…), with a '
            f"kind of {', '.join(FORMS)}, as `Facts` in evotickets.tasks.registry says"
        )
    stated = [word for word in ("classes", "targets") if facts.get(word)]
    if (facts["kind"] == "supervised" and len(stated) != 1) or (facts["kind"] != "supervised" and "targets" in stated):
        raise PartError(
            f"a task of kind {facts['kind']!r} states {' and '.join(stated) or 'neither classes nor targets'}; expected is "
            '@task(kind="supervised", input_shape=(…), classes=…), or targets=… in place of classes for real values'
        )
    if facts["kind"] == "sequence" and not all(facts.get(word) for word in ("classes", "labels", "codes")):
        raise PartError("a task of kind 'sequence' states classes, labels and codes, each above 0, as `Facts` says")
    return FORMS[facts["kind"]]


task = Parts("task", "evotickets.tasks", form=_form)


@dataclass(frozen=True)
class Facts:
    """What is known of a task before its data are read.

    Attributes:
        kind: what its function takes and gives.
        input_shape: of one input, which is an observation of a control task; empty where only its data know.
        classes: at most; 0 where only its data know, or there are none.
        targets: how many real values belong to a sample, where those are learnt instead of classes.
        unit: of the targets, such as mg/dl.
        outputs: of the policy of a control task; 0 where only its environment knows.
        largest: value of a pixel.
        files: what it needs to have downloaded or made.
        needs: a module that must be installed, "" where it is what every installation has.
        named: whether its options say which of many environments it is, so that it is made once before any job.
        counts: images of every class in the training, the validation and the test split, or in the whole where the data
            set brings no split; empty where only its data know.
        standardise: by what inputs are standardised: `all` entries together, each `entry`, or `none`; by default vectors
            entry by entry, and others by all.
        labels: of a sequence: how many of its last steps have a label.
        codes: of a sequence: how many things the last entry of a step names by their numbers.
    """

    kind: Kind
    input_shape: tuple[int, ...] = ()
    classes: int = 0
    outputs: int = 0
    largest: int = 255
    files: Files | Made | None = None
    standardise: Literal["", "all", "entry", "none"] = ""
    needs: str = ""
    counts: tuple[tuple[int, ...], ...] = ()
    targets: int = 0
    unit: str = ""
    labels: int = 0
    codes: int = 0
    named: bool = False

    @property
    def width(self) -> int:
        """Outputs of a network that learns the task; 0 where only its data or its environment know."""
        return self.outputs or self.classes or self.targets

    def samples(self, classes: int | None = None) -> tuple[int, int, int] | None:
        """Return the sizes of the training, validation and test split, of the first classes alone or of all; None if unknown.

        Where the data set brings no split, it is that of `Whole.split`.
        """
        if not self.counts:
            return None
        of = [split[:classes] for split in self.counts]
        if len(of) == 1:
            fifths = sum(round(count / 5) for count in of[0])
            return sum(of[0]) - 2 * fifths, fifths, fifths
        train, validation, test = map(sum, of)
        return train, validation, test


class Tasks(Mapping[str, Facts]):
    """The facts of all tasks of some kinds by name, kind after kind."""

    def __init__(self, *kinds: Kind):
        self.kinds = kinds

    def __getitem__(self, name: str) -> Facts:
        """Return the facts of a task.

        Raises:
            KeyError: if there is none of this name and these kinds.
        """
        if name in task:
            facts = Facts(**task.facts[name])
            if facts.kind in self.kinds:
                return facts
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        for kind in self.kinds:
            yield from (name for name in task if task.facts[name]["kind"] == kind)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Images(NamedTuple):
    """Inputs [n, …], such as pixels uint8, and labels [n] of the train, validation and test split, as stored."""

    train: Pair
    validation: Pair
    test: Pair


class Whole(NamedTuple):
    """Inputs [n, …], such as pixels uint8, and labels [n] of a data set that brings no split, as stored.

    In place of labels there may be real values [n] or [n, targets], as the facts of the task say.
    """

    x: np.ndarray
    y: np.ndarray

    def parts(self, rng: np.random.Generator, *, alike: bool = True) -> list[np.ndarray]:
        """Draw which samples train, validate and test, 60/20/20 and, with `alike`, so in each class; they keep their order."""

        def ends(count: int) -> tuple[int, int]:
            fifth = round(count / 5)
            return -2 * fifth, -fifth

        labels = self.y if alike else np.zeros(len(self.y), int)
        return [np.sort(part) for part in stratified(labels, ends, rng)]

    def split(self, rng: np.random.Generator, *, alike: bool = True) -> Images:
        """Split as `parts` draws."""
        return Images(*((self.x[part], self.y[part]) for part in self.parts(rng, alike=alike)))


class Pool(NamedTuple):
    """Labels int64 [n] of all images, and how to read some: `read(indices)` gives uint8 [indices, height, width, channels]."""

    labels: np.ndarray
    read: Callable[[np.ndarray], Inputs]

    @classmethod
    def of(cls, x: np.ndarray, y: np.ndarray) -> Pool:
        """Return a pool of images [n, height, width, channels] that are in memory, and labels [n]."""
        return cls(y.astype(np.int64), lambda indices: x[indices])


class Source(NamedTuple):
    """Images that networks were trained on, and images that they were not, with the scale that they were trained in.

    Attributes:
        train, test: images of training, and those that no network has seen.
        mean, std: of a channel, in [0, 1].
        validation: images that networks which are trained here have not seen either; None where some of training must do.
    """

    train: Pool
    test: Pool
    mean: tuple[float, ...]
    std: tuple[float, ...]
    validation: Pool | None = None


IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and std of ImageNet's channels, in which checkpoints of torchvision and many others were trained."""


class Split(NamedTuple):
    """Inputs float32 [n, *input_shape], and labels int32 [n] or standardised real values float32 [n, targets]."""

    x: np.ndarray
    y: np.ndarray


class Data(NamedTuple):
    """A supervised data set in three disjoint splits, and the digest of exactly these arrays.

    Without classes, its targets are real values, and `scale` [targets] is what one of them was divided by.
    """

    name: str
    classes: int
    train: Split
    validation: Split
    test: Split
    digest: str
    scale: np.ndarray | None = None

    @property
    def outputs(self) -> int:
        """Outputs of a network that learns it: one a class, or one a real value."""
        return self.classes or self.train.y.shape[-1]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input."""
        return self.train.x.shape[1:]


@dataclass(frozen=True)
class Control:
    """An environment whose episodes a policy network steers.

    `reset(key) -> (observation, state)` and `step(state, outputs) -> (observation, state, reward, done)` are pure and
    act on one episode. `step` takes the raw outputs [outputs] of the network and turns them into an action: the largest
    output where actions are discrete, tanh stretched to the bounds where they are continuous. `done` marks the end of
    an episode by its own rules; whoever rolls it out ends it after `horizon` steps. A random environment keeps its key
    in the state. With `normalise`, policies see observations less their running mean, over their running std. `bounds`
    [2, outputs] are those that the tanh of outputs is stretched to; None where it is not.
    """

    name: str
    observation_size: int
    outputs: int
    discrete: bool
    horizon: int
    reset: Callable[[jax.Array], tuple[jax.Array, Any]]
    step: Callable[[Any, jax.Array], tuple[jax.Array, Any, jax.Array, jax.Array]]
    hidden: tuple[int, ...] = (64, 64)
    normalise: bool = True
    bounds: tuple[tuple[float, ...], tuple[float, ...]] | None = None

    @property
    def network(self) -> Network:
        """The suggested policy: a tanh perceptron.

        Source: Lange & Sprekeler (2023), appendix: 2×64 for classic control, 2×32 for Brax.
        """
        # Names and facts of tasks are read by every start of the workflow, which does without JAX.
        from evotickets.networks.layout import mlp

        return mlp(self.observation_size, self.hidden, self.outputs, "tanh")
