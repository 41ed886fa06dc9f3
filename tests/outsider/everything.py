"""Parts of every kind that a study can name, as somebody else would write them; `everything.yaml` names them all."""

from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np

from evotickets.claims.registry import About
from evotickets.configuration.options import Doc, Gt, Le, Units
from evotickets.figures import style
from evotickets.figures.declaration import figure
from evotickets.networks import masks, network
from evotickets.pruning import criterion
from evotickets.statistics import contrast
from evotickets.supermasks.instance import cut
from evotickets.systems.hybrid import method
from evotickets.systems.hybrid.methods.baselines import static
from evotickets.systems.planting import seeker as planting_seeker
from evotickets.systems.strong import seeker as strong_seeker
from evotickets.systems.strong.search import Found, quiet
from evotickets.tasks.registry import Control, Whole, task
from evotickets.trainers import strategy
from evotickets.trainers.asking import ask_tell
from evotickets.trainers.strategies import Population, Start

claim = About("tickets")


@criterion
def drift(mean, initial):
    """Return |mean − initial| [S, K]: how far training has moved a weight."""
    return abs(mean - initial)


@strategy
def better_half(dimensions: int, *, population: Population = 128, std_init: Start = 0.05):
    """Move to the mean of the better half; the std stays."""

    def init(key, mean):
        return jnp.full(dimensions, std_init)

    def ask(key, mean, std):
        return mean[None] + std[None] * jax.random.normal(key, (population, dimensions))

    def tell(key, members, losses, mean, std):
        return members[jnp.argsort(losses)[: population // 2]].mean(0), std

    return ask_tell(population, init=init, ask=ask, tell=tell, std=lambda std: std)


@network
def bilinear(input_shape, outputs, *, units: Annotated[Units, Doc("Units between inputs and outputs.")] = 3):
    """Two products without anything between them."""

    def init(key):
        first, last = jax.random.split(key)
        return {
            "in": jax.random.normal(first, (*input_shape, units)) / input_shape[0] ** 0.5,
            "out": jax.random.normal(last, (units, outputs)) / units**0.5,
        }

    def apply(parameters, x):
        return x @ parameters["in"] @ parameters["out"]

    return init, apply


@task(kind="supervised", input_shape=(4,), targets=1, unit="mm")
def plane() -> Whole:
    """Real values that are linear in four numbers; each seed draws its own split."""
    x = np.random.default_rng(0).normal(size=(200, 4))
    return Whole(x, 100 + x @ np.array([3.0, -2.0, 0.5, 0.0]))


@task(kind="supervised", input_shape=(4,), classes=2)
def sides() -> Whole:
    """Which side of a plane four numbers lie on."""
    x = np.random.default_rng(1).normal(size=(200, 4))
    return Whole(x, (x.sum(1) > 0).astype(np.int64))


@task(kind="control", input_shape=(1,), outputs=1)
def corridor(*, length: Annotated[float, Gt(0), Le(10), Doc("How far the end is.")] = 1.0) -> Control:
    """Walk from the middle of a corridor to its end: a point less for every step."""

    def reset(key):
        place = 0.1 * jax.random.normal(key, (1,))
        return place, place

    def step(place, outputs):
        place = place + 0.2 * jnp.tanh(outputs)
        return place, place, jnp.float32(-1), place[0] > length

    return Control("corridor", 1, 1, False, 30, reset, step)


def _of_weights(instance, count, sign):
    weights = instance.parameters[:, masks.kernel_positions(instance.network)]
    return cut(sign * np.abs(weights), instance.everything, count, instance.rngs("ties"))


@planting_seeker
def smallest(instance, count):
    """Keep the edges [S, K] with the smallest initial weights."""
    return _of_weights(instance, count, -1)


@strong_seeker
def large(instance, *, progress=quiet):
    """Keep half of the weights that are never trained, the largest."""
    mask = _of_weights(instance, masks.kept_count(0.5, instance.network.kernel_count), 1)
    nothing = np.zeros(len(mask), int)
    return Found(mask[:, None], nothing, nothing, nothing, [])


@method
def single(setting):
    """Train under a random mask that stays, on one batch a step."""
    return static(setting, batches=1)


@claim(
    "X2",
    statement="What has moved is worth more than what is large.",
    source="ours",
    rule="mean over tasks and densities below 1 of drift − magnitude at the same seed, in R²",
    unit="share of the variance",
    figures=("moves",),
)
def drift_over_magnitude(tables):
    """X2."""
    scores = tables.scores[tables.scores["split"].eq("test") & tables.scores["metric"].eq("r2")]
    return contrast(scores[scores["density"] < 1], "criterion", "drift", "magnitude", ["task", "density"])


@figure(
    "figures/tickets/{task}_moves.svg",
    tables=("tickets",),
    category="Own",
    labels={"task": "{task}", "figure": "moves"},
)
def moves(frame, path):
    """Draw test score over density of every criterion, for one task."""
    rows, _ = style.scores(frame, "test", "moves")
    with style.panels(path, 1) as drawn:
        (axes,) = style.grid(drawn, 1, style.DENSITY, "test score")
        for name, look in style.looks(rows["criterion"], style.CRITERIA).items():
            style.curve(axes, "density", rows[rows["criterion"] == name], look)
        style.density_axis(axes, rows["density"])
    return drawn
