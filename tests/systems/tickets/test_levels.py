from dataclasses import replace

import jax
import numpy as np
import pytest

from evotickets import pruning, results, streams, tasks
from evotickets.networks import feedforward, layout, masks
from evotickets.pruning import controls
from evotickets.systems.tickets import levels as tickets
from evotickets.systems.tickets import problems

NETWORK = layout.mlp(64, (8,), 10)
PLACES = masks.kernel_positions(NETWORK)


def trained(strategy="snes"):
    ticket = tickets.initialise(NETWORK, 2, seed=0, name="digits")
    rng = np.random.default_rng(1)
    shape = (2, NETWORK.parameter_count)
    mean = rng.normal(size=shape).astype(np.float32)
    std = rng.uniform(0.5, 2, shape).astype(np.float32)
    return ticket.put(NETWORK, mean=mean, std=std if strategy != "adam" else None)


def flat(ticket, *parts, network=NETWORK):
    """Return parts of a ticket as flat arrays."""
    found = [ticket.flat(network, part) for part in parts]
    return found if len(found) > 1 else found[0]


def make(source, criterion, density, level="01"):
    return tickets.next_ticket(
        NETWORK, tasks.load("digits"), source, criterion, density, seed=0, name="digits", place=("snes", level)
    )


def test_a_level_keeps_the_largest_scores_and_rewinds():
    source = trained()
    cut = make(source, "snr", 0.25)
    mean, std = flat(source, "mean", "std")
    ratio = np.abs(mean / std)[:, PLACES]
    count = round(0.25 * NETWORK.kernel_count)
    assert (flat(cut, "mask").sum(1) == count).all()
    for row, kept in zip(ratio, flat(cut, "mask"), strict=True):
        assert row[kept].min() > row[~kept].max()
    np.testing.assert_array_equal(flat(cut, "initial"), flat(source, "initial"))
    assert cut.mean is None


def test_levels_are_nested_and_exact_down_the_chain():
    source, before = trained(), None
    for level, density in enumerate([0.5, 0.2, 0.05], 1):
        ticket = make(source, "magnitude", density, f"{level:02d}")
        mask = flat(ticket, "mask")
        assert (mask.sum(1) == round(density * NETWORK.kernel_count)).all()
        if before is not None:
            assert not (mask & ~before).any()
        before, source = mask, replace(ticket, mean=source.mean, std=source.std)


def test_biases_are_never_pruned_nor_counted():
    ticket = make(trained(), "magnitude", 0.01)
    survivors = masks.survivors(NETWORK, flat(ticket, "mask")[0])
    assert len(survivors) == round(0.01 * NETWORK.kernel_count) + 18


@pytest.mark.parametrize("control", pruning.CONTROLS)
def test_controls_keep_the_count_and_destroy_their_part_only(control):
    reference = make(trained(), "snr", 0.2)
    ticket = make(reference, control, 0.2)
    (mask, initial), (before, weights) = (flat(own, "mask", "initial") for own in (ticket, reference))
    assert (mask.sum(1) == before.sum(1)).all()
    same_mask = np.array_equal(mask, before)
    same_weights = np.array_equal(initial, weights)
    assert (same_mask, same_weights) == {
        "random": (False, False),
        "mask_reinit": (True, False),
        "weights_permuted": (True, False),
        "mask_permuted": (False, False),
    }[control]
    if control == "weights_permuted":
        np.testing.assert_array_equal(np.sort(initial), np.sort(weights))


def test_the_random_control_is_fresh_at_every_level():
    source = tickets.initialise(NETWORK, 2, seed=0, name="digits")
    (first, weights), (second, others) = (
        flat(make(source, "random", 0.1, level), "mask", "initial") for level in ("01", "02")
    )
    assert not np.array_equal(weights, others)
    overlap = (first & second).sum() / first.sum()
    assert overlap < 0.25


def test_only_a_trained_ticket_is_cut():
    with pytest.raises(ValueError, match="only a trained ticket can be cut or looked at"):
        make(tickets.initialise(NETWORK, 2, seed=0, name="digits"), "magnitude", 0.5)


