"""What `import evotickets` offers: its examples, its sentences for wrong calls, and what importing it costs."""

import ast
import doctest
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest

import evotickets
from evotickets import population, results
from evotickets.devices import promoting
from evotickets.networks import feedforward, layout, masks
from evotickets.pruning import controls, criterion, top_k
from evotickets.systems.tickets.tables import SCORES
from tests import notebooks
from tests.test_docs import snippets

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/how-to/library.md"
OFFERED = [name for names in evotickets.HOMES.values() for name in names]


@pytest.fixture(scope="module")
def small():
    """The names that examples of docstrings begin with."""
    from evosax.algorithms import SNES

    with promoting():
        task = evotickets.load_task("digits", seeds=2)
        network = evotickets.build_network(task, hidden=[16])
        ticket = evotickets.draw_ticket(network, seeds=2)
        trained, history = evotickets.train(network, task, ticket, "snes", population=16, generations=20)
        chain = evotickets.train_chain(network, task, "adam", "magnitude", [1, 0.2], seeds=2, steps=20, batch=32)
    names = {name: getattr(evotickets, name) for name in OFFERED if name not in ("export", "import_back")}
    more = {"rng": np.random.default_rng(0), "key": jax.random.key(0), "results": results, "SCORES": SCORES}
    found = {"task": task, "network": network, "ticket": ticket, "trained": trained, "history": history, "chain": chain}
    return names | more | found | {"SNES": SNES, "Path": Path}


@pytest.fixture
def own(small):
    return type("Own", (), {name: small[name] for name in ("task", "network", "ticket", "trained", "chain")})


def examples():
    finder = doctest.DocTestFinder(recurse=False)
    for name in OFFERED:
        if name not in ("export", "import_back"):
            yield from (test for test in finder.find(getattr(evotickets, name), name) if test.examples)


