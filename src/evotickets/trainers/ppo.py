"""Proximal policy optimisation on the survivors of an actor: the gradient reference for control.

The actor is the ticket's network; the critic is dense, starts anew at every level and is thrown away. A random action is
chosen over the actor's outputs: one of them for discrete actions, Gaussian noise around them, before the environment
bounds them, for continuous ones.
"""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from evotickets import streams
from evotickets.configuration.options import Doc, Ge, Gt, Le, LearningRate, Share, Std
from evotickets.devices import promoting
from evotickets.networks import feedforward, layout
from evotickets.networks.layout import Network
from evotickets.tasks import Control
from evotickets.trainers import rollouts
from evotickets.trainers.history import Report, Trained, Trajectory, silent
from evotickets.trainers.objectives import Evaluations, Objective, scorer

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
    """The options of `train` that rollouts and updates read."""

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
        statistics=rollouts.merge(learner.statistics, visited),
    ), steps


def loss(weights: Weights, setting: Setting, context: Any, batch: tuple) -> jax.Array:
    """Return the clipped surrogate, the error of values and the bonus of entropy on a minibatch, to be minimised."""
    observations, action, log_prob, advantage, target = batch
    outputs = setting.act(context, weights, observations)
    now, entropy = distribution(setting.task, outputs, weights.log_std, action)
    advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    ratio = jnp.exp(now - log_prob)
    clipped = jnp.clip(ratio, 1 - setting.rules.clip, 1 + setting.rules.clip)
    improvement = jnp.minimum(ratio * advantage, clipped * advantage)
    missed = (setting.judge(weights, observations) - target) ** 2
    return -jnp.mean(improvement) + jnp.mean(missed) / 4 - setting.rules.entropy * jnp.mean(entropy)


def learn(setting: Setting, context: Any, learner: Learner, data: tuple, key: jax.Array) -> tuple[Learner, jax.Array]:
    """Go through a rollout some epochs long, minibatch by minibatch; also returns the losses."""
    rules = setting.rules
    size = rules.environments * rules.rollout

    def step(carried: tuple, chosen: jax.Array) -> tuple[tuple, jax.Array]:
        weights, state = carried
        batch = jax.tree.map(lambda a: a[chosen], data)
        value, gradient = jax.value_and_grad(loss)(weights, setting, context, batch)
        with promoting():
            changes, state = setting.optimizer.update(gradient, state, weights)
        return (optax.apply_updates(weights, changes), state), value

    def epoch(carried: tuple, key: jax.Array) -> tuple[tuple, jax.Array]:
        return jax.lax.scan(step, carried, jax.random.permutation(key, size).reshape(rules.minibatches, -1))

    carried = learner.weights, learner.optimizer
    (weights, state), losses = jax.lax.scan(epoch, carried, jax.random.split(key, rules.epochs))
    return learner._replace(weights=weights, optimizer=state), losses


def update(setting: Setting, context: Any, learner: Learner, key: jax.Array) -> tuple[Learner, jax.Array]:
    """Play and learn from it; also returns the mean loss."""
    play_key, learn_key = jax.random.split(key)
    before = learner.statistics
    learner, steps = play(setting, context, learner, play_key)
    advantage = advantages(steps, setting.rules.discount, setting.rules.trace)
    observed = rollouts.normalise(steps.observation, before)
    data = observed, steps.action, steps.log_prob, advantage, advantage + steps.value
    data = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), data)
    learner, losses = learn(setting, context, learner, data, learn_key)
    return learner, jnp.mean(losses)


