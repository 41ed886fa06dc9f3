"""Populations and landscapes as a notebook asks for them."""

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from evotickets import landscape, population, streams
from evotickets.networks import masks
from evotickets.networks.layout import Network
from evotickets.networks.tickets import Ticket
from evotickets.refusals import check_shape, hint
from evotickets.systems.tickets import around, levels
from evotickets.tasks import Control, Supervised
from evotickets.trainers.objectives import check_data_fit, check_fit

if TYPE_CHECKING:
    import pandas as pd

LOSSES = {"cross_entropy": population.cross_entropy, "squared_error": population.squared_error}
"""What members are compared by: softmax cross-entropy with integer labels [B], or the error from targets [B, O]."""


def survivors(network: Network, ticket: Ticket, part: str = "initial") -> np.ndarray:
    """Return the D coordinates of every seed that a trainer may move, kept weights and all biases [S, D].

        >>> survivors(network, prune(network, trained, "snr", 0.1)).shape
        (2, 144)

    Args:
        network: of the ticket.
        ticket: initial parameters and masks.
        part: `initial`, `mean` or `std`.

    Raises:
        ValueError: if the ticket is of another network, or has no such part.
    """
    places = masks.survivors(network, ticket.flat(network, "mask"))
    return np.take_along_axis(ticket.flat(network, part), places, 1)


def evaluate(
    network: Network,
    ticket: Ticket,
    members: Any,
    x: Any,
    y: Any,
    *,
    loss: str = "cross_entropy",
    path: str = "auto",
    precision: str = "float32",
) -> np.ndarray:
    """Return the mean loss [S, P] of a population of each seed that shares the mask of a ticket.

    It costs less the sparser the mask is, where the network is a perceptron or begins with convolutions. Environments are
    played by `Problem`.

        >>> sparse = prune(network, trained, "snr", 0.1)
        >>> members = survivors(network, sparse)[:, None] + rng.normal(0, 0.05, (2, 32, 144))
        >>> evaluate(network, sparse, members, task.train.x[0, :64], task.train.y[0, :64]).shape
        (2, 32)

    Args:
        network: of the ticket.
        ticket: its masks say where the coordinates of a member belong.
        members: [S, P, D], in the order of `survivors`.
        x: inputs [B, *input_shape].
        y: labels [B], or targets [B, O].
        loss: `cross_entropy` or `squared_error`.
        path: `auto`, or `dense` or `sparse` to overrule what is measured to be faster.
        precision: `float32`, or `bfloat16` of what the first layer multiplies.

    Raises:
        ValueError: if a shape does not fit, or a name is unknown.
    """
    if loss not in LOSSES:
        raise ValueError(f"there is no loss {loss!r}; {hint(loss, LOSSES)}")
    plan = population.plan(network, ticket.flat(network, "mask"), path=path, precision=precision)  # type: ignore[arg-type]
    members, x, y = jnp.asarray(members, jnp.float32), jnp.asarray(x), jnp.asarray(y)
    check_shape("members", members, len(ticket.seeds), "P", plan.survivors)
    return np.asarray(_losses(plan, members, x, y, loss))


@partial(jax.jit, static_argnames="loss")
def _losses(plan: population.Plan, members: jax.Array, x: jax.Array, y: jax.Array, loss: str) -> jax.Array:
    def of_seed(seed: tuple[population.Plan, jax.Array]) -> jax.Array:
        return population.losses(seed[0], seed[1], x, y, loss=LOSSES[loss])

    return streams.over_seeds(of_seed, (plan, members))


def _scoring(network: Network, task: Supervised | Control, samples: int, episodes: int, key: jax.Array) -> Any:
    if isinstance(task, Control):
        what = f"policies of {task.name} need {task.outputs}"
        check_fit(network, what, (task.observation_size,), task.outputs, exactly=True)
    else:
        check_data_fit(network, task)
    return landscape.on_task(network, task, samples=samples, episodes=episodes, key=key)


