"""Tickets as PyTorch modules and back: every check for every architecture, as scikit-learn checks estimators."""

import copy
import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from evotickets import networks, results, tasks
from evotickets.interop import saved, tensors
from evotickets.interop import torch as interop
from evotickets.networks import feedforward, functions, layout
from evotickets.trainers import rollouts

SEEDS = (0, 3)
WILDCARDS = {"task": "digits", "trainer": "snes", "criterion": "snr", "level": "05"}


def _attention(input_shape, outputs):
    """A network of one's own, which PyTorch knows as a module of one's own."""

    def init(key):
        first, last = jax.random.split(key)
        return {
            "query": {"kernel": jax.random.normal(first, (4, 4))},
            "out": {"kernel": jax.random.normal(last, (4, outputs)), "bias": jnp.ones(outputs)},
        }

    def apply(parameters, x):
        weights = jax.nn.softmax(x @ parameters["query"]["kernel"] @ x.swapaxes(-1, -2), -1)
        return (weights @ x).mean(1) @ parameters["out"]["kernel"] + parameters["out"]["bias"][None]

    return init, apply


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.out = nn.Linear(4, 4, bias=False), nn.Linear(4, 2)

    def forward(self, x):
        weights = torch.softmax(self.query(x) @ x.transpose(1, 2), -1)
        return self.out((weights @ x).mean(1))


@pytest.fixture(autouse=True, scope="module")
def _own():
    networks.network(name="attention")(_attention)
    yield
    del networks.network._parts["attention"], networks.network.facts["attention"]


def residual():
    return functions.describe("residual", (6,), 3, {"units": 5, "blocks": 2})


ARCHITECTURES = {
    "perceptron": (lambda: layout.mlp(6, (5, 4), 3), {"hidden": [5, 4], "activation": "relu"}),
    "tanh": (lambda: layout.mlp(6, (5,), 3, "tanh"), {"hidden": [5], "activation": "tanh"}),
    "pruned biases": (lambda: layout.mlp(6, (5, 4), 3), {"hidden": [5, 4], "activation": "relu"}),
    "convolutions": (lambda: layout.cnn((8, 8, 1), (3, 4), 5, 3), {"task": "digits", "channels": [3, 4]}),
    "even kernels, hidden": (
        lambda: layout.cnn((8, 8, 1), (3,), 5, 4, "tanh", (7, 6)),
        {"task": "digits", "channels": [3], "hidden": [7, 6], "activation": "tanh"},
    ),
    "policy": (lambda: layout.mlp(6, (7,), 3, "tanh"), {"task": "acrobot", "hidden": [7]}),
    "policy of raw observations": (
        lambda: layout.mlp(4, (7,), 2, "tanh"),
        {"task": "cartpole", "hidden": [7], "normalise": False},
    ),
    "residual": (residual, {"task": "wine", "network": {"network": "residual", "units": 5, "blocks": 2}}),
    "residual policy": (residual, {"task": "acrobot", "network": {"network": "residual", "units": 5, "blocks": 2}}),
    "own": (lambda: functions.describe("attention", (3, 4), 2), {"network": {"network": "attention"}}),
}
BIASES = ("pruned biases",)


