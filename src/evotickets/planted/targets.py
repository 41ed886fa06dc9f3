"""Target networks that solve their problem exactly or nearly so, at any depth: the tickets that are planted.

Depth counts weight layers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, cos, pi, sin, sqrt
from typing import NamedTuple

import numpy as np

from evotickets.refusals import hint

THRESHOLDS = (0.2, 0.5, 0.7)
"""Squared radii at which the class of Circle changes."""

SLOPES = (5.0, 10.0, 20.0, 40.0)
OFFSETS = (0.0, -1.0, -6.0, -20.0)
"""The logits of Circle are slope · radius² + offset; neighbours cross at the thresholds."""

CIRCLE_KNOTS, HELIX_KNOTS = 10, 30
ROUNDING = 1e-9
"""Weights below this are rounding errors of slopes that are equal: no edges."""


class Target(NamedTuple):
    """A ReLU network with linear outputs: kernels [O, I] and biases [O], float64; zero entries are no edges."""

    kernels: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]

    @property
    def edges(self) -> int:
        """Number of weights that are not zero; biases are not counted."""
        return sum(int(np.count_nonzero(kernel)) for kernel in self.kernels)

    @property
    def widest(self) -> int:
        """Units of the widest hidden layer, which a mother network must have at least."""
        return max(len(bias) for bias in self.biases[:-1])


@dataclass(frozen=True)
class Family:
    """A kind of target.

    Attributes:
        inputs: number of inputs, each uniform on [−1, 1].
        outputs: number of outputs.
        classes: number of classes; 0 for a regression.
        truth: x [B, inputs] -> what the network should put out [B, outputs], logits where there are classes.
        build: depth -> target.
    """

    inputs: int
    outputs: int
    classes: int
    truth: Callable[[np.ndarray], np.ndarray]
    build: Callable[[int], Target]


TARGETS: dict[str, Family] = {}


def register(name: str, *, inputs: int, outputs: int, classes: int, truth: Callable[[np.ndarray], np.ndarray]):
    """Register the decorated `build(depth) -> Target` as a family of targets."""

    def decorate(build: Callable[[int], Target]) -> Callable[[int], Target]:
        TARGETS[name] = Family(inputs, outputs, classes, truth, build)
        return build

    return decorate


def build(name: str, depth: int) -> Target:
    """Build the target of a family with this many weight layers.

    Raises:
        ValueError: if there is no such family, or the depth is below 2.
    """
    if name not in TARGETS:
        raise ValueError(f"unknown target {name!r}; {hint(name, TARGETS)}")
    if depth < 2:
        raise ValueError(f"target {name} needs a depth of at least 2 weight layers, got {depth}")
    kernels, biases = TARGETS[name].build(depth)
    return Target(tuple(np.where(np.abs(kernel) < ROUNDING, 0.0, kernel) for kernel in kernels), biases)


def outputs(target: Target, x: np.ndarray) -> np.ndarray:
    """Return the outputs [B, O] of a target on inputs [B, I]."""
    for kernel, bias in zip(target.kernels[:-1], target.biases[:-1], strict=True):
        x = np.maximum(x @ kernel.T + bias, 0)
    return x @ target.kernels[-1].T + target.biases[-1]


@register("relu", inputs=1, outputs=1, classes=0, truth=lambda x: np.maximum(x, 0))
def relu(depth: int) -> Target:
    """Build max(x, 0): one neuron a layer.

    Source: Fischer & Burkholz (2022), §4.1 and appendix.
    """
    return Target((np.ones((1, 1)),) * depth, (np.zeros(1),) * depth)


def curve(x: np.ndarray) -> np.ndarray:
    """Return the helix [B, 3] at x [B] in [−1, 1]."""
    angle = 5 * pi + 3 * pi * x
    return np.stack([angle * np.cos(angle), angle * np.sin(angle), angle], -1) / (8 * pi)


@register("helix", inputs=1, outputs=3, classes=0, truth=lambda x: curve(x[:, 0]))
def helix(depth: int) -> Target:
    """Build the helix from 30 knots that its three outputs share; deeper layers hand their values on, raised by 1.

    Source: Fischer & Burkholz (2022), §4.1 and appendix.
    Deviates: the third output is linear and reads one knot. The paper's release also counts the rounding errors of
    its other slopes as edges, 115 instead of 91 at depth 2 and 120 instead of 95 at depth 4.
    """
    shift = 0.0 if depth == 2 else 1.0
    knots = _piecewise(lambda x: curve(x - shift), np.linspace(shift - 1, shift + 1, HELIX_KNOTS))
    layers = [(knots.signs[:, None], knots.biases), (knots.slopes, knots.offsets)]
    if depth > 2:
        layers.insert(0, (np.ones((1, 1)), np.ones(1)))
    if depth > 3:
        layers[-1] = (knots.slopes, knots.offsets + 1)
        layers += [(np.eye(3), np.zeros(3))] * (depth - 4) + [(np.eye(3), -np.ones(3))]
    return _target(layers)


@register(
    "circle",
    inputs=2,
    outputs=4,
    classes=4,
    truth=lambda x: np.sum(x**2, -1, keepdims=True) * np.array(SLOPES) + np.array(OFFSETS),
)
def circle(depth: int) -> Target:
    """Build four rings around the origin as the upper envelope of four affine functions of the squared radius.

    From depth 4 on the first two layers are |x1| and |x2|; every further layer folds the plane once more along a
    direction, until the second last layer approximates the squares of what is along and across the last fold.

    Source: Fischer & Burkholz (2022), §4.1 and appendix.
    """
    if depth == 2:
        knots = _squares(-1, 1, CIRCLE_KNOTS)
        return _target(_rings((np.eye(2)[:1], np.eye(2)[1:]), (knots, knots)))
    signed = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    absolute = np.array([[1.0, 1, 0, 0], [0, 0, 1, 1]])
    layers = [(signed, np.zeros(4))]
    if depth == 3:
        knots = _squares(0, 1, CIRCLE_KNOTS)
        return _target(layers + _rings((absolute[:1], absolute[1:]), (knots, knots)))
    layers.append((absolute, np.zeros(2)))
    coordinates, angle = np.eye(2), pi / 2
    for _ in range(depth - 4):
        angle /= 2
        along = cos(angle) * coordinates[0] + sin(angle) * coordinates[1]
        across = sin(angle) * coordinates[0] - cos(angle) * coordinates[1]
        layers.append((np.stack([along, across, -across]), np.zeros(3)))
        coordinates = np.array([[1.0, 0, 0], [0, 1, 1]])
    if depth == 4:
        knots = _squares(0, 1, CIRCLE_KNOTS)
        return _target(layers + _rings((coordinates[:1], coordinates[1:]), (knots, knots)))
    # Beyond the last threshold nothing changes any more, so that far points may be off.
    reach = sin(angle) * sqrt(THRESHOLDS[-1]) + 0.01
    many = min(ceil(2 * CIRCLE_KNOTS * sqrt(2) / (sqrt(2) + reach)), 2 * CIRCLE_KNOTS - 3)
    parts = (_squares(0, sqrt(2), many), _squares(0, reach, 2 * CIRCLE_KNOTS - many))
    return _target(layers + _rings((coordinates[:1], coordinates[1:]), parts))


class _Knots(NamedTuple):
    """Units relu(sign · x + bias) [knots], and slopes [functions, knots] and offsets [functions] that use them."""

    signs: np.ndarray
    biases: np.ndarray
    slopes: np.ndarray
    offsets: np.ndarray


def _piecewise(function: Callable[[np.ndarray], np.ndarray], at: np.ndarray) -> _Knots:
    """Interpolate functions [knots] -> [knots, functions] at equidistant knots by units that point right and left in turn."""
    signs = np.where(np.arange(len(at)) % 2, -1.0, 1.0)
    ends = np.append(at, at[-1] + (at[1] - at[0]))
    secants = np.diff(function(ends), axis=0) / np.diff(ends)[:, None]
    bends = np.diff(secants, axis=0)
    # Left of all knots only the units that point left are active: the first unit makes up for their slopes.
    slopes = np.concatenate([secants[:1] + bends[signs[1:] < 0].sum(0), bends])
    offsets = function(at[:1])[0] - np.maximum(signs * (at[0] - at), 0) @ slopes
    return _Knots(signs, -signs * at, slopes.T, offsets)


def _squares(low: float, high: float, count: int) -> _Knots:
    return _piecewise(lambda x: x[:, None] ** 2, np.linspace(low, high, count))


def _rings(readers: tuple[np.ndarray, np.ndarray], knots: tuple[_Knots, _Knots]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the last two layers: the squares of two components, each read by [1, I], and the logits of their sum."""
    kernel = np.concatenate([part.signs[:, None] @ reader for part, reader in zip(knots, readers, strict=True)])
    slopes = np.concatenate([part.slopes[0] for part in knots])
    radius = sum(part.offsets[0] for part in knots)
    logits = np.outer(SLOPES, slopes), np.multiply(SLOPES, radius) + OFFSETS
    return [(kernel, np.concatenate([part.biases for part in knots])), logits]


def _target(layers: list[tuple[np.ndarray, np.ndarray]]) -> Target:
    kernels, biases = zip(*layers, strict=True)
    return Target(kernels, biases)
