"""One-shot scores against finite differences, an explicit Hessian and networks small enough to multiply by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evotickets import landscape, streams, tasks
from evotickets.networks import feedforward, layout, masks
from evotickets.pruning import at_initialisation
from evotickets.pruning.criteria.gradients import grasp, snip, synflow
from evotickets.systems.tickets import levels as tickets
from evotickets.systems.tickets import problems

TEN = layout.mlp(1, (2,), 2, "tanh")
"""Two weights, two biases, four weights, two biases: ten parameters."""
NETWORK = layout.mlp(64, (8,), 10)


def problem():
    """A loss of ten parameters in double precision, and a place to look at it."""
    rng = np.random.default_rng(0)
    x, y = jnp.asarray(rng.normal(size=(12, 1))), jnp.asarray(rng.integers(0, 2, 12))
    return jax.jit(lambda flat: landscape.cross_entropy(TEN)((x, y), flat)), jnp.asarray(
        rng.normal(size=TEN.parameter_count)
    )


def differences(function, flat, step=1e-5):
    """Central differences along every axis, stacked first."""
    return np.stack([(function(flat + d) - function(flat - d)) / (2 * step) for d in step * np.eye(len(flat))])


def test_snip_is_weight_times_the_finite_difference_of_the_loss():
    with jax.enable_x64(True):
        loss, flat = problem()
        expected = np.abs(np.asarray(flat) * differences(loss, flat))
        np.testing.assert_allclose(snip(flat, loss), expected, rtol=1e-6, atol=1e-10)


def test_grasp_is_weight_times_the_explicit_hessian_times_the_gradient():
    with jax.enable_x64(True):
        loss, flat = problem()
        slope = jax.jit(jax.grad(loss))
        hessian = jax.jit(jax.hessian(loss))(flat)
        assert hessian.shape == (10, 10)
        np.testing.assert_allclose(hessian, differences(slope, flat), atol=1e-8)
        np.testing.assert_allclose(
            grasp(flat, loss), np.asarray(flat) * (np.asarray(hessian) @ np.asarray(slope(flat))), rtol=1e-10
        )


def test_grasp_keeps_what_the_gradient_needs():
    """Removing a weight a little, w → (1 − h) w, lowers the gradient's squared norm by 2 h times its score."""
    with jax.enable_x64(True):
        loss, flat = problem()

        slope = jax.jit(jax.grad(loss))

        def flow(weights):
            return float(np.sum(np.asarray(slope(weights)) ** 2))

        lower = np.asarray(flat) * (1 - 1e-6 * np.eye(10))
        lost = [(flow(flat) - flow(weights)) / 2e-6 for weights in lower]
        np.testing.assert_allclose(grasp(flat, loss), lost, atol=1e-5)


def test_synaptic_flow_by_hand():
    # One input, weights 2 and −3 into two units, −5 and 7 out of them: the flows through the units are 10 and 21.
    network = layout.mlp(1, (2,), 1)
    flat = jnp.array([2.0, -3, 0, 0, -5, 7, 0])
    np.testing.assert_allclose(synflow(flat, network), [10, 21, 0, 0, 10, 21, 0])


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_synaptic_flow_is_conserved_from_layer_to_layer(activation):
    network = layout.cnn((8, 8, 1), (2, 3), 10, activation=activation)
    flat = layout.flatten(network, feedforward.initialise(network, np.random.default_rng(0)))
    flows = layout.unflatten(network, synflow(flat, network))
    sums = [float(flows[f"{layer.name}/kernel"].sum()) for layer in network.layers]
    np.testing.assert_allclose(sums, sums[0], rtol=1e-5)


@settings(deadline=None)
@given(st.integers(1, NETWORK.kernel_count), st.integers(0, 9))
def test_synflow_keeps_the_exact_count_and_no_layer_dies_before_it_must(count, seed):
    initial = tickets.initialise(NETWORK, 1, seed=seed, name="digits").flat(NETWORK, "initial")
    mask = at_initialisation.in_rounds(NETWORK, initial, "synflow", count, rounds=10, rng=np.random.default_rng(seed))
    assert mask.sum() == count
    if count >= 20:
        assert all(layer.any() for layer in layout.kernels(NETWORK, mask[0]))


def make(criterion, density, level, name="digits", network=NETWORK):
    start = tickets.initialise(network, 2, seed=0, name=name)
    place = ("snes", level)
    return tickets.next_ticket(network, tasks.load(name), start, criterion, density, seed=0, name=name, place=place)


@pytest.mark.parametrize("criterion", ["snip", "grasp"])
def test_one_shot_tickets_are_exact_nested_and_start_where_the_dense_level_does(criterion):
    higher, lower = make(criterion, 0.3, "01"), make(criterion, 0.05, "02")
    start = tickets.initialise(NETWORK, 2, seed=0, name="digits").flat(NETWORK, "initial")
    for ticket, density in ((higher, 0.3), (lower, 0.05)):
        assert (ticket.flat(NETWORK, "mask").sum(1) == round(density * NETWORK.kernel_count)).all()
        np.testing.assert_array_equal(ticket.flat(NETWORK, "initial"), start)
    more, fewer = (ticket.flat(NETWORK, "mask") for ticket in (higher, lower))
    assert not (fewer & ~more).any()
    assert not np.array_equal(*more)


def test_a_one_shot_ticket_is_the_cut_by_its_score():
    ticket = make("snip", 0.1, "01")
    rng = streams.generator(0, "digits", "snip")
    x, y = tasks.load("digits").train
    drawn = rng.choice(len(y), 1024, replace=False)

    @jax.jit
    def loss(flat):
        return landscape.cross_entropy(NETWORK)((x[drawn], y[drawn]), flat)

    values = np.asarray(snip(jnp.asarray(ticket.flat(NETWORK, "initial")[0]), loss))[masks.kernel_positions(NETWORK)]
    mask = ticket.flat(NETWORK, "mask")[0]
    assert values[mask].min() >= values[~mask].max()


def test_criteria_that_need_a_loss_refuse_a_control_task():
    task = tasks.load("cartpole")
    network = problems.network_of(task, {"hidden": [4]})
    with pytest.raises(ValueError, match="'snip' needs the gradient of a loss, which a control task does not have"):
        make("snip", 0.5, "01", "cartpole", network)
    assert make("synflow", 0.5, "01", "cartpole", network).flat(network, "mask").sum(1).tolist() == [12, 12]


def test_an_unknown_score_is_refused():
    with pytest.raises(ValueError, match=r"unknown one-shot score 'snap'; did you mean 'snip'\?"):
        at_initialisation.one_shot(NETWORK, np.zeros((1, NETWORK.parameter_count)), "snap", None, None)