@pytest.mark.parametrize("example", [*examples()], ids=lambda example: example.name)
def test_examples_of_docstrings_are_true(example, small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example.globs = dict(small)
    said: list[str] = []
    with promoting():
        failed, _ = doctest.DocTestRunner(verbose=False).run(example, out=said.append)
    assert not failed, "".join(said)


def test_all_that_is_offered_has_an_example_and_is_there():
    assert sorted(OFFERED) == evotickets.__all__
    page = PAGE.read_text()
    shown = {example.name for example in examples()}
    for name in evotickets.__all__:
        assert name in dir(evotickets)
        assert getattr(evotickets, name) is not None
        assert re.search(rf"evotickets\.{name}\b", page), f"{name} has no example in {PAGE}"
        assert name in shown | {
            "Chain",
            "Ticket",
            "export",
            "import_back",
            "read_network",
            "read_ticket",
            "write_ticket",
        }


def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    list(criterion)
    for held in ("_parts", "facts"):
        monkeypatch.setattr(criterion, held, dict(getattr(criterion, held)))
    names: dict = {"__name__": "page"}
    with promoting():
        for code in snippets(PAGE):
            exec(compile(code, str(PAGE), "exec"), names)
    assert names["barriers"]["value"].notna().all()


COST = """
import sys, time
before, begin = set(sys.modules), time.process_time()
import evotickets
seconds, more = time.process_time() - begin, set(sys.modules) - before
for name in evotickets.__all__:
    if name not in ("export", "import_back", "Problem"):
        getattr(evotickets, name)
import json
print(json.dumps([seconds, sorted(more), sorted(sys.modules)]))
"""


def test_importing_it_loads_no_big_library():
    done = subprocess.run([sys.executable, "-c", COST], capture_output=True, text=True, check=True)
    seconds, at_once, asked = json.loads(done.stdout)
    big = {"torch", "mlflow", "snakemake", "matplotlib", "flax", "evosax", "gymnax", "brax", "sklearn"}
    assert not big & set(asked), "asking for a call loads it"
    assert not {"jax", "numpy", "pandas", "pyarrow"} & set(at_once), "importing the package alone loads it"
    assert len(at_once) < 150
    assert seconds < 1


def test_rooms_are_there_when_they_are_asked_for():
    code = "import evotickets; print(evotickets.networks.layout.mlp(2, (3,), 1).parameter_count)"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", f"import evotickets.networks.layout\n{code}"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.stdout == "13\n", done.stderr
    with pytest.raises(AttributeError, match=r"evotickets has no 'load_tasks'; did you mean 'load_task'\?"):
        evotickets.load_tasks  # noqa: B018


def test_what_type_checkers_read_is_what_is_offered():
    tree = ast.parse(Path(evotickets.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {node.module.removeprefix("evotickets."): tuple(a.name for a in node.names) for node in block.body}
    assert imported == evotickets.HOMES


def test_a_population_has_the_losses_of_its_members(own):
    sparse = evotickets.prune(own.network, own.trained, "snr", 0.1)
    rng = np.random.default_rng(0)
    members = evotickets.survivors(own.network, sparse)[:, None] + rng.normal(0, 0.05, (2, 3, 144)).astype(np.float32)
    x, y = own.task.train.x[0, :50], own.task.train.y[0, :50]
    found = evotickets.evaluate(own.network, sparse, members, x, y)
    places = masks.survivors(own.network, sparse.flat(own.network, "mask"))
    for seed, member in np.ndindex(2, 3):
        flat = np.zeros(own.network.parameter_count, np.float32)
        flat[places[seed]] = members[seed, member]
        outputs = np.asarray(feedforward.apply(own.network, layout.unflatten(own.network, flat), x))
        shifted = outputs - outputs.max(1, keepdims=True)
        loss = np.mean(np.log(np.exp(shifted).sum(1)) - shifted[np.arange(50), y])
        assert found[seed, member] == pytest.approx(loss, rel=1e-4)
    dense = evotickets.evaluate(own.network, sparse, members, x, y, path="dense")
    np.testing.assert_allclose(found, dense, rtol=1e-5)


def test_own_scores_cut_as_the_criterion_of_the_same_name_does(own):
    magnitude = evotickets.score(own.network, own.trained, "magnitude")
    by_name, by_scores = (evotickets.prune(own.network, own.trained, how, 0.2) for how in ("magnitude", magnitude))
    for name, mask in by_name.mask.items():
        np.testing.assert_array_equal(mask, by_scores.mask[name])
    first = evotickets.prune(own.network, own.ticket, "snip", 0.2, task=own.task)
    assert first.kept == round(0.2 * own.network.kernel_count)
    assert first.mean is None


def test_two_looks_at_one_ticket_agree(own):
    barriers, lines = evotickets.connectivity(own.network, own.task, own.trained, own.trained, samples=50)
    np.testing.assert_allclose(barriers["value"], 0, atol=1e-5)
    flat = evotickets.flatness(own.network, own.task, own.trained, draws=2, samples=50)
    keys = ["seed", "split", "metric"]
    still = flat[flat["epsilon"].eq(0) & flat["metric"].eq("loss")].set_index(keys)["value"]
    ends = lines[lines["alpha"].eq(1) & lines["metric"].eq("loss") & lines["split"].eq("test")].set_index(keys)["value"]
    pd.testing.assert_series_equal(still, ends, rtol=1e-5, check_dtype=False)


def test_a_policy_is_trained_looked_at_and_played():
    with promoting():
        task = evotickets.load_task("cartpole")
        network = evotickets.build_network(task, hidden=[4])
        ticket = evotickets.draw_ticket(network, seeds=2)
        options = {"population": 4, "generations": 2, "evaluations": 1, "episodes": 1, "test_episodes": 2}
        trained, history = evotickets.train(network, task, ticket, "pgpe", **options)
        assert set(history["metric"]) >= {"return"}
        barriers, _ = evotickets.connectivity(network, task, trained, trained, episodes=2)
        assert set(barriers["metric"]) == {"minus_return"}
        problem = evotickets.Problem(network, task, ticket, seed=1, episodes=1, test_episodes=2)
        state = problem.init(jax.random.key(0))
        members = problem.sample(jax.random.key(0))[None] + np.float32([[0], [0.1]])
        losses, state, _ = problem.eval(jax.random.key(1), members, state)
        assert losses.shape == (2,)
        assert (losses <= -1).all()
        held = problem.trained(members[0], state=state)
        assert (held.seeds, set(held.statistics)) == ((1,), {"count", "mean", "m2"})


@pytest.mark.parametrize("density", [1, 0.1])
def test_evosax_minimises_what_the_engine_says(own, density):
    from evosax.algorithms import SNES
    from evosax.problems import Problem

    with promoting():
        key, ticket = jax.random.key(0), own.ticket
        ticket = ticket if density == 1 else evotickets.prune(own.network, own.trained, "snr", density)
        problem = evotickets.Problem(own.network, own.task, ticket, seed=1, batch=64)
        assert isinstance(problem, Problem)
        strategy = SNES(population_size=32, solution=problem.sample(key))
        params = strategy.default_params.replace(std_init=0.1)
        assert strategy.num_dims == problem.num_dims
        state, held = strategy.init(key, problem.sample(key), params), problem.init(key)

        @jax.jit
        def generation(carried, key):
            state, held = carried
            members, state = strategy.ask(key, state, params)
            losses, held, _ = problem.eval(key, members, held)
            state, _ = strategy.tell(key, members, losses, state, params)
            return (state, held), (members, losses)

        keys = jax.random.split(key, 60)
        (state, held), (members, losses) = jax.lax.scan(generation, (state, held), keys)
    assert int(held.counter) == 60
    assert float(losses[-5:].mean()) < 0.8 * float(losses[0].mean())
    # The batch of the first generation, by the objective's own draw.
    x, y = own.task.train
    index = jax.random.randint(keys[0], (64,), 0, y.shape[1])
    plan = population.plan(own.network, ticket.flat(own.network, "mask"))
    engine = population.losses(
        jax.tree.map(lambda leaf: leaf[1], plan), members[0], x[1][np.asarray(index)], y[1][np.asarray(index)]
    )
    np.testing.assert_allclose(losses[0], engine, rtol=1e-5)
    trained = problem.trained(state.mean, state.std)
    scored = problem.scores(key, state.mean, held)
    test = evotickets.flatness(own.network, evotickets.load_task("digits"), trained, draws=1, samples=10)
    assert set(scored) == {f"{s}/{m}" for s in ("train", "validation", "test") for m in ("accuracy", "loss")}
    assert test["value"].notna().all()


NETWORK = layout.mlp(4, (3,), 2)
FLAT = np.zeros((2, NETWORK.parameter_count), np.float32)
ALL = masks.everything(NETWORK, 2)


def one(plan):
    return jax.tree.map(lambda leaf: leaf[0], plan)


HALF = population.plan(NETWORK, np.arange(2 * NETWORK.kernel_count).reshape(2, -1) % 2 == 0)
X, Y = np.zeros((5, 4), np.float32), np.zeros(5, np.int32)
MEMBERS = np.zeros((3, HALF.survivors), np.float32)

WRONG = {
    "a tensor's name": (lambda own: own.ticket.mask["dense1"], r"there is no tensor 'dense1'; did you mean 'dense1/kernel'"),
    "a parameter's name": (
        lambda own: feedforward.apply(NETWORK, {"dense1": X}, X),
        "tensors: 'dense1/kernel' is missing; there are dense1$",
    ),
    "a missing parameter": (
        lambda own: layout.flatten(NETWORK, {"dense1/kernel": X}),
        "tensors: 'dense1/bias' is missing; there are dense1/kernel",
    ),
    "a tensor's shape": (
        lambda own: layout.flatten(NETWORK, layout.unflatten(NETWORK, FLAT) | {"dense1/bias": np.zeros((2, 4))}),
        r"dense1/bias has the shape \(2, 4\); expected is \(…, 3\)",
    ),
    "leading axes": (
        lambda own: layout.flatten(NETWORK, layout.unflatten(NETWORK, FLAT) | {"dense1/bias": np.zeros(3)}),
        r"dense1/kernel has the leading axes \(2,\) and dense1/bias \(\)",
    ),
    "parameters of seeds": (
        lambda own: feedforward.apply(NETWORK, layout.unflatten(NETWORK, FLAT), X),
        r"dense1/kernel has the shape \(2, 4, 3\); expected is \(4, 3\)",
    ),
    "flat parameters": (lambda own: layout.unflatten(NETWORK, FLAT[:, 1:]), "a last axis of 23, all parameters of the"),
    "inputs": (
        lambda own: feedforward.apply(NETWORK, layout.unflatten(NETWORK, FLAT[0]), np.zeros((5, 3))),
        r"x has the shape \(5, 3\); expected is \(B, 4\)",
    ),
    "a mask without seeds": (lambda own: population.plan(NETWORK, ALL[0]), r"shape \(18,\); expected is \(S, 18\)"),
    "a mask of another network": (lambda own: masks.survivors(NETWORK, ALL[:, 1:]), r"shape \(2, 17\); expected is"),
    "a mask of numbers": (lambda own: population.plan(NETWORK, 1.0 * ALL), "the mask is float64; expected are booleans"),
    "members": (
        lambda own: population.losses(one(HALF), MEMBERS[:, 1:], X, Y),
        r"members has the shape \(3, 13\); expected is \(P, 14\)",
    ),
    "offsets": (
        lambda own: population.pair_losses(one(HALF), MEMBERS[0], MEMBERS[:, 1:], X, Y),
        r"offsets has the shape \(3, 13\); expected is \(P, 14\)",
    ),
    "a mean": (
        lambda own: population.pair_losses(one(HALF), MEMBERS, MEMBERS, X, Y),
        r"mean has the shape \(3, 14\); expected is \(14,\)",
    ),
    "a batch": (
        lambda own: population.logits(one(HALF), MEMBERS, X[:, 1:]),
        r"x has the shape \(5, 3\); expected is \(B, 4\)",
    ),
    "labels": (lambda own: population.losses(one(HALF), MEMBERS, X, Y[1:]), r"y has the shape \(4,\); expected is \(5,\)"),
    "a plan of all seeds": (lambda own: population.losses(HALF, MEMBERS, X, Y), "the plan is of 2 seeds; take that of one"),
    "a task's name": (lambda own: evotickets.load_task("digit"), r"unknown task 'digit'; did you mean 'digits'\?"),
    "a task's option": (
        lambda own: evotickets.load_task("pendulum", raw=True),
        "pendulum has no option 'raw'; known are normalise, raw_outputs",
    ),
    "an option of no task": (lambda own: evotickets.load_task("digits", raw=True), "digits has no option 'raw'"),
    "no seeds": (lambda own: evotickets.draw_ticket(own.network, seeds=0), "seeds is 0; give at least one"),
    "a network's option": (
        lambda own: evotickets.build_network(own.task, hiden=[4]),
        r"build_network: unknown key 'hiden'; did you mean 'hidden'\?",
    ),
    "a network's name": (
        lambda own: evotickets.build_network(own.task, network="residul"),
        r"there is no network 'residul'; did you mean 'residual'\?",
    ),
    "no network": (lambda own: evotickets.build_network(own.task), "build_network needs 'hidden'"),
    "units": (lambda own: evotickets.build_network(own.task, hidden=[0]), r"hidden\[0\] is 0; it must be at least 1"),
    "a trainer's name": (
        lambda own: evotickets.train(own.network, own.task, own.ticket, "snez"),
        r"snez: there is no trainer snez; did you mean 'snes'\?",
    ),
    "a trainer's option": (
        lambda own: evotickets.train(own.network, own.task, own.ticket, "snes", mean_decai=0),
        r"snes: unknown key 'mean_decai'; did you mean 'mean_decay'\?",
    ),
    "a value of an option": (
        lambda own: evotickets.train(own.network, own.task, own.ticket, "snes", std_init=-1),
        "snes.std_init is -1; it must be greater than 0",
    ),
    "evaluations": (
        lambda own: evotickets.train(own.network, own.task, own.ticket, "adam", steps=25),
        "steps is 25, no multiple of evaluations, 10",
    ),
    "an option of the other kind": (
        lambda own: evotickets.train(own.network, own.task, own.ticket, "snes", episodes=3),
        "snes: 'episodes' is no option for digits, a supervised task",
    ),
    "a trainer of the other kind": (
        lambda own: evotickets.train(own.network, own.task, own.ticket, "ppo"),
        "trains the data set digits with ppo, which needs a control task",
    ),
    "another network's ticket": (
        lambda own: evotickets.train(NETWORK, own.task, own.ticket, "adam"),
        r"the ticket is of another network: dense1/kernel has the shape \(2, 64, 16\); expected is \(…, 4, 3\)",
    ),
    "another task's network": (
        lambda own: evotickets.train(NETWORK, own.task, evotickets.draw_ticket(NETWORK, seeds=2), "adam"),
        r"x has the shape \(1, 8, 8, 1\); expected is \(B, 4\)",
    ),
    "too few outputs": (
        lambda own: evotickets.train(*_narrow(own), "adam"),
        "the network has 3 outputs, and digits has 10 classes: build it for this task",
    ),
    "other seeds": (
        lambda own: evotickets.train(own.network, own.task, evotickets.draw_ticket(own.network, seeds=3), "adam"),
        "digits was split for 2 seeds, but there are 3",
    ),
    "a criterion's name": (
        lambda own: evotickets.prune(own.network, own.trained, "magnitud", 0.5),
        r"there is no criterion 'magnitud'; did you mean 'magnitude'\?",
    ),
    "a criterion of a loss": (lambda own: evotickets.score(own.network, own.ticket, "snip"), "give task=, whose samples"),
    "an untrained ticket": (lambda own: evotickets.score(own.network, own.ticket, "snr"), "train it first"),
    "no std": (lambda own: evotickets.score(own.network, own.chain.tickets[0], "snr"), "the ticket has no std"),
    "a density of 0": (lambda own: evotickets.prune(own.network, own.trained, "snr", 0), r"density must lie in \(0, 1\]"),
    "a density above": (
        lambda own: evotickets.prune(own.network, own.chain.tickets[1], "magnitude", 0.5),
        "cannot keep 592 weights of 237: densities must fall",
    ),
    "own scores": (
        lambda own: evotickets.prune(own.network, own.trained, {"dense1": X}, 0.5),
        "tensors: there is no 'dense1'; did you mean 'dense1/",
    ),
    "densities of a chain": (
        lambda own: evotickets.train_chain(own.network, own.task, "adam", "magnitude", [0.5, 0.2], seeds=2),
        r"densities are \[0.5, 0.2\]; they begin with 1",
    ),
    "a control of nothing": (
        lambda own: evotickets.train_chain(own.network, own.task, "adam", "mask_permuted", [1, 0.2], seeds=2),
        "mask_permuted is made of another chain's tickets: give reference=",
    ),
    "a population of a seed": (
        lambda own: evotickets.evaluate(own.network, own.ticket, MEMBERS, X, Y),
        r"members has the shape \(3, 14\); expected is \(2, P, 1210\)",
    ),
    "a loss": (
        lambda own: evotickets.evaluate(own.network, own.ticket, MEMBERS, X, Y, loss="cross_entropi"),
        r"there is no loss 'cross_entropi'; did you mean 'cross_entropy'\?",
    ),
    "tickets of other seeds": (
        lambda own: evotickets.connectivity(own.network, own.task, own.trained, evotickets.draw_ticket(own.network)),
        r"the tickets are of the seeds \(0, 1\) and \(0,\)",
    ),
    "flatness before training": (lambda own: evotickets.flatness(own.network, own.task, own.ticket), "train it first"),
    "curvature of an environment": (
        lambda own: evotickets.curvature(own.network, evotickets.load_task("cartpole"), own.trained),
        "cartpole is an environment, whose return has no gradient",
    ),
    "a problem's option": (
        lambda own: evotickets.Problem(own.network, own.task, own.ticket, bach=3),
        r"there is no option 'bach' for digits; did you mean 'batch'\?",
    ),
    "a problem's seed": (lambda own: evotickets.Problem(own.network, own.task, own.ticket, seed=7), "no seed 7; it has 0, 1"),
    "a solution": (
        lambda own: evotickets.Problem(own.network, own.task, own.ticket).eval(jax.random.key(0), MEMBERS, None),
        r"solutions has the shape \(3, 14\); expected is \(P, 1210\)",
    ),
    "the shape of weights": (
        lambda own: controls.permute_weights(NETWORK, ALL, FLAT[:, 1:], np.random.default_rng(0)),
        r"initial has the shape \(2, 22\); expected is \(2, 23\)",
    ),
    "members of policies": (
        lambda own: population.policy(one(HALF), MEMBERS[:, 1:]),
        r"members has the shape \(3, 13\); expected is \(P, 14\)",
    ),
    "masks of one seed": (
        lambda own: evotickets.landscape.jaccard(ALL[0]),
        r"the mask has the shape \(18,\); expected is \(S, K\)",
    ),
    "a column": (
        lambda own: evotickets.statistics.matching_density(own.chain.scores.rename(columns={"density": "densty"})),
        r"columns: 'density' is missing",
    ),
    "a normaliser of images": (
        lambda own: evotickets.landscape.fold(layout.cnn((8, 8, 1), (2,), 3), FLAT, {}),
        "a normaliser is written into the first layer of a perceptron",
    ),
    "no numbers": (lambda own: top_k.keep_largest(FLAT * np.nan, FLAT == 0, 3, None), "46 of 46 scores are NaN"),
    "a table's path": (lambda own: evotickets.read_table("nowhere.parquet"), "nowhere.parquet is missing"),
    "a folder without tables": (lambda own: evotickets.read_tables("nowhere"), "holds no tables: name the folder"),
    "a part's name": (lambda own: evotickets.pruning.criterion["snrr"], r"unknown criterion 'snrr'; did you mean 'snr'\?"),
    "a ticket's part": (lambda own: own.ticket.flat(own.network, "mena"), r"no part 'mena' of a ticket; did you mean 'mean'\?"),
    "seeds twice": (
        lambda own: evotickets.Ticket((1, 1), own.ticket.initial, own.ticket.mask),
        r"seeds are \(1, 1\): give at least one, and each once",
    ),
}  # fmt: skip


def _narrow(own):
    network = layout.mlp(64, (4,), 3)
    return network, own.task, evotickets.draw_ticket(network, seeds=2)


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_call_is_told_so_in_one_sentence(case, own, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call, sentence = WRONG[case]
    with promoting(), pytest.raises((ValueError, KeyError), match=sentence) as caught:
        call(own)
    assert "\n" not in str(caught.value)


def test_the_notebook_of_own_parts_runs(tmp_path):
    book = notebooks.run("own_criterion.ipynb", tmp_path)
    assert notebooks.pictures(book) == 1
    # A loop that learns nothing stays near log 10 = 2.3.
    (before, after, accuracy) = map(
        float, re.search(r"loss (.+) → (.+); test accuracy (.+)", notebooks.said(book)).groups()
    )
    assert after < 0.8 * before
    assert accuracy > 0.3
    assert (tmp_path / "found.parquet").is_file()
