"""Proximal policy optimisation on the survivors of an actor: the gradient reference for control.

The actor is the ticket's network; the critic is dense, starts anew at every level and is thrown away. A random action is
chosen over the actor's outputs: one of them for discrete actions, Gaussian noise around them, before the environment
bounds them, for continuous ones.
"""

from typing import Annotated, Any

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
from evotickets.trainers import rollouts, trainer
from evotickets.trainers.experience import Learner, Rules, Setting, Weights, advantages, distribution, play, start
from evotickets.trainers.history import Report, Trained, Trajectory, rounds, silent
from evotickets.trainers.objectives import Evaluations, Objective, scorer


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


# It plays rollouts of its own, and asks the objective for nothing but scores.
@trainer(name="ppo", tasks=("control",), unused=("episodes",))
def train(
    objective: Objective,
    initial: jax.Array,
    *,
    network: Network,
    task: Control,
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
        initial: [S, D].
        network: the actor's.
        task: the environment.
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

    Raises:
        ValueError: if the task is a data set, or steps are no multiple of evaluations.

    Source: Schulman et al. (2017), "Proximal policy optimization algorithms", eq. 9 and algorithm 1; values are not
    clipped, advantages are normalised in each minibatch, gradients have norm .5 at most.
    Deviates: the actor's last layer keeps its initial weights, because the ticket is what is asked about.
    """
    if not isinstance(task, Control):
        raise ValueError("ppo trains control tasks, not a data set: use adam or an evolution strategy")
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

    setting, stride = Setting(rules, task, optimizer, act, judge), rounds(steps, evaluations)

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