def connectivity(
    network: Network,
    task: Supervised | Control,
    first: Ticket,
    second: Ticket,
    *,
    samples: int = 10_000,
    episodes: int = 32,
    seed: int = 0,
) -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """Score the straight lines between the trained networks of two tickets, seed by seed.

        >>> other, _ = train(network, task, ticket, "adam", steps=20)
        >>> barriers, lines = connectivity(network, task, trained, other, samples=100)
        >>> sorted(barriers["metric"].unique()), lines["alpha"].nunique()
        (['error', 'loss'], 31)

    Args:
        network: of both.
        task: on whose test split, and first training samples, or episodes, lines are scored.
        first: trained.
        second: trained, of the same seeds.
        samples: training samples at most.
        episodes: of an environment.
        seed: decides the episodes.

    Returns:
        barriers, a row per seed, split and error (`value`: how far the error rises above the mean of the ends, `bump`: above
        the straight line between them); and lines, a row more per place `alpha`, from the second ticket at 0 to the first.

    Raises:
        ValueError: if a ticket is not trained, or they do not fit each other, the network or the task.
    """
    if first.seeds != second.seeds:
        raise ValueError(f"the tickets are of the seeds {first.seeds} and {second.seeds}: give two of the same")
    scoring = _scoring(network, task, samples, episodes, streams.stream(seed, "connectivity"))
    pair = landscape.Pair("tickets", 0, levels.point(network, first), levels.point(network, second))
    barriers, lines = around.connectivity(scoring, [pair], first.seeds)
    return barriers.drop(columns=["pair", "level"]), lines.drop(columns=["pair", "level"])


def flatness(
    network: Network,
    task: Supervised | Control,
    ticket: Ticket,
    *,
    draws: int = 32,
    samples: int = 10_000,
    episodes: int = 32,
    seed: int = 0,
) -> "pd.DataFrame":
    """Score a trained ticket under Gaussian noise on its survivors, of std ε times their root mean square.

        >>> flat = flatness(network, task, trained, draws=4, samples=100)
        >>> flat.groupby("metric")["epsilon"].nunique().to_dict()
        {'accuracy': 11, 'loss': 11}

    Args:
        network: of the ticket.
        task: on whose test split or episodes it is scored.
        ticket: trained.
        draws: of noise, on each network.
        samples: training samples at most.
        episodes: of an environment.
        seed: decides noise and episodes.

    Returns:
        a row per seed, split, metric and `epsilon`: the mean over draws.

    Raises:
        ValueError: if the ticket is not trained, or does not fit network and task.
    """
    import pandas as pd

    scoring = _scoring(network, task, samples, episodes, streams.stream(seed, "flatness"))
    key = streams.stream(seed, "noise")
    return pd.DataFrame(around.flatness(network, ticket, scoring, draws=draws, key=key))


def curvature(
    network: Network,
    task: Supervised | Control,
    ticket: Ticket,
    *,
    probes: int = 32,
    samples: int = 10_000,
    seed: int = 0,
) -> "pd.DataFrame":
    """Estimate trace and extreme eigenvalues of the Hessian of the training loss over the survivors of a trained ticket.

        >>> list(curvature(network, task, trained, probes=2, samples=50))
        ['seed', 'trace', 'trace_error', 'largest', 'smallest']

    Args:
        network: of the ticket.
        task: a data set.
        ticket: trained.
        probes: random sign vectors behind the trace.
        samples: training samples at most.
        seed: decides the probes.

    Raises:
        ValueError: if the task is an environment, which has no gradient; or as `flatness`.
    """
    import pandas as pd

    if isinstance(task, Control):
        raise ValueError(f"{task.name} is an environment, whose return has no gradient: ask for flatness")
    scoring = _scoring(network, task, samples, 1, streams.stream(seed, "curvature"))
    key = streams.stream(seed, "curvature", "probes")
    return pd.DataFrame(around.curvature(network, task, ticket, scoring, probes=probes, key=key))
