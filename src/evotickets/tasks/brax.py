"""Locomotion and reaching of Brax, the extra `[brax]`: for a GPU, as a generation plays millions of steps.

Brax and JAX are imported when a task is built. The spring backend is the fastest of its four.
"""

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from annotated_doc import Doc
from annotated_types import Gt, Le

from evotickets import extras
from evotickets.tasks.registry import Control, task

if TYPE_CHECKING:
    import jax

HORIZON = 500
BACKEND = "spring"
TorsoMass = Annotated[
    float | None,
    Gt(0),
    Le(1_000_000),
    Doc("What the torso weighs, in the unit of the other links; by default what Brax gives it."),
]


@task(kind="control", input_shape=(27,), outputs=8, needs="brax")
def ant(*, torso_mass: TorsoMass = None) -> Control:
    """Run on four legs, the first environment of Lange & Sprekeler's transfers."""
    return from_brax("ant", torso_mass=torso_mass)


@task(kind="control", input_shape=(17,), outputs=6, needs="brax")
def halfcheetah(*, torso_mass: TorsoMass = None) -> Control:
    """Run on two legs in the plane."""
    return from_brax("halfcheetah", torso_mass=torso_mass)


@task(kind="control", input_shape=(11,), outputs=3, needs="brax")
def hopper(*, torso_mass: TorsoMass = None) -> Control:
    """Hop on one leg in the plane; an episode ends with a fall."""
    return from_brax("hopper", torso_mass=torso_mass)


@task(kind="control", input_shape=(17,), outputs=6, needs="brax")
def walker2d(*, torso_mass: TorsoMass = None) -> Control:
    """Walk on two legs in the plane; an episode ends with a fall."""
    return from_brax("walker2d", torso_mass=torso_mass)


@task(kind="control", input_shape=(11,), outputs=2, needs="brax")
def reacher() -> Control:
    """Bring the tip of an arm of two links to a target."""
    return from_brax("reacher")


@task(kind="control", input_shape=(4,), outputs=1, needs="brax")
def inverted_pendulum() -> Control:
    """Balance a pole on a cart: one point a step until it falls."""
    return from_brax("inverted_pendulum")


@cache
def from_brax(identifier: str, *, torso_mass: float | None = None) -> Control:
    """Describe an environment of Brax; actions are the tanh of the outputs, episodes last 500 steps at most.

    Args:
        identifier: Brax's name of the environment.
        torso_mass: what the torso weighs, in the unit of the other links; by default what Brax gives it.

    Source: Lange & Sprekeler (2023), appendix (500 steps; a tanh perceptron 2×32).
    Deviates: Brax's first environments (fetch, grasp, ur5e and the legacy physics) are no longer published.

    Raises:
        MissingError: if brax is not installed.
    """
    extras.require(identifier, "brax")
    from brax import envs

    environment, name = envs.get_environment(identifier, backend=BACKEND), identifier
    if torso_mass is not None:
        environment.sys, name = with_torso_mass(environment.sys, torso_mass), f"{identifier}, torso {torso_mass:g}"

    import jax.numpy as jnp

    from evotickets.devices import promoting

    def reset(key: "jax.Array") -> "tuple[jax.Array, Any]":
        with promoting():
            state = environment.reset(key)
        return state.obs, state

    def step(state: Any, outputs: "jax.Array") -> "tuple[jax.Array, Any, jax.Array, jax.Array]":
        with promoting():
            state = environment.step(state, jnp.tanh(outputs))
        return state.obs, state, state.reward, state.done > 0

    with promoting():
        sizes = environment.observation_size, environment.action_size
    bounds = ((-1.0,) * sizes[1], (1.0,) * sizes[1])
    return Control(name, *sizes, False, HORIZON, reset, step, hidden=(32, 32), bounds=bounds)


def with_torso_mass(system: Any, mass: float) -> Any:
    """Give the torso of a system of Brax a mass; its rotational inertia and all other links stay as they are.

    The spring backend moves a link as if it weighed mass^(1 − spring_mass_scale). In the ant that exponent is 0, where
    no mass would change anything: so the powers become the masses and the exponent 1.

    Source: Lange & Sprekeler (2023) (tickets of an ant whose torso weighs 10, trained where it weighs 15).
    """
    import jax.numpy as jnp

    masses = jnp.asarray(system.link.inertia.mass) ** (1 - system.spring_mass_scale)
    masses = masses.at[system.link_names.index("torso")].set(mass)
    return system.tree_replace({"link.inertia.mass": masses, "spring_mass_scale": 0.0})
