"""Rollouts of CartPole beside evosax's GymnaxProblem.

256 members, perceptron 4-64-64-2 with tanh, 500 steps, observations normalised, 1 or 8 episodes a member. *lasting*:
every member balances to the end, so that nothing can stop early; *initial*: fresh LeCun-normal members soon fall.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen
from timing import interleaved, row

from evotickets import devices, population, tasks
from evotickets.networks import feedforward, layout, masks
from evotickets.trainers import rollouts

MEMBERS = 256


class Policy(linen.Module):
    """The perceptron as evosax wants it."""

    @linen.compact
    def __call__(self, x, key=None):
        del key
        for _ in range(2):
            x = linen.tanh(linen.Dense(64)(x))
        return jnp.argmax(linen.Dense(2)(x))


def setting(network: layout.Network, kind: str, density: float):
    """Return a random mask and masked parameters [P, N]; a lasting member leans against the fall with one path."""
    rng = np.random.default_rng(0)
    members = jax.tree.map(
        lambda *rows: jnp.stack(rows), *(feedforward.initialise(network, rng) for _ in range(MEMBERS))
    )
    keep = rng.permutation(network.kernel_count) < masks.kept_count(density, network.kernel_count)
    mask = layout.unflatten(network, keep)
    if kind == "lasting":
        members = jax.tree.map(lambda leaf: leaf * 0.01, members)
        for name, entry, weight in (
            ("dense1", (0, 0), 0.05),
            ("dense1", (1, 0), 0.1),
            ("dense1", (2, 0), 1.0),
            ("dense1", (3, 0), 0.3),
            ("dense2", (0, 0), 1.0),
            ("dense3", (0, 1), 1.0),
        ):
            mask[f"{name}/kernel"][entry] = True
            members[f"{name}/kernel"] = members[f"{name}/kernel"].at[:, *entry].add(weight)
    for name, kept in mask.items():
        members[name] = members[name] * kept
    return layout.flatten(network, mask), members


def ours(task, mask, members, episodes: int, mesh) -> Callable[[], jax.Array]:
    """Return one generation of ours: returns and new statistics of survivors-only members."""
    network = task.network
    # Where much is rolled out on one mask, leaving dead units out pays for a program of its own.
    path = "auto" if mask.all() else "sparse"
    plans = population.plan(network, mask[None], path=path)
    plan = jax.tree.map(lambda leaf: leaf[0], plans)
    flat = jax.vmap(lambda member: layout.flatten(network, member))(members)
    survivors = flat[:, masks.survivors(network, mask)]
    keys = jax.random.split(jax.random.key(1), episodes)
    start = rollouts.initial_statistics(task.observation_size)

    @jax.jit
    def generation(survivors):
        def act(policy, observation):
            return population.act(plan, policy, observation)

        total, seen = rollouts.returns(task, act, population.policy(plan, survivors), keys, start, mesh=mesh)
        return total.mean(1), rollouts.merge(start, seen)

    return lambda: jax.block_until_ready(generation(survivors))[0]


def evosax(members, episodes: int) -> Callable[[], jax.Array]:
    """Return one generation of evosax: fitness and new statistics; pruned weights are zeros."""
    # It computes while it is imported, and jobs must configure JAX before anything computes.
    from evosax.problems.rl.gymnax import GymnaxProblem

    problem = GymnaxProblem("CartPole-v1", Policy(), num_rollouts=episodes)
    state = problem.init(jax.random.key(0))
    solutions = {
        "params": {
            f"Dense_{i}": {leaf: members[f"dense{i + 1}/{leaf}"] for leaf in ("kernel", "bias")} for i in range(3)
        }
    }
    return lambda: jax.block_until_ready(problem.eval(jax.random.key(1), solutions, state)[:2])[0]


def rows(quick: bool) -> list[dict]:
    """Compare one generation, on one device and spread over all."""
    repeats = 3 if quick else 15
    task, mesh, found = tasks.control("cartpole"), devices.mesh(), []
    for episodes in (1, 8):
        for kind, density in (("lasting", 1.0), ("lasting", 0.1), ("lasting", 0.03), ("initial", 1.0)):
            mask, members = setting(task.network, kind, density)
            cases = {"one device": ours(task, mask, members, episodes, None), "evosax": evosax(members, episodes)}
            if mesh is not None:
                cases[f"{mesh.size} devices"] = ours(task, mask, members, episodes, mesh)
            if kind == "lasting":
                shortest = {name: float(case().min()) for name, case in cases.items()}
                assert min(shortest.values()) == task.horizon, shortest
            times = interleaved(cases, repeats)
            peer = times.pop("evosax")
            found += [
                row(
                    "rollouts",
                    f"cartpole P {MEMBERS}, {episodes} episodes, {kind}, {name}",
                    density,
                    own,
                    "evosax",
                    peer,
                )
                for name, own in times.items()
            ]
    return found
