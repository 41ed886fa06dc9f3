"""What a task is, and the one list of tasks: a loader or builder registers itself under its name with a decorator."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np

from evotickets.networks.layout import Network, mlp


class Split(NamedTuple):
    """Inputs float32 [n, *input_shape] and labels int32 [n]."""

    x: np.ndarray
    y: np.ndarray


class Data(NamedTuple):
    """A supervised data set in three disjoint splits, and the digest of exactly these arrays."""

    name: str
    classes: int
    train: Split
    validation: Split
    test: Split
    digest: str

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input."""
        return self.train.x.shape[1:]


class Images(NamedTuple):
    """Pixels uint8 [n, height, width, channels] and labels [n] of the train, validation and test split, as stored."""

    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Supervised:
    """What is known of a supervised task before its data are read; `load(seed)` reads them."""

    name: str
    input_shape: tuple[int, ...]
    classes: int
    load: Callable[[int], Images]


@dataclass(frozen=True)
class Control:
    """An environment whose episodes a policy network steers.

    `reset(key) -> (observation, state)` and `step(state, outputs) -> (observation, state, reward, done)` are pure and
    act on one episode. `step` takes the raw outputs [outputs] of the network and turns them into an action: the largest
    output where actions are discrete, tanh stretched to the bounds where they are continuous. `done` marks the end of
    an episode by its own rules; whoever rolls it out ends it after `horizon` steps. A random environment keeps its key
    in the state.
    """

    name: str
    observation_size: int
    outputs: int
    discrete: bool
    horizon: int
    reset: Callable[[jax.Array], tuple[jax.Array, Any]]
    step: Callable[[Any, jax.Array], tuple[jax.Array, Any, jax.Array, jax.Array]]
    hidden: tuple[int, ...] = (64, 64)

    @property
    def network(self) -> Network:
        """The suggested policy: a tanh perceptron.

        Source: Lange & Sprekeler (2023), appendix: 2×64 for classic control, 2×32 for Brax.
        """
        return mlp(self.observation_size, self.hidden, self.outputs, "tanh")


SUPERVISED: dict[str, Supervised] = {}
CONTROL: dict[str, Callable[..., Control]] = {}
OPTIONS: dict[str, tuple[str, ...]] = {}
"""What may be said about a task beside its network, and which tasks take it: keyword arguments of their builders."""


def register_supervised(name: str, *, input_shape: tuple[int, ...], classes: int) -> Callable:
    """Register the decorated `load(seed) -> Images` as a supervised task."""

    def decorate(load: Callable[[int], Images]) -> Callable[[int], Images]:
        SUPERVISED[name] = Supervised(name, input_shape, classes, load)
        return load

    return decorate


def register_control(build: Callable[[], Control]) -> Callable[[], Control]:
    """Register the decorated `build() -> Control` as a control task under the name of the function."""
    CONTROL[build.__name__] = build
    return build