class Case:
    """A ticket in a file, with random weights, masks and statistics, and what its network computes."""

    def __init__(self, name, path, trained=True):
        build, self.settings = ARCHITECTURES[name]
        self.name, self.network, self.path = name, build(), path
        rng = np.random.default_rng(0)
        count = self.network.parameter_count if name in BIASES else self.network.kernel_count
        initial = rng.normal(size=(len(SEEDS), self.network.parameter_count)).astype(np.float32)
        mask = layout.unflatten(self.network, rng.random((len(SEEDS), count)) < 0.4)
        statistics = {}
        if self.settings.get("task") in tasks.CONTROL:
            width = self.network.input_shape[0]
            seen = np.full(len(SEEDS), 50.0 if self.settings.get("normalise", True) else 0.0, np.float32)
            mean, m2 = rng.normal(size=(2, len(SEEDS), width)).astype(np.float32)
            statistics = {"count": seen, "mean": mean * seen[:, None], "m2": m2**2 * seen[:, None]}
        parts = [layout.unflatten(self.network, values) for values in (initial, initial + 1)]
        self.held = results.Ticket(SEEDS, parts[0], mask, parts[1] if trained else None, statistics=statistics)
        network = {"task": "mine"} | self.settings
        results.write_ticket(path, self.held, {"config": {"network": network, "wildcards": WILDCARDS}})
        self.x = rng.normal(size=(9, *self.network.input_shape)).astype(np.float32)

    def module(self):
        return Attention() if self.name == "own" else None

    def export(self, seed=3, weights="trained", **more):
        shape = (3, 4) if self.name == "own" else None
        more = {"module": self.module(), "input_shape": shape} | more
        return interop.export(self.path, seed=seed, weights=weights, **more)

    def outputs(self, weights="trained", row=1):
        tensors_ = self.held.mean if weights == "trained" else self.held.initial
        kept = {
            name: jnp.asarray(a[row] * self.held.mask.get(name, np.ones_like(a))[row]) for name, a in tensors_.items()
        }
        x = jnp.asarray(self.x)
        if weights == "trained" and self.held.statistics:
            x = rollouts.normalise(
                x, rollouts.Statistics(**{k: jnp.asarray(v[row]) for k, v in self.held.statistics.items()})
            )
        return np.asarray(feedforward.apply(self.network, kept, x))

    def back(self, modules, **options):
        target = self.path.with_name("back.parquet")
        interop.import_back(modules, self.path, target, **options)
        return results.read_ticket(target)


@pytest.fixture(params=list(ARCHITECTURES))
def case(request, tmp_path):
    return Case(request.param, tmp_path / "ticket.parquet")


def run(module, x):
    with torch.no_grad():
        return module(torch.from_numpy(x)).numpy()


def equal(mine, other):
    assert set(mine) == set(other)
    for name, array in mine.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


