"""Children in place: what they gain, that nothing of them is left, and that a folder of results survives its processes."""

import multiprocessing
import os
import signal
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from evotickets.systems.subspace import MODES
from evotickets.systems.subspace.children import Children
from evotickets.systems.subspace.mutation import Mutation, pieces
from evotickets.systems.subspace.weights import Weights


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 4))


def vector(net):
    return torch.cat([p.detach().ravel() for p in net.parameters()]).numpy().copy()


def expected(weights, mutation, child, *names):
    """The mutation of a child as one vector, put together entry by entry."""
    parts = []
    drawn = pieces(weights.sizes, mutation, child, seed=weights.seed, names=names)
    for size, std, piece in zip(weights.sizes, weights.stds, drawn, strict=True):
        part = np.zeros(size)
        part[slice(None) if piece.positions is None else piece.positions] = piece.normals
        parts.append(part * mutation.std(std))
    return np.concatenate(parts)


@settings(deadline=None, max_examples=25)
@given(
    mode=st.sampled_from(["dense", *MODES]), blocks=st.integers(2, 9), child=st.integers(0, 20),
    rule=st.sampled_from(["absolute", "relative", "norm"]),
)  # fmt: skip
def test_a_child_is_its_parent_and_a_mutation_and_leaves_nothing_behind(mode, blocks, child, rule):
    net = model()
    weights, before = Weights(net, 7), vector(net)
    mutation = Mutation(mode, 1.0 if mode == "dense" else 1 / blocks, 0.1, rule)
    with weights.child(mutation, child, 3):
        # A float32 has 24 bits.
        np.testing.assert_allclose(vector(net) - before, expected(weights, mutation, child, 3), atol=1e-6)
    np.testing.assert_array_equal(vector(net), before)


def test_a_child_that_fails_leaves_nothing_behind():
    net = model()
    weights, before = Weights(net, 0), vector(net)
    with pytest.raises(ZeroDivisionError), weights.child(Mutation("bernoulli", 0.5, 1), 0):
        raise ZeroDivisionError
    np.testing.assert_array_equal(vector(net), before)


def test_the_blocks_of_a_partition_add_up_to_a_dense_mutation():
    weights = Weights(model(), 0)
    mutation = Mutation("partition", 0.2, 0.1)
    total = sum(expected(weights, mutation, child) for child in range(5))
    assert (total != 0).all()
    # 106 normals of std .1: the standard error of their std is .007.
    assert total.std() == pytest.approx(0.1, abs=0.03)


def test_recombinations_are_sums_of_mutations_and_leave_nothing_behind():
    net = model()
    weights, before, mutation = Weights(net, 0), vector(net), Mutation("bernoulli", 0.3, 0.1)
    shares = [0.5, 0.0, -1.0]
    with weights.recombined(mutation, shares):
        total = sum(share * expected(weights, mutation, child) for child, share in enumerate(shares))
        np.testing.assert_allclose(vector(net) - before, total, atol=1e-6)
    np.testing.assert_array_equal(vector(net), before)


def test_a_parent_that_moves_starts_its_children_and_decays_towards_the_original():
    net = model()
    weights, before, mutation = Weights(net, 0), vector(net), Mutation("dense", 1, 0.1)
    assert weights.distance == 0
    weights.move(mutation, [1.0], 0)
    first = expected(weights, mutation, 0, 0)
    np.testing.assert_allclose(vector(net) - before, first, atol=1e-6)
    assert weights.distance == pytest.approx(np.linalg.norm(first), rel=1e-5)
    weights.move(mutation, [0.0], 1, decay=0.25)
    np.testing.assert_allclose(vector(net) - before, 0.75 * first, atol=1e-6)
    with weights.child(mutation, 2, 2):
        np.testing.assert_allclose(vector(net) - before, 0.75 * first + expected(weights, mutation, 2, 2), atol=1e-6)
    np.testing.assert_allclose(vector(net) - before, 0.75 * first, atol=1e-6)


def test_generations_draw_anew():
    weights, mutation = Weights(model(), 0), Mutation("dense", 1, 0.1)
    assert not np.array_equal(expected(weights, mutation, 0, 0), expected(weights, mutation, 0, 1))


