"""How flat a trained network lies: scores under noise, and the curvature of the loss over the survivors."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from evotickets import streams
from evotickets.landscape.evaluation import OnLine
from evotickets.refusals import check_shape

Fold = Callable[[jax.Array, Any], jax.Array]
EPSILONS = np.linspace(0, 1, 11, dtype=np.float32)


class Curvature(NamedTuple):
    """Of the Hessian over the survivors, per network [S].

    Attributes:
        trace: estimate of the trace.
        trace_error: its standard error over the probes; 0 where the trace is exact.
        largest: largest eigenvalue.
        smallest: smallest eigenvalue, negative where the loss curves downwards.
    """

    trace: np.ndarray
    trace_error: np.ndarray
    largest: np.ndarray
    smallest: np.ndarray


def _alone(weights: jax.Array, _: Any) -> jax.Array:
    return weights


def noise_curves(
    on_line: OnLine,
    shared: Any,
    flat: np.ndarray,
    positions: np.ndarray,
    epsilons: np.ndarray = EPSILONS,
    *,
    fold: Fold = _alone,
    statistics: Any = None,
    draws: int = 32,
    rows: np.ndarray | None = None,
    key: jax.Array,
) -> dict[str, np.ndarray]:
    """Score networks under isotropic Gaussian noise of std ε · RMS(survivors) on their survivors, in one compiled call.

    The noise falls on the weights that were trained, whatever they are folded with afterwards: a normaliser of small std
    would multiply some of them, and they alone would decide what RMS and isotropic mean.

    Args:
        on_line: scores along a line.
        shared: handed to `on_line`.
        flat: trained networks [S, N], before they are folded.
        positions: survivors' positions [S, D].
        epsilons: noise levels [epsilons] relative to the root mean square of the survivors.
        fold: (weights [N], statistics of one network) -> the weights [N] that `on_line` scores; linear in the weights.
        statistics: handed to `fold`, arrays [S, ...].
        draws: on each network; all noise levels scale the same.
        rows: where `shared` has a leading axis [R], the row on which each network is scored [S].
        key: decides the noise.

    Returns:
        {"split/metric": mean over draws [S, epsilons]}.

    Raises:
        ValueError: if networks, positions and rows are not of the same seeds.
    """
    _check(flat, positions, rows)

    @jax.jit
    def curves(shared, flat, positions, epsilons, statistics, rows, keys):
        def curve(network):
            weights, places, held, row, key = network
            own = streams.row_of(shared, row)
            scale = jnp.sqrt(jnp.mean(weights[places] ** 2))
            noise = scale * jax.random.normal(key, (draws, len(places)))
            base = fold(weights, held)

            def draw(row):
                return on_line(own, base, fold(jnp.zeros_like(weights).at[places].set(row), held), epsilons)

            return jax.tree.map(lambda scores: jnp.mean(scores, 0), jax.lax.map(draw, noise))

        return jax.lax.map(curve, (flat, positions, statistics, rows, keys))

    keys = streams.split(key, len(flat))
    return jax.tree.map(np.asarray, curves(shared, flat, positions, epsilons, statistics, rows, keys))


def curvature(
    loss: Callable[[Any, jax.Array], jax.Array],
    shared: Any,
    flat: np.ndarray,
    positions: np.ndarray,
    *,
    probes: int = 32,
    steps: int = 24,
    rows: np.ndarray | None = None,
    key: jax.Array,
) -> Curvature:
    """Return trace and extreme eigenvalues of the Hessian over the survivors, by Hessian-vector products alone.

    Source: Hutchinson (1990) for the trace; Lanczos (1950) with full reorthogonalisation for the eigenvalues.

    Args:
        loss: (shared, flat [N]) -> differentiable scalar.
        shared: handed to `loss`.
        flat: trained networks [S, N].
        positions: survivors' positions [S, D].
        probes: random sign vectors behind the trace; with D or more of them it is computed exactly.
        steps: of Lanczos; D of them give exact eigenvalues, far fewer the extreme ones.
        rows: where `shared` has a leading axis [R], the row of each network [S].
        key: decides probes and start vectors.

    Raises:
        ValueError: if networks, positions and rows are not of the same seeds.
    """
    _check(flat, positions, rows)

    @jax.jit
    def curvatures(shared, flat, positions, rows, keys):
        def one(network):
            weights, places, row, key = network
            own = streams.row_of(shared, row)
            gradient = jax.grad(lambda survivors: loss(own, weights.at[places].set(survivors)))

            def product(vector):
                return jax.jvp(gradient, (weights[places],), (vector,))[1]

            return (*_trace(product, len(places), probes, key), *_extremes(product, len(places), steps, key))

        return jax.lax.map(one, (flat, positions, rows, keys))

    return Curvature(*map(np.asarray, curvatures(shared, flat, positions, rows, streams.split(key, len(flat)))))


def _check(flat: np.ndarray, positions: np.ndarray, rows: np.ndarray | None) -> None:
    check_shape("networks", flat, "S", "N")
    check_shape("positions", positions, len(flat), "D")
    if rows is not None:
        check_shape("rows", rows, len(flat))


def _trace(product: Callable, dimensions: int, probes: int, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    if probes >= dimensions:
        diagonal = jax.lax.map(lambda unit: unit @ product(unit), jnp.eye(dimensions))
        return diagonal.sum(), jnp.zeros(())
    signs = jax.random.rademacher(jax.random.fold_in(key, 0), (probes, dimensions), jnp.float32)
    samples = jax.lax.map(lambda sign: sign @ product(sign), signs)
    return samples.mean(), samples.std(ddof=1) / jnp.sqrt(probes)


def _extremes(product: Callable, dimensions: int, steps: int, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    steps = min(steps, dimensions)

    def step(carry, index):
        basis, vector, scale = carry
        basis = basis.at[index].set(vector)
        following = product(vector)
        scale = jnp.maximum(scale, jnp.linalg.norm(following))
        along = vector @ following
        # Twice, because once loses orthogonality in float32 and eigenvalues then appear twice.
        for _ in range(2):
            following -= basis.T @ (basis @ following)
        length = jnp.linalg.norm(following)
        alive = length > 1e-5 * scale
        vector = jnp.where(alive, following / jnp.where(alive, length, 1), 0)
        return (basis, vector, scale), (along, jnp.where(alive, length, 0), jnp.any(basis[index] != 0))

    start = jax.random.normal(jax.random.fold_in(key, 1), (dimensions,))
    carry = (jnp.zeros((steps, dimensions)), start / jnp.linalg.norm(start), jnp.zeros(()))
    _, (diagonal, beside, used) = jax.lax.scan(step, carry, jnp.arange(steps))
    # A space that is exhausted early leaves zeros behind, which are no eigenvalues: any Rayleigh quotient is harmless.
    diagonal = jnp.where(used, diagonal, diagonal[0])
    values = jnp.linalg.eigvalsh(jnp.diag(diagonal) + jnp.diag(beside[:-1], 1) + jnp.diag(beside[:-1], -1))
    return values[-1], values[0]
