"""Networks of functions as descriptions: their parameters by name, in one flat order, leaf after leaf.

Axes: `B` samples of a batch, `O` outputs, `N` all parameters, `K` prunable entries.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from evotickets.networks import network
from evotickets.networks.description import Description, Forward, Parameter


@dataclass(frozen=True)
class Functions(Description):
    """A network of functions; two of one name, one shape and the same options are the same network.

    Attributes:
        name: of the registered network.
        input_shape: of one input.
        parameters: by the names of their leaves, such as `block1/kernel`.
        init: (key) -> parameters, a pytree.
        compute: (parameters, x [B, *input_shape]) -> outputs [B, O].
        tree: structure of the pytree.
    """

    name: str
    options: tuple[tuple[str, Any], ...]
    input_shape: tuple[int, ...]
    parameters: tuple[Parameter, ...]
    init: Callable[[jax.Array], Any] = field(compare=False)
    compute: Callable[[Any, jax.Array], jax.Array] = field(compare=False)
    tree: Any = field(compare=False)

    @property
    def forward(self) -> Forward:
        """What the network computes; statistics are its own business."""

        def forward(params: Mapping[str, Any], x: Any, statistics: Any = None) -> tuple[Any, Any]:
            del statistics
            return self.apply(params, x), {}

        return forward

    def apply(self, params: Mapping[str, jax.Array], x: jax.Array) -> jax.Array:
        """Return the outputs [B, O] of parameters by name."""
        leaves = [params[parameter.name] for parameter in self.parameters]
        return self.compute(jax.tree.unflatten(self.tree, leaves), x.reshape(len(x), *self.input_shape))

    def draw(self, rng: np.random.Generator) -> dict[str, jax.Array]:
        """Draw first parameters by name."""
        leaves = jax.tree.leaves(jax.jit(self.init)(jax.random.key(int(rng.integers(2**31)))))
        return {own.name: jnp.asarray(leaf, jnp.float32) for own, leaf in zip(self.parameters, leaves, strict=True)}


def describe(
    name: str, input_shape: Sequence[int], outputs: int, options: Mapping[str, Any] | None = None
) -> Functions:
    """Describe a registered network for inputs of a shape.

    Prunable are floating leaves of two or more axes, unless the network names its own.

    Raises:
        ValueError: if its functions are not `init` and `apply`, or give something else than parameters and outputs.
    """
    options = dict(options or {})
    made = network[name](tuple(input_shape), outputs, **options)
    if not isinstance(made, tuple) or len(made) not in (2, 3) or not all(map(callable, made[:2])):
        raise ValueError(f"network {name} returns {type(made).__name__}; expected is init, apply")
    init, apply, *named = made
    held = jax.eval_shape(init, jax.random.key(0))
    paths, tree = jax.tree_util.tree_flatten_with_path(held)
    leaves = {"/".join(map(_word, path)): leaf for path, leaf in paths}
    for leaf_name, leaf in leaves.items():
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            raise ValueError(
                f"network {name}: the parameter {leaf_name} is {leaf.dtype}, which cannot be trained; keep it outside of init"
            )
    chosen = _prunable(name, leaves, named[0] if named else None)
    parameters = tuple(Parameter(key, leaf.shape, prunable=key in chosen) for key, leaf in leaves.items())
    x = jax.ShapeDtypeStruct((3, *input_shape), jnp.float32)
    found = jax.eval_shape(apply, held, x)
    if getattr(found, "shape", None) != (3, outputs):
        raise ValueError(
            f"network {name}: apply gives {getattr(found, 'shape', type(found).__name__)} for three inputs; "
            f"expected are outputs of the shape (3, {outputs})"
        )
    return Functions(name, tuple(sorted(options.items())), tuple(input_shape), parameters, init, apply, tree)


def _prunable(name: str, leaves: Mapping[str, Any], named: Collection[str] | None) -> set[str]:
    if named is None:
        named = [key for key, leaf in leaves.items() if leaf.ndim >= 2]
    unknown = sorted(set(named) - set(leaves))
    if unknown or not named:
        said = f"there is no parameter {unknown[0]}" if unknown else "no parameter is prunable"
        raise ValueError(f"network {name}: {said}; parameters are {', '.join(leaves)}")
    return set(named)


def _word(entry: Any) -> str:
    """Return what one step of a path to a leaf is called."""
    return str(next(getattr(entry, word) for word in ("key", "name", "idx") if hasattr(entry, word)))
