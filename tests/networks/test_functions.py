"""Networks of functions: any init and apply, from parameters by name to training, pruning, transfer and landscape."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evotickets import landscape, population, results, study
from evotickets.configuration.reader import StudyError
from evotickets.networks import feedforward, functions, layout, masks, network
from evotickets.own import PartError
from evotickets.pruning import controls
from evotickets.systems.tickets import levels, problems


@pytest.fixture
def own(monkeypatch):
    """The decorator of networks, whose additions end with the test."""
    list(network)
    monkeypatch.setattr(network, "_parts", dict(network))
    monkeypatch.setattr(network, "facts", dict(network.facts))
    return network


def perceptron(input_shape, outputs):
    """What `layout.mlp` with five tanh units computes, as functions."""

    def init(key):
        first, last = jax.random.split(key)
        return {
            "a": {"kernel": jax.random.normal(first, (*input_shape, 5)), "bias": jnp.zeros(5)},
            "b": {"kernel": jax.random.normal(last, (5, outputs)), "bias": jnp.zeros(outputs)},
        }

    def apply(parameters, x):
        for name in ("a", "b"):
            x = x @ parameters[name]["kernel"] + parameters[name]["bias"][None]
            x = jnp.tanh(x) if name == "a" else x
        return x

    return init, apply


def linen(input_shape, outputs):
    """A convolution, layer normalisation and attention of flax."""
    from flax import linen as nn

    class Model(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.LayerNorm()(nn.Conv(4, (3, 3))(x))
            x = nn.MultiHeadDotProductAttention(2)(x.reshape(*x.shape[:1], -1, 4))
            return nn.Dense(outputs)(x.mean(1))

    model = Model()
    return (
        lambda key: model.init(key, jnp.zeros((1, *input_shape)))["params"],
        lambda parameters, x: model.apply({"params": parameters}, x),
    )


def recurrent(input_shape, outputs):
    """A recurrent network that reads an image row by row, whose parameters are a list."""
    _, width, depth = input_shape

    def init(key):
        shapes = [(width * depth, 6), (6, 6), (6, outputs)]
        return [
            jax.random.normal(own, shape) / shape[0] ** 0.5
            for own, shape in zip(jax.random.split(key, 3), shapes, strict=True)
        ]

    def apply(parameters, x):
        rows = x.reshape(*x.shape[:2], -1).swapaxes(0, 1) @ parameters[0]
        state, _ = jax.lax.scan(lambda s, row: (jnp.tanh(row + s @ parameters[1]), None), jnp.zeros((len(x), 6)), rows)
        return state @ parameters[2]

    return init, apply


def described(own, make, input_shape=(4,), outputs=3):
    own(name="mine")(make)
    return functions.describe("mine", input_shape, outputs)


def test_parameters_are_named_and_flat_in_the_order_of_the_leaves(own):
    mine = described(own, perceptron)
    names = ["a/bias", "a/kernel", "b/bias", "b/kernel"]
    assert [parameter.name for parameter in mine.parameters] == names
    assert [parameter.name for parameter in mine.prunable] == ["a/kernel", "b/kernel"]
    assert (mine.parameter_count, mine.kernel_count) == (5 + 20 + 3 + 15, 35)
    assert masks.kernel_positions(mine).tolist() == [*range(5, 25), *range(28, 43)]
    flat = np.arange(2 * 43.0).reshape(2, 43)
    tensors = layout.unflatten(mine, flat)
    np.testing.assert_array_equal(tensors["a/kernel"][1], np.arange(48.0, 68).reshape(4, 5))
    np.testing.assert_array_equal(layout.flatten(mine, tensors), flat)
    mask = np.arange(35)[None] % 2 == 0
    np.testing.assert_array_equal(layout.flatten(mine, layout.unflatten(mine, mask)), mask)
    assert functions.describe("mine", (4,), 3) == mine != functions.describe("mine", (4,), 2)


def test_losses_are_those_of_the_engine_for_the_same_perceptron(own):
    mine, ours = described(own, perceptron), layout.mlp(4, (5,), 3, "tanh")
    rng = np.random.default_rng(0)
    params = {name: rng.normal(size=parameter.shape) for name, parameter in ((p.name, p) for p in mine.parameters)}
    renamed = {f"dense{1 + 'ab'.index(name[0])}{name[1:]}": value for name, value in params.items()}
    keep = {name: rng.random(value.shape) < 0.5 for name, value in params.items() if name.endswith("kernel")}
    kept = {f"dense{1 + 'ab'.index(name[0])}{name[1:]}": value for name, value in keep.items()}
    x, y = jnp.asarray(rng.normal(size=(40, 4)), jnp.float32), jnp.asarray(rng.integers(0, 3, 40), jnp.int32)
    found = []
    for described_, values, mask in ((mine, params, keep), (ours, renamed, kept)):
        flat_mask = layout.flatten(described_, mask)[None]
        survivors = layout.flatten(described_, values)[masks.survivors(described_, flat_mask)[0]].astype(np.float32)
        plan = jax.tree.map(lambda leaf: leaf[0], population.plan(described_, flat_mask))
        scales = jnp.asarray([1.0, 0.5, -1.0], jnp.float32)[:, None] * survivors[None]
        found.append(
            (
                population.losses(plan, scales, x, y),
                population.pair_losses(plan, scales[0], scales[1:], x, y),
                population.logits(plan, scales, x),
            )
        )
    for left, right in zip(*found, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6)


def setting(task, **trainers):
    names = {"snes": {"population": 8, "generations": 4, "evaluations": 2, "batch": 32}} | trainers
    return {
        "tickets": {
            "densities": [1, 0.5],
            "tasks": {task: {"network": {"network": "mine"}}},
            "trainers": names,
            "chains": [{"task": task, "trainers": list(names), "criteria": ["magnitude", "random"]}],
        }
    }


@pytest.mark.parametrize("make", [linen, recurrent], ids=lambda make: make.__name__)
@pytest.mark.parametrize("trainer", ["pgpe", "adam"])
def test_networks_of_any_kind_are_trained_pruned_and_stored(own, make, trainer, tmp_path):
    mine = described(own, make, (8, 8, 1), 10)
    data, _ = problems.problem_of({"task": "digits", "hidden": [4]}, seed=0, count=2)
    options = {"trainer": trainer, "batch": 32, "evaluations": 2}
    options |= {"steps": 4} if trainer == "adam" else {"population": 8, "generations": 4}
    start = levels.initialise(mine, 2, seed=0, name="digits")
    assert not np.array_equal(*start.flat(mine, "initial"))
    trained, _ = levels.train(mine, data, start, options, key=jax.random.key(0))
    assert (trained.flat(mine, "mean") != start.flat(mine, "initial")).any()
    ticket = levels.cut(mine, trained, "magnitude", 0.5, rng=np.random.default_rng(0))
    kept = masks.kept_count(0.5, mine.kernel_count)
    mask, initial = ticket.flat(mine, "mask"), ticket.flat(mine, "initial")
    assert mask.sum(1).tolist() == [kept, kept]
    trained, _ = levels.train(mine, data, ticket, options, key=jax.random.key(1))
    assert (trained.flat(mine, "mean")[:, masks.kernel_positions(mine)][~mask] == 0).all()
    results.write_ticket(tmp_path / "ticket.parquet", trained)
    again = results.read_ticket(tmp_path / "ticket.parquet")
    for part in ("mean", "mask"):
        np.testing.assert_array_equal(again.flat(mine, part), trained.flat(mine, part))
    moved, permuted = controls.permute_mask(mine, mask, initial, np.random.default_rng(0))
    assert moved.sum() == mask.sum()
    assert permuted.shape == initial.shape


def test_lines_of_the_landscape_are_those_of_the_engine(own):
    mine, ours = described(own, perceptron), layout.mlp(4, (5,), 3, "tanh")
    rng = np.random.default_rng(0)
    ends = [{p.name: rng.normal(size=p.shape).astype(np.float32) for p in mine.parameters} for _ in range(2)]
    shared = {"test": (jnp.asarray(rng.normal(size=(20, 4)), jnp.float32), jnp.asarray(rng.integers(0, 3, 20)))}
    scores = []
    for described_, rename in ((mine, str), (ours, lambda name: f"dense{1 + 'ab'.index(name[0])}{name[1:]}")):
        base, direction = (layout.flatten(described_, {rename(n): v for n, v in end.items()}) for end in ends)
        scores.append(
            landscape.classifier(described_)(shared, jnp.asarray(base), jnp.asarray(direction), jnp.linspace(0, 1, 5))
        )
    for name in scores[0]:
        np.testing.assert_allclose(scores[0][name], scores[1][name], rtol=1e-5, atol=1e-6)


def test_a_policy_of_functions_plays(own):
    mine, ours = described(own, perceptron, (4,), 2), layout.mlp(4, (5,), 2, "tanh")
    observation = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4)), jnp.float32)
    params = mine.draw(np.random.default_rng(1))
    renamed = {f"dense{1 + 'ab'.index(name[0])}{name[1:]}": value for name, value in params.items()}
    acted = []
    for described_, values in ((mine, params), (ours, renamed)):
        plan = jax.tree.map(lambda leaf: leaf[0], population.plan(described_, masks.everything(described_)))
        policy = population.policy(plan, layout.flatten(described_, values)[None])
        acted.append(population.act(plan, jax.tree.map(lambda leaf: leaf[0], policy), observation))
    np.testing.assert_allclose(*acted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(acted[0], feedforward.apply(ours, renamed, observation), rtol=1e-5, atol=1e-6)


def test_prunable_leaves_can_be_named(own):
    mine = described(own, lambda input_shape, outputs: (*perceptron(input_shape, outputs), ["b/kernel"]))
    assert mine.shapes == [(5, 3)]


def integers(input_shape, outputs):
    init, apply = perceptron(input_shape, outputs)
    return lambda key: init(key) | {"steps": jnp.zeros((), jnp.int32)}, apply


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda input_shape, outputs: 3, "network mine returns int; expected is init, apply"),
        (integers, "the parameter steps is int32, which cannot be trained"),
        (lambda shape, outputs: perceptron(shape, outputs + 1), r"apply gives \(3, 4\) .* of the shape \(3, 3\)"),
        (lambda shape, outputs: (*perceptron(shape, outputs), ["c"]), "no parameter c; parameters are a/bias"),
    ],
)  # fmt: skip
def test_functions_of_another_kind_are_refused(own, make, sentence):
    with pytest.raises(ValueError, match=sentence):
        described(own, make)


def test_a_network_of_another_form_is_refused(own):
    with pytest.raises(
        PartError, match=r"the network 'mine' takes \(x\); expected is \(input_shape, outputs, \*, options\)"
    ):
        own(name="mine")(lambda x: x)


def test_studies_name_networks_and_their_options():
    config = setting("digits")
    config["tickets"]["tasks"]["digits"]["network"] = {"network": "residual", "units": 8}
    task = study.resolve(config).tickets.tasks["digits"]
    assert task["network"] == {"network": "residual", "units": 8, "blocks": 2}
    _, held = problems.problem_of(task, seed=0, count=2)
    assert held.shapes == [(8, 8), (8, 8), (64, 8), (8, 10)]
    for wrong, sentence in (
        ({"network": "residua"}, r"tickets.tasks.digits.network.network names residua, .*did you mean 'residual'"),
        ({"network": "residual", "unit": 8}, r"tickets.tasks.digits.network: unknown key 'unit'; did you mean 'units'"),
        ({"network": "residual", "units": 0}, r"tickets.tasks.digits.network.units is 0; it must be at least 1"),
    ):
        config["tickets"]["tasks"]["digits"]["network"] = wrong
        with pytest.raises(StudyError, match=sentence):
            study.resolve(config)
    config["tickets"]["tasks"]["digits"]["network"] = {"network": "residual"}
    config["tickets"]["chains"][0]["criteria"] = ["synflow"]
    with pytest.raises(StudyError, match="has synflow, which needs the layers of a perceptron"):
        study.resolve(config)