def train(
    objective: Objective,
    network: Network,
    task: Control,
    initial: jax.Array,
    *,
    steps: Annotated[int, Ge(1), Le(100_000_000), Doc("Updates at every level, each after a rollout.")] = 100,
    environments: Annotated[int, Ge(1), Le(1_000_000), Doc("Episodes that run side by side.")] = 16,
    rollout: Annotated[int, Ge(1), Le(1_000_000), Doc("Steps of each of them before an update.")] = 128,
    epochs: Annotated[int, Ge(1), Le(1000), Doc("How often an update goes through its rollout.")] = 4,
    minibatches: Annotated[int, Ge(1), Le(10_000), Doc("Parts of a rollout in an epoch.")] = 4,
    learning_rate: Annotated[LearningRate, Doc("Learning rate of Adam.")] = 0.0003,
    discount: Annotated[Share, Doc("Factor on rewards a step later.")] = 0.99,
    trace: Annotated[Share, Doc("Decay of the advantage estimator.")] = 0.95,
    clip: Annotated[float, Gt(0), Le(10), Doc("How far probabilities may change in an update.")] = 0.2,
    entropy: Annotated[float, Ge(0), Le(10), Doc("Weight of the bonus for random actions.")] = 0.0,
    std_init: Annotated[Std, Doc("Noise on continuous actions at the start.")] = 1.0,
    reward_scale: Annotated[float, Gt(0), Le(1_000_000), Doc("Factor on rewards before the critic sees them.")] = 1.0,
    evaluations: Evaluations = 10,
    report: Report = silent,
    key: jax.Array,
) -> Trained:
    """Improve every seed's actor from its initial survivors [S, D] by proximal policy optimisation.

    Args:
        objective: of the control task; it scores the actor without noise, on held-out episodes.
        network: the actor's.
        task: the environment.
        initial: [S, D].
        steps: updates, each after a rollout.
        environments: episodes that run side by side.
        rollout: steps of each of them before an update.
        epochs: how often an update goes through its rollout.
        minibatches: parts of a rollout in an epoch.
        learning_rate: of Adam.
        discount: factor on rewards a step later.
        trace: decay of the advantage estimator.
        clip: how far probabilities may change in an update.
        entropy: weight of the bonus for random actions.
        std_init: noise on continuous actions at the start.
        reward_scale: factor on rewards before the critic sees them.
        evaluations: how often the actor is scored.
        report: called after each evaluation.
        key: decides everything.

    Source: Schulman et al. (2017), "Proximal policy optimization algorithms", eq. 9 and algorithm 1; values are not
    clipped, advantages are normalised in each minibatch, gradients have norm .5 at most.
    Deviates: the actor's last layer keeps its initial weights, because the ticket is what is asked about.
    """
    count = len(initial)
    critic = layout.mlp(task.observation_size, task.hidden, 1, "tanh")
    optimizer = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(learning_rate, eps=1e-5))
    rules = Rules(environments, rollout, epochs, minibatches, discount, trace, clip, entropy, std_init, reward_scale)

    def act(context: Any, weights: Weights, observations: jax.Array) -> jax.Array:
        return feedforward.apply(
            network, layout.unflatten(network, objective.scatter(context, weights.actor)), observations
        )

    def judge(weights: Weights, observations: jax.Array) -> jax.Array:
        return feedforward.apply(critic, weights.critic, observations)[:, 0]

    setting, stride = Setting(rules, task, optimizer, act, judge), steps // evaluations

    @jax.jit
    def start_all(actors, critics, keys):
        return streams.over_seeds(lambda seed: start(setting, *seed), (actors, critics, keys))

    @jax.jit
    def advance(context, learners, keys):
        def one(argument):
            context, learner, key = argument
            learner, losses = jax.lax.scan(
                lambda learner, key: update(setting, context, learner, key), learner, jax.random.split(key, stride)
            )
            return learner, objective.scatter(context, learner.weights.actor), {"batch/loss": jnp.mean(losses)}

        return streams.over_seeds(one, (context, learners, keys))

    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    critics = jax.tree.map(lambda *rows: jnp.stack(rows), *(feedforward.initialise(critic, rng) for _ in range(count)))
    learners = start_all(initial, critics, streams.split(jax.random.fold_in(key, evaluations), count))
    trajectory, score = Trajectory(), scorer(objective)
    for round_ in range(evaluations):
        step_key, score_key = jax.random.split(jax.random.fold_in(key, round_))
        learners, parameters, losses = advance(objective.context, learners, streams.split(step_key, count))
        scores = score(objective.shared, parameters, learners.statistics, streams.split(score_key, count))
        trajectory.add((round_ + 1) * stride, losses | scores)
        report((round_ + 1) * stride, trajectory.last("batch/loss"))
    carry = jax.tree.map(np.asarray, learners.statistics)
    return Trained(np.asarray(learners.weights.actor), None, carry, trajectory)