def test_tensors_round_trip():
    source = trained()
    initial = flat(source, "initial")
    np.testing.assert_array_equal(layout.flatten(NETWORK, layout.unflatten(NETWORK, initial)), initial)
    mask = flat(make(source, "snr", 0.2), "mask")
    tensors = layout.unflatten(NETWORK, mask)
    assert tensors["dense1/kernel"].shape == (2, 64, 8)
    np.testing.assert_array_equal(layout.flatten(NETWORK, tensors), mask)
    np.testing.assert_array_equal(tensors["dense1/kernel"][1], layout.unflatten(NETWORK, mask[1])["dense1/kernel"])


SNES = {"trainer": "snes", "population": 64, "generations": 120, "evaluations": 2, "batch": 256}
SNES |= {"mean_decay": 0.0, "std_init": 0.05, "temperature": 12}
ADAM = {"trainer": "adam", "steps": 300, "evaluations": 2, "batch": 128, "learning_rate": 0.01}


@pytest.mark.parametrize("settings", [SNES, ADAM], ids=["snes", "adam"])
def test_training_a_sparse_ticket_learns_the_digits_and_moves_survivors_only(settings):
    data = tasks.load("digits")
    network = layout.mlp(64, (32,), 10)
    start = tickets.initialise(network, 2, seed=0, name="digits")
    shape = (2, network.kernel_count)
    ticket = start.put(network, mask=controls.random_mask(shape, 600, np.random.default_rng(0)))
    done, run = tickets.train(network, data, ticket, settings, key=streams.stream(0, "test"))
    rows = run.trajectory.final((7, 9))
    scores = {row["seed"]: row["value"] for row in rows if (row["split"], row["metric"]) == ("test", "accuracy")}
    assert min(scores.values()) > 0.8
    assert set(scores) == {7, 9}
    places = masks.kernel_positions(network)
    mask, mean = flat(done, "mask", "mean", network=network)
    assert not mean[:, places][~mask].any()
    params = {name: tensor[0] for name, tensor in done.mean.items()}
    accuracy = np.mean(np.argmax(feedforward.apply(network, params, data.test.x), 1) == data.test.y)
    assert accuracy == pytest.approx(scores[7])
    if settings["trainer"] == "snes":
        std = flat(done, "std", network=network)[:, places]
        assert not std[~mask].any()
        assert (std[mask] > 0).all()


def test_a_control_task_is_trained_and_keeps_its_observation_statistics():
    task = tasks.load("cartpole")
    network = problems.network_of(task, {"hidden": [8]})
    start = tickets.initialise(network, 2, seed=0, name="cartpole")
    settings = {"trainer": "snes", "population": 32, "generations": 20, "evaluations": 1, "episodes": 2,
                "test_episodes": 8, "mean_decay": 0.0, "std_init": 0.3, "temperature": 12}  # fmt: skip
    done, run = tickets.train(network, task, start, settings, key=jax.random.key(0))
    # A random policy lasts about 20 steps.
    assert run.trajectory.scores["test/return"][-1].min() > 60
    assert set(done.statistics) == {"count", "mean", "m2"}
    assert (done.statistics["count"] > 1000).all()


@pytest.mark.parametrize(
    "settings",
    [
        SNES | {"population": 8, "generations": 20, "evaluations": 1, "batch": 32},
        ADAM | {"steps": 20, "evaluations": 1, "batch": 32},
    ],
    ids=["snes", "adam"],
)
def test_a_chain_is_cut_by_what_training_made_of_the_weights_of_level_0(settings, tmp_path):
    data, network = tasks.load("digits"), layout.mlp(64, (4,), 10)
    source = tickets.initialise(network, 2, seed=0, name="digits")
    places, first = masks.kernel_positions(network), flat(source, "initial", network=network)
    for level, density in enumerate((0.5, 0.2), 1):
        trained, _ = tickets.train(network, data, source, settings, key=streams.stream(0, "test", level))
        path = tmp_path / f"{level}.parquet"
        results.write_ticket(path, trained)
        before = results.read_ticket(path)
        where = (settings["trainer"], f"{level:02d}")
        cut = tickets.next_ticket(network, data, before, "movement", density, seed=0, name="digits", place=where)
        mean = flat(trained, "mean", network=network)
        values = (mean * (mean - first))[:, places]
        mask, initial = flat(cut, "mask", "initial", network=network)
        allowed = flat(source, "mask", network=network)
        assert (mask.sum(1) == round(density * network.kernel_count)).all()
        assert not (mask & ~allowed).any()
        np.testing.assert_array_equal(initial, first)
        for row, kept, free in zip(values, mask, allowed, strict=True):
            assert row[kept].min() > row[free & ~kept].max()
        source = cut
