"""Proximal policy optimisation on the survivors of an actor: the gradient reference for control.

The actor is the ticket's network; the critic is dense, starts anew at every level and is thrown away. A random action is
chosen over the actor's outputs: one of them for discrete actions, Gaussian noise around them, before the environment
bounds them, for continuous ones.

Axis letters: `S` seeds, `D` survivors, `E` environments, `T` steps of a rollout, `O` outputs, `n` observation entries.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from evotickets import streams
from evotickets.devices import promoting
from evotickets.networks import feedforward, layout
from evotickets.networks.layout import Network
from evotickets.tasks import Control
from evotickets.trainers import rollouts
from evotickets.trainers.history import Report, Trained, Trajectory, silent
from evotickets.trainers.objectives import Objective, scorer

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
    scaled = (action - outputs) / jnp.exp(log_std)
    log_prob = -jnp.sum(scaled**2 / 2 + log_std + LOG_2PI / 2, -1)
    return log_prob, jnp.broadcast_to(jnp.sum(log_std + LOG_2PI / 2 + 0.5), log_prob.shape)


def train(
    objective: Objective,
    network: Network,
    task: Control,
    initial: jax.Array,
    settings: dict[str, Any],
    *,
    report: Report = silent,
    key: jax.Array,
) -> Trained:
    """Improve every seed's actor from its initial survivors [S, D] by proximal policy optimisation.

    Args:
        objective: of the control task; it scores the actor without noise, on held-out episodes.
        network: the actor's.
        task: the environment.
        initial: [S, D].
        settings: `steps` (updates, each after a rollout), `environments`, `rollout`, `epochs`, `minibatches`,
            `learning_rate`, `discount`, `trace`, `clip`, `entropy`, `std_init`, `reward_scale`, `evaluations`.
        report: called after each evaluation.
        key: decides everything.

    Source: Schulman et al. (2017), "Proximal policy optimization algorithms", eq. 9 and algorithm 1; values are not
    clipped, advantages are normalised in each minibatch, gradients have norm .5 at most.
    Deviates: the actor's last layer keeps its initial weights, because the ticket is what is asked about.
    """
    count = len(initial)
    critic = layout.mlp(task.observation_size, task.hidden, 1, "tanh")
    optimizer = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(settings["learning_rate"], eps=1e-5))

    def act(context: Any, weights: Weights, observations: jax.Array) -> jax.Array:
        return feedforward.apply(
            network, layout.unflatten(network, objective.scatter(context, weights.actor)), observations
        )

    def judge(weights: Weights, observations: jax.Array) -> jax.Array:
        return feedforward.apply(critic, weights.critic, observations)[:, 0]

    def play(context: Any, learner: Learner, key: jax.Array) -> tuple[Learner, Steps]:
        weights = learner.weights

        def seen(observations: jax.Array) -> jax.Array:
            return rollouts.normalise(observations, learner.statistics)

        def step(running: tuple, key: jax.Array) -> tuple[tuple, Steps]:
            states, observations, elapsed = running
            outputs = act(context, weights, seen(observations))
            if task.discrete:
                action = jax.random.categorical(key, outputs)
                sent = jax.nn.one_hot(action, task.outputs)
            else:
                action = outputs + jnp.exp(weights.log_std) * jax.random.normal(key, outputs.shape)
                sent = action
            following, stepped, reward, done = jax.vmap(task.step)(states, sent)
            cut = elapsed + 1 >= task.horizon
            ended = done | cut
            taken = Steps(
                observation=observations,
                action=action,
                log_prob=distribution(task, outputs, weights.log_std, action)[0],
                value=judge(weights, seen(observations)),
                following_value=judge(weights, seen(following)),
                reward=settings["reward_scale"] * reward,
                done=done & ~cut,
                ended=ended,
            )
            fresh, states = jax.vmap(task.reset)(jax.random.split(jax.random.fold_in(key, 1), len(ended)))
            stepped = jax.tree.map(
                lambda new, old: jnp.where(ended.reshape(-1, *[1] * (old.ndim - 1)), new, old), states, stepped
            )
            return (stepped, jnp.where(ended[:, None], fresh, following), jnp.where(ended, 0, elapsed + 1)), taken

        running = learner.states, learner.observations, learner.elapsed
        running, steps = jax.lax.scan(step, running, jax.random.split(key, settings["rollout"]))
        flat = steps.observation.reshape(-1, task.observation_size)
        mean = flat.mean(0)
        visited = rollouts.Statistics(jnp.float32(len(flat)), mean, jnp.sum((flat - mean) ** 2, 0))
        states, observations, elapsed = running
        return learner._replace(
            states=states,
            observations=observations,
            elapsed=elapsed,
            statistics=rollouts.merge(learner.statistics, visited),
        ), steps

    def loss(weights: Weights, context: Any, batch: tuple) -> jax.Array:
        observations, action, log_prob, advantage, target = batch
        now, entropy = distribution(task, act(context, weights, observations), weights.log_std, action)
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        ratio = jnp.exp(now - log_prob)
        clipped = jnp.clip(ratio, 1 - settings["clip"], 1 + settings["clip"])
        improvement = jnp.minimum(ratio * advantage, clipped * advantage)
        missed = (judge(weights, observations) - target) ** 2
        return -jnp.mean(improvement) + jnp.mean(missed) / 4 - settings["entropy"] * jnp.mean(entropy)

    def update(context: Any, learner: Learner, key: jax.Array) -> tuple[Learner, jax.Array]:
        play_key, learn_key = jax.random.split(key)
        before = learner.statistics
        learner, steps = play(context, learner, play_key)
        advantage = advantages(steps, settings["discount"], settings["trace"])
        observed = rollouts.normalise(steps.observation, before)
        data = observed, steps.action, steps.log_prob, advantage, advantage + steps.value
        data = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), data)
        size = settings["environments"] * settings["rollout"]

        def epoch(carried: tuple, key: jax.Array) -> tuple[tuple, jax.Array]:
            order = jax.random.permutation(key, size).reshape(settings["minibatches"], -1)

            def learn(carried: tuple, chosen: jax.Array) -> tuple[tuple, jax.Array]:
                weights, state = carried
                value, gradient = jax.value_and_grad(loss)(weights, context, jax.tree.map(lambda a: a[chosen], data))
                with promoting():
                    changes, state = optimizer.update(gradient, state, weights)
                return (optax.apply_updates(weights, changes), state), value

            return jax.lax.scan(learn, carried, order)

        carried, losses = jax.lax.scan(
            epoch, (learner.weights, learner.optimizer), jax.random.split(learn_key, settings["epochs"])
        )
        return learner._replace(weights=carried[0], optimizer=carried[1]), jnp.mean(losses)

    updates = settings["steps"] // settings["evaluations"]

    @jax.jit
    def start(initial, critics, keys):
        def one(argument):
            actor, critic, key = argument
            weights = Weights(actor, jnp.full(task.outputs, jnp.log(settings["std_init"])), critic)
            observations, states = jax.vmap(task.reset)(jax.random.split(key, settings["environments"]))
            elapsed = jnp.zeros(settings["environments"], jnp.int32)
            statistics = rollouts.initial_statistics(task.observation_size)
            return Learner(weights, optimizer.init(weights), states, observations, elapsed, statistics)

        return streams.over_seeds(one, (initial, critics, keys))

    @jax.jit
    def advance(context, learners, keys):
        def one(argument):
            context, learner, key = argument
            learner, losses = jax.lax.scan(
                lambda learner, key: update(context, learner, key), learner, jax.random.split(key, updates)
            )
            return learner, objective.scatter(context, learner.weights.actor), {"batch/loss": jnp.mean(losses)}

        return streams.over_seeds(one, (context, learners, keys))

    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    critics = jax.tree.map(lambda *rows: jnp.stack(rows), *(feedforward.initialise(critic, rng) for _ in range(count)))
    learners = start(initial, critics, streams.split(jax.random.fold_in(key, settings["evaluations"]), count))
    trajectory, score = Trajectory(), scorer(objective)
    for round_ in range(settings["evaluations"]):
        step_key, score_key = jax.random.split(jax.random.fold_in(key, round_))
        learners, parameters, losses = advance(objective.context, learners, streams.split(step_key, count))
        scores = score(objective.shared, parameters, learners.statistics, streams.split(score_key, count))
        trajectory.add((round_ + 1) * updates, losses | scores)
        report((round_ + 1) * updates, trajectory.last("batch/loss"))
    carry = jax.tree.map(np.asarray, learners.statistics)
    return Trained(np.asarray(learners.weights.actor), None, carry, trajectory)
