"""What proximal policy optimisation learns from: environments that run on from update to update, and advantages."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from evotickets.networks import feedforward
from evotickets.tasks import Control
from evotickets.trainers import rollouts

LOG_2PI = float(np.log(2 * np.pi))


class Weights(NamedTuple):
    """What the optimiser moves: survivors of the actor [D], log std of its noise [O], parameters of the critic."""

    actor: jax.Array
    log_std: jax.Array
    critic: feedforward.Params


class Learner(NamedTuple):
    """What an update hands to the next: weights, optimiser, running environments [E], observation statistics."""

    weights: Weights
    optimizer: Any
    states: Any
    observations: jax.Array
    elapsed: jax.Array
    statistics: rollouts.Statistics


class Steps(NamedTuple):
    """A rollout [T, E, ...]; `ended` steps are followed by a fresh episode, `done` ones by nothing of worth."""

    observation: jax.Array
    action: jax.Array
    log_prob: jax.Array
    value: jax.Array
    following_value: jax.Array
    reward: jax.Array
    done: jax.Array
    ended: jax.Array


def advantages(steps: Steps, discount: float, trace: float) -> jax.Array:
    """Return generalised advantages [T, E]; an episode cut by its horizon is continued by the value of where it was.

    Source: Schulman et al. (2016), "High-dimensional continuous control using generalized advantage estimation", eq. 16.
    """
    errors = steps.reward + discount * jnp.where(steps.done, 0, steps.following_value) - steps.value

    def backwards(following: jax.Array, step: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        error, ended = step
        advantage = error + discount * trace * jnp.where(ended, 0, following)
        return advantage, advantage

    return jax.lax.scan(backwards, jnp.zeros_like(errors[0]), (errors, steps.ended), reverse=True)[1]


def distribution(
    task: Control, outputs: jax.Array, log_std: jax.Array, action: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return log probability [...] of actions and entropy [...] of the policy with outputs [..., O]."""
    if task.discrete:
        logs = jax.nn.log_softmax(outputs)
        return jnp.take_along_axis(logs, action[..., None], -1)[..., 0], -jnp.sum(jnp.exp(logs) * logs, -1)
    # Each by itself: gradients of values that are spread once and used twice would be added up in another order.
    std, log_stds = (jax.lax.broadcast_to_rank(values, outputs.ndim) for values in (jnp.exp(log_std), log_std))
    scaled = (action - outputs) / std
    log_prob = -jnp.sum(scaled**2 / 2 + log_stds + LOG_2PI / 2, -1)
    return log_prob, jnp.broadcast_to(jnp.sum(log_std + LOG_2PI / 2 + 0.5), log_prob.shape)


class Rules(NamedTuple):
    """The options of `ppo.train` that rollouts and updates read."""

    environments: int
    rollout: int
    epochs: int
    minibatches: int
    discount: float
    trace: float
    clip: float
    entropy: float
    std_init: float
    reward_scale: float


class Setting(NamedTuple):
    """What stays during a training.

    Attributes:
        rules: of the algorithm.
        task: the environment.
        optimizer: of all weights.
        act: (context, weights, observations [B, n]) -> outputs [B, O] of the actor.
        judge: (weights, observations [B, n]) -> values [B] of the critic.
    """

    rules: Rules
    task: Control
    optimizer: optax.GradientTransformation
    act: Callable[[Any, Weights, jax.Array], jax.Array]
    judge: Callable[[Weights, jax.Array], jax.Array]


def start(setting: Setting, actor: jax.Array, critic: feedforward.Params, key: jax.Array) -> Learner:
    """Return the learner before its first rollout."""
    rules, task = setting.rules, setting.task
    weights = Weights(actor, jnp.full(task.outputs, jnp.log(rules.std_init)), critic)
    observations, states = jax.vmap(task.reset)(jax.random.split(key, rules.environments))
    elapsed = jnp.zeros(rules.environments, jnp.int32)
    statistics = rollouts.initial_statistics(task.observation_size)
    return Learner(weights, setting.optimizer.init(weights), states, observations, elapsed, statistics)


def play(setting: Setting, context: Any, learner: Learner, key: jax.Array) -> tuple[Learner, Steps]:
    """Let the running environments go on for a rollout; the statistics of observations take in what was seen."""
    rules, task, weights = setting.rules, setting.task, learner.weights

    def seen(observations: jax.Array) -> jax.Array:
        return rollouts.normalise(observations, learner.statistics)

    def step(running: tuple, key: jax.Array) -> tuple[tuple, Steps]:
        states, observations, elapsed = running
        outputs = setting.act(context, weights, seen(observations))
        if task.discrete:
            action = jax.random.categorical(key, outputs)
            sent = jax.nn.one_hot(action, task.outputs)
        else:
            action = outputs + jnp.exp(weights.log_std)[None] * jax.random.normal(key, outputs.shape)
            sent = action
        following, stepped, reward, done = jax.vmap(task.step)(states, sent)
        cut = elapsed + 1 >= task.horizon
        ended = done | cut
        taken = Steps(
            observation=observations,
            action=action,
            log_prob=distribution(task, outputs, weights.log_std, action)[0],
            value=setting.judge(weights, seen(observations)),
            following_value=setting.judge(weights, seen(following)),
            reward=rules.reward_scale * reward,
            done=done & ~cut,
            ended=ended,
        )
        fresh, states = jax.vmap(task.reset)(jax.random.split(jax.random.fold_in(key, 1), len(ended)))
        stepped = jax.tree.map(
            lambda new, old: jnp.where(ended.reshape(-1, *[1] * (old.ndim - 1)), new, old), states, stepped
        )
        return (stepped, jnp.where(ended[:, None], fresh, following), jnp.where(ended, 0, elapsed + 1)), taken

    running = learner.states, learner.observations, learner.elapsed
    running, steps = jax.lax.scan(step, running, jax.random.split(key, rules.rollout))
    flat = steps.observation.reshape(-1, task.observation_size)
    mean = flat.mean(0)
    visited = rollouts.Statistics(jnp.float32(len(flat)), mean, jnp.sum((flat - mean[None]) ** 2, 0))
    states, observations, elapsed = running
    return learner._replace(
        states=states,
        observations=observations,
        elapsed=elapsed,
        statistics=rollouts.merge(learner.statistics, visited) if task.normalise else learner.statistics,
    ), steps
