"""What a method of training sparse networks is. All methods: one registered function each, in a module of this package."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from evotickets.configuration.options import Doc, Ge, Le, Len
from evotickets.devices import promoting
from evotickets.networks.description import Description
from evotickets.networks.feedforward import Params

Masks = dict[str, jax.Array]
"""Boolean kernels by name; what is not among them is never pruned."""

Metrics = dict[str, jax.Array]


class Batches(NamedTuple):
    """The samples of a step: inputs x [J, B, …] and classes y [J, B], or values y [J, B, …]."""

    x: jax.Array
    y: jax.Array

    def first(self, count: int) -> tuple[jax.Array, jax.Array]:
        """Join the first batches, or all of them for 0."""
        chosen = count or len(self.y)
        x, y = (part[:chosen].reshape(-1, *part.shape[2:]) for part in self)
        return x, y


class Setting(NamedTuple):
    """What all methods share.

    Attributes:
        architecture: the network.
        steps: of the training.
        batches: J, and `batch` B: the samples of a step.
        batch: see `batches`.
        learning_rate: of the weights at the start; it falls to zero along half a cosine. In a compiled program it may be that
            of a seed.
        momentum: of the weights.
        mesh: devices over which groups of members are spread.
        error: (outputs [B, O], y [B]) -> errors [B].
    """

    architecture: Description
    steps: int
    batches: int
    batch: int
    learning_rate: float | jax.Array
    momentum: float
    mesh: Mesh | None = None
    error: Callable[[jax.Array, jax.Array], jax.Array] = optax.softmax_cross_entropy_with_integer_labels

    def loss(self, params: Params, x: jax.Array, y: jax.Array) -> jax.Array:
        """Return the mean error on samples x [B, …] and y [B]; by default the cross-entropy of classes."""
        outputs, _ = self.architecture.forward(params, x, None)
        return jnp.mean(self.error(outputs, y))

    @property
    def optimizer(self) -> optax.GradientTransformation:
        """Gradient descent with momentum, the same for all methods."""
        return optax.sgd(optax.cosine_decay_schedule(self.learning_rate, self.steps), self.momentum)


class Method(NamedTuple):
    """A way to train a sparse network; states are pytrees of one seed.

    Attributes:
        start: (params, counts [L], key) -> state.
        step: (state, counts, batches, step, key) -> (state, {"split/metric": scalar}).
        deployed: (state, counts) -> (parameters, zero where pruned; masks). What is scored in the end.
        passes: passes of a sample through the network in a step: 1 forward, 2 more backward.
        block: rows and columns of the blocks that are kept or pruned together.
        dense: whether nothing is pruned, whatever the density.
        begins_dense: whether nothing is pruned at the start.
        probe: as `step` but without a new state: what is measured once an evaluation; or None.
    """

    start: Callable[[Params, jax.Array, jax.Array], Any]
    step: Callable[..., tuple[Any, Metrics]]
    deployed: Callable[[Any, jax.Array], tuple[Params, Masks]]
    passes: float
    block: tuple[int, int] = (1, 1)
    dense: bool = False
    begins_dense: bool = False
    probe: Callable[..., Metrics] | None = None


Block = Annotated[
    Sequence[Annotated[int, Ge(1), Le(1024)]],
    Len(2, 2),
    Doc("Rows and columns of the blocks of a kernel that are kept or pruned together."),
]
UsedBatches = Annotated[int, Ge(0), Le(100_000), Doc("Batches of a step that are used; 0 is all.")]


def masked(params: Params, masks: Mapping[str, jax.Array]) -> Params:
    """Return parameters that are zero where pruned."""
    return params | {name: jnp.where(mask, params[name], 0) for name, mask in masks.items()}


class Weights(NamedTuple):
    """Parameters and the state of their optimizer."""

    params: Params
    optimizer: Any

    def only(self, masks: Masks) -> "Weights":
        """Set to zero what is pruned, its momentum too."""
        trace = optax.tree_utils.tree_get(self.optimizer, "trace")
        return Weights(
            masked(self.params, masks), optax.tree_utils.tree_set(self.optimizer, trace=masked(trace, masks))
        )


def begin(setting: Setting, params: Params) -> Weights:
    """Return weights that have not moved yet."""
    return Weights(params, setting.optimizer.init(params))


def move(setting: Setting, weights: Weights, gradient: Params) -> Weights:
    """Take a step along minus a gradient."""
    with promoting():
        updates, state = setting.optimizer.update(gradient, weights.optimizer)
    return Weights(optax.apply_updates(weights.params, updates), state)