def test_memory_is_one_copy_of_the_weights_and_a_tensor():
    """Counted in bytes that NumPy holds; a dense mutation of all tensors at once would hold twelve times as many."""
    import tracemalloc

    net = nn.Sequential(*(nn.Linear(200, 200, bias=False) for _ in range(12)))
    weights, mutation = Weights(net, 0), Mutation("dense", 1, 0.1)
    tracemalloc.start()
    for child in range(20):
        with weights.child(mutation, child):
            pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A tensor has 160 kB; all twelve have 1.9 MB.
    assert peak < 1.3 * 160_000


def test_a_sparse_child_costs_what_it_mutates():
    """Counted, not timed: the entries that are drawn."""
    sizes = [100_000, 30_000]
    for mode in MODES:
        drawn = [len(piece.normals) for piece in pieces(sizes, Mutation(mode, 0.01, 1), 3, seed=0, names=())]
        assert sum(drawn) == pytest.approx(1300, abs=150)


def result(child):
    return np.array([child, child**2], np.float32)


def test_children_are_evaluated_once(tmp_path):
    calls = []

    def evaluate(child):
        calls.append(child)
        return result(child)

    for _ in range(2):
        found = Children(tmp_path / "c", "a").evaluated(5, evaluate, "seed00", 3)
        np.testing.assert_array_equal(found, [result(child) for child in range(5)])
    assert calls == [0, 1, 2, 3, 4]
    Children(tmp_path / "c", "a").evaluated(5, evaluate, "seed00", 4)
    assert len(calls) == 10, "another generation has its own"
    Children(tmp_path / "c", "b").evaluated(5, evaluate, "seed00", 3)
    assert len(calls) == 15, "another question has its own"
    np.testing.assert_array_equal(Children(None).evaluated(2, result), [result(0), result(1)])


@pytest.mark.parametrize("found", [np.float64(0.25), np.arange(6.0).reshape(2, 3).T, np.zeros(0, np.float32)])
def test_a_result_comes_back_whatever_its_shape(tmp_path, found):
    (back,) = Children(tmp_path, "a").evaluated(1, lambda _: found, "x")
    np.testing.assert_array_equal(back, found)
    assert (back.shape, back.dtype) == (found.shape, found.dtype)


def test_a_damaged_result_is_evaluated_again_and_results_go_when_they_are_done(tmp_path):
    children = Children(tmp_path / "c", "a")
    children.evaluated(2, result, "x")
    file = tmp_path / "c/a/x/child00001.safetensors"
    file.write_bytes(file.read_bytes()[:90])
    np.testing.assert_array_equal(children.evaluated(2, result, "x"), [result(0), result(1)])
    assert not list(tmp_path.rglob("*.tmp"))
    children.finish()
    assert not (tmp_path / "c").exists()


def test_the_first_result_of_a_child_is_everybodys(tmp_path):
    children = Children(tmp_path, "")

    def slow(child):
        # Another process is faster, and rounds differently.
        Children(tmp_path, "").evaluated(1, lambda _: np.array([1.0]), "x")
        return np.array([2.0])

    assert children.evaluated(1, slow, "x")[0] == 1.0


def work(folder, worker, barrier, killed, log):
    def evaluate(child):
        if killed and child == killed:
            os.kill(os.getpid(), signal.SIGKILL)
        with log.open("a") as stream:
            stream.write(f"{worker} {child}\n")
        time.sleep(0.005)
        return result(child)

    barrier.wait(60)
    for generation in range(3):
        Children(folder, "f", worker, 2).evaluated(20, evaluate, generation)


@pytest.mark.parametrize("killed", [0, 13])
def test_two_processes_share_the_children_of_generations_and_one_may_die(tmp_path, killed):
    context = multiprocessing.get_context("fork")
    barrier, log = context.Barrier(2), tmp_path / "log"
    arguments = [(tmp_path / "c", worker, barrier, killed * worker, log) for worker in (0, 1)]
    processes = [context.Process(target=work, args=a) for a in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, -signal.SIGKILL if killed else 0]
    done = [tuple(map(int, line.split())) for line in log.read_text().splitlines()]
    for generation in range(3):
        found = Children(tmp_path / "c", "f").evaluated(
            20, lambda child: pytest.fail(f"{child} is missing"), generation
        )
        np.testing.assert_array_equal(found, [result(child) for child in range(20)])
    if not killed:
        assert {worker for worker, _ in done} == {0, 1}
        # At most one child of a generation is evaluated by both, where their ways meet at either end.
        assert 60 <= len(done) <= 60 + 2 * 3