class TestEveryArchitecture:
    @pytest.mark.parametrize("weights", ["initial", "trained"])
    def test_computes_what_was_trained(self, case, weights):
        np.testing.assert_allclose(
            run(case.export(weights=weights), case.x), case.outputs(weights), rtol=1e-4, atol=1e-4
        )

    def test_comes_back_bit_by_bit(self, case):
        back = case.back([case.export(seed, "initial") for seed in SEEDS])
        assert (back.seeds, back.mean) == (SEEDS, None)
        for part in ("initial", "mask", "statistics"):
            equal(getattr(case.held, part), getattr(back, part))
        # And is the ticket of the same study.
        case.path = case.path.with_name("back.parquet")
        again = case.export(3, "initial")
        np.testing.assert_allclose(run(again, case.x), case.outputs("initial"), rtol=1e-4, atol=1e-4)

    def test_zeros_of_removed_masks_are_pruned_when_asked_and_else_refused(self, case):
        modules = [case.export(seed, "initial") for seed in SEEDS]
        for module in modules:
            for layer in list(module.modules()):
                for name in ("weight", "bias"):
                    if hasattr(layer, f"{name}_mask"):
                        prune.remove(layer, name)
        with pytest.raises(
            ValueError, match=r"has \d+ zeros of \d+ and no mask, as after prune.remove: give zeros_are"
        ):
            case.back(modules)
        equal(case.back(modules, zeros_are_pruned=True).mask, case.held.mask)
        assert all(mask.all() for mask in case.back(modules, zeros_are_pruned=False).mask.values())

    def test_half_precision_comes_back_as_it_is(self, case):
        for kind in (torch.float16, torch.bfloat16, torch.float64):
            back = case.back([case.export(seed, "initial").to(kind) for seed in SEEDS])
            equal(back.mask, case.held.mask)
            rounded = {name: torch.from_numpy(a).to(kind).float().numpy() for name, a in case.held.initial.items()}
            equal(back.initial, rounded)

    def test_what_is_not_finite_is_refused_on_both_ways(self, case):
        modules = [case.export(seed, "initial") for seed in SEEDS]
        with torch.no_grad():
            next(modules[1].parameters()).view(-1)[0] = float("nan")
        with pytest.raises(ValueError, match="has 1 values that are not finite"):
            case.back(modules)
        next(iter(case.held.mean.values()))[1].flat[0] = np.inf
        results.write_ticket(case.path, case.held, results.read_metadata(case.path)["metadata"])
        with pytest.raises(ValueError, match="has 1 values that are not finite"):
            case.export()

    def test_is_saved_and_loaded_with_a_card(self, case, tmp_path):
        module = case.export()
        interop.save(module, tmp_path / "given")
        again = interop.load(tmp_path / "given", module=case.module())
        np.testing.assert_array_equal(run(again, case.x), run(module, case.x))
        assert {name for name, _ in again.named_buffers()} == {name for name, _ in module.named_buffers()}
        interop.save(again.half(), tmp_path / "half")
        assert interop.load(tmp_path / "half", module=case.module()).state_dict().keys() == module.state_dict().keys()
        card = (tmp_path / "given" / saved.CARD).read_text()
        density = sum(m[1].sum() for m in case.held.mask.values()) / sum(m[1].size for m in case.held.mask.values())
        for line in (
            "| trainer | snes |",
            "| criterion | snr |",
            "| seed | 3 |",
            f"| density | {round(float(density), 6)} |",
        ):
            assert line in card
        assert 'load("given"' in card

    def test_a_state_dict_is_read_with_weights_only(self, case, tmp_path):
        first, other = (case.export(seed) for seed in SEEDS)
        torch.save(first.state_dict(), tmp_path / "state.pt")
        other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
        np.testing.assert_array_equal(run(first, case.x), run(other, case.x))

    def test_training_moves_survivors_only(self, case):
        module = case.export()
        before = {name: value.detach().clone() for name, value in module.named_parameters()}
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
        module(torch.from_numpy(case.x)).square().mean().backward()
        optimizer.step()
        masks = dict(module.named_buffers())
        moved = {name: value.detach() != before[name] for name, value in module.named_parameters()}
        assert any(change.any() for change in moved.values())
        for name, change in moved.items():
            if name.endswith("_orig"):
                assert not (change & (masks[name.replace("_orig", "_mask")] == 0)).any()


class TestPolicies:
    def test_the_example_of_the_docs_is_not_the_function_without_its_normaliser(self, tmp_path):
        case = Case("policy", tmp_path / "ticket.parquet")
        module = case.export()
        assert not np.allclose(run(module[1:], case.x), run(module, case.x), atol=0.01)

    def test_actions_are_those_that_the_environment_takes(self, tmp_path):
        case = Case("policy", tmp_path / "ticket.parquet")
        np.testing.assert_array_equal(run(case.export(actions=True), case.x), case.outputs().argmax(-1))

    @pytest.mark.parametrize(
        ("settings", "expected"),
        [({}, lambda y: 2 * np.tanh(y)), ({"raw_outputs": True}, lambda y: y)],
        ids=["squashed", "raw"],
    )
    def test_continuous_actions(self, tmp_path, monkeypatch, settings, expected):
        build = lambda: layout.mlp(3, (7,), 1, "tanh")  # noqa: E731
        monkeypatch.setitem(ARCHITECTURES, "pendulum", (build, {"task": "pendulum", "hidden": [7]} | settings))
        case = Case("pendulum", tmp_path / "ticket.parquet")
        module = case.export(actions=True)
        np.testing.assert_allclose(run(module, case.x), expected(case.outputs()), rtol=1e-4, atol=1e-5)
        interop.save(module, tmp_path / "given")
        np.testing.assert_array_equal(run(interop.load(tmp_path / "given"), case.x), run(module, case.x))

    def test_bounds_are_those_of_the_environment(self):
        task = tasks.control("reacher_misc")
        assert task.bounds is not None
        assert len(task.bounds[0]) == task.outputs
        assert tasks.control("cartpole").bounds is None

    def test_without_what_makes_it_the_policy_it_is_refused(self, tmp_path):
        case = Case("policy", tmp_path / "ticket.parquet")
        metadata = results.read_metadata(case.path)["metadata"]
        results.write_ticket(case.path, dataclasses.replace(case.held, statistics={}), metadata)
        with pytest.raises(ValueError, match="has no statistics of observations, without which its policy is another"):
            case.export()
        assert type(case.export(weights="initial")[0]) is nn.Flatten
        perceptron = Case("perceptron", tmp_path / "ticket.parquet")
        with pytest.raises(ValueError, match="is of no control task that is known here"):
            perceptron.export(actions=True)


class TestRefusals:
    @pytest.fixture
    def plain(self, tmp_path):
        return Case("perceptron", tmp_path / "ticket.parquet", trained=False)

    def test_what_a_file_does_not_say(self, plain):
        results.write_ticket(plain.path, plain.held)
        with pytest.raises(
            ValueError, match="does not say what lies between its layers: give activation='relu' or 'tanh'"
        ):
            plain.export(weights="initial")
        with pytest.raises(ValueError, match="unknown activation 'gelu'; known are relu, tanh"):
            plain.export(weights="initial", activation="gelu")
        x = plain.x
        np.testing.assert_allclose(
            run(plain.export(weights="initial", activation="relu"), x), plain.outputs("initial"), rtol=1e-4, atol=1e-5
        )
        convolutions = Case("convolutions", plain.path)
        results.write_ticket(plain.path, convolutions.held)
        with pytest.raises(ValueError, match="begins with a convolution: give input_shape"):
            convolutions.export(activation="relu")

    def test_what_the_file_says_otherwise(self, plain):
        with pytest.raises(ValueError, match="was trained with relu, not tanh: leave activation out"):
            plain.export(weights="initial", activation="tanh")

    def test_what_a_ticket_does_not_have(self, plain):
        with pytest.raises(ValueError, match="has no seed 1; it has 0, 3"):
            plain.export(seed=1)
        with pytest.raises(ValueError, match="was not trained: export its initial weights"):
            plain.export()
        with pytest.raises(results.ResultError, match="is missing"):
            interop.export(plain.path.with_name("absent.parquet"))

    def test_modules_that_do_not_fit(self, plain):
        module = plain.export(weights="initial")
        with pytest.raises(ValueError, match="has 2 seeds, but there are 1 modules"):
            plain.back([module])
        with pytest.raises(
            ValueError, match=r"the module has no dense1.weight: name its layers dense1, dense2, dense3"
        ):
            plain.back([nn.Linear(6, 5), module])
        wrong = copy.deepcopy(module)
        wrong.dense2 = nn.Linear(5, 9)
        with pytest.raises(ValueError, match=r"dense2 has a kernel of shape \(5, 9\); the network's is \(5, 4\)"):
            plain.back([wrong, module])
        prune.random_unstructured(wrong.dense1, "bias", 0.5)
        wrong.dense2 = module.dense2
        with pytest.raises(ValueError, match="some modules have a mask of dense1/bias and some have none"):
            plain.back([wrong, module])

    def test_values_that_a_ticket_does_not_hold(self, plain):
        module = plain.export(weights="initial").double()
        with torch.no_grad():
            module.dense1.weight_orig += 1e-12
        with pytest.raises(ValueError, match=r"dense1/kernel is torch.float64 with values that float32 does not hold"):
            plain.back([module, module])
        module = plain.export(weights="initial")
        module.dense1.weight_mask.fill_(0.5)
        with pytest.raises(ValueError, match="the mask of dense1/kernel has other values than 0 and 1"):
            plain.back([module, module])
        with pytest.raises(ValueError, match="dense1/kernel cannot be read"):
            tensors.read(plain.export(weights="initial").to("meta"), {"dense1/kernel": np.zeros((6, 5))}, (), None)

    def test_a_whole_module_has_a_full_mask(self, plain):
        whole = nn.Module()
        whole.dense1, whole.dense2, whole.dense3 = nn.Linear(6, 5), nn.Linear(5, 4), nn.Linear(4, 3)
        assert all(mask.all() for mask in plain.back([whole, whole]).mask.values())

    def test_networks_of_functions(self, tmp_path):
        own = Case("own", tmp_path / "ticket.parquet")
        with pytest.raises(
            ValueError, match=r"'attention', whose functions PyTorch cannot run: give module=.* out, query"
        ):
            own.export(module=None)
        other = Attention()
        other.forward = lambda x: 2 * other.out(other.query(x).mean(1))
        with pytest.raises(ValueError, match=r"computes something else than 'attention': .* differ by up to"):
            own.export(module=other)
        with pytest.raises(ValueError, match="does not say the shape of its inputs"):
            own.export(input_shape=None)
        interop.save(own.export(), tmp_path / "given")
        with pytest.raises(ValueError, match="is of a network of one's own: give module="):
            interop.load(tmp_path / "given")
        with pytest.raises(ValueError, match=r"the module has no out.bias: name its layers out, query"):
            interop.load(tmp_path / "given", module=nn.Linear(4, 2))
        with pytest.raises(ValueError, match="is a network of layers, which needs no module"):
            Case("perceptron", tmp_path / "ticket.parquet").export(module=other)

    def test_files_that_are_damaged_or_others(self, plain, tmp_path):
        module = plain.export(weights="initial")
        with pytest.raises(ValueError, match="was not exported from a ticket"):
            interop.save(nn.Linear(2, 2), tmp_path / "given")
        interop.save(module, tmp_path / "given")
        path = tmp_path / "given" / saved.WEIGHTS
        content = path.read_bytes()
        # A flipped word about the network is found as a flipped weight is.
        for damaged in (content[:-1] + bytes([content[-1] ^ 1]), content.replace(b"relu", b"tanh"), content[:50]):
            path.write_bytes(damaged)
            with pytest.raises(results.ResultError, match="is damaged, cut short or not what was written"):
                interop.load(tmp_path / "given")


def test_scores_of_the_study_are_on_the_card(tmp_path):
    case = Case("perceptron", tmp_path / "ticket.parquet")
    rows = [
        {"step": step, "seed": seed, "split": "test", "metric": "accuracy", "value": (step + seed) / 100}
        for step in (10, 90)
        for seed in SEEDS
    ]
    results.write_table(tmp_path / "history.parquet", rows, schema=results.HISTORY)
    for weights, held in (("trained", True), ("initial", False)):
        interop.save(case.export(weights=weights), tmp_path / weights)
        assert ("| test/accuracy | 0.93 |" in (tmp_path / weights / saved.CARD).read_text()) == held


def test_networks_of_no_file():
    network = layout.cnn((8, 8, 2), (3, 4), 5, kernel=3)
    rng = np.random.default_rng(0)
    parameters = layout.unflatten(network, rng.normal(size=network.parameter_count).astype(np.float32))
    mask = layout.unflatten(network, rng.random(network.kernel_count) < 0.4)
    module = interop.to_module(network, parameters, mask)
    found = interop.from_module(network, module)
    equal(found[0], parameters)
    equal(found[1], mask)
    assert interop.describe({name: array[None] for name, array in parameters.items()}, (8, 8, 2)) == network
