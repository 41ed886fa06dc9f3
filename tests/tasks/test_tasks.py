"""Data sets and environments by name: counts, splits, damaged files, agreement with where they come from."""

import gzip
import hashlib
import http.server
import subprocess
import sys
import threading
from functools import partial

import jax
import numpy as np
import pytest

from evotickets import tasks
from evotickets.devices import promoting
from evotickets.systems.subspace import pools
from evotickets.tasks import brax, cifar, files, gymnax, images
from evotickets.tasks.files import Files, data_folder
from evotickets.tasks.registry import Whole, stratified

IDENTIFIERS = {
    "cartpole": "CartPole-v1",
    "pendulum": "Pendulum-v1",
    "acrobot": "Acrobot-v1",
    "mountain_car_continuous": "MountainCarContinuous-v0",
}


def idx(array: np.ndarray) -> bytes:
    """Write an IDX file by the book: two zero bytes, type 8, number of dimensions, sizes, bytes."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def tiny_mnist(tmp_path, monkeypatch):
    """Seven training and three test images in the layout of MNIST, two of the seven for validation."""
    monkeypatch.setenv("EVOTICKETS_DATA", str(tmp_path))
    monkeypatch.setattr(images, "VALIDATION", 2)
    monkeypatch.setattr(files, "VERIFIED", tmp_path / "verified.json")
    raw = tmp_path / "MNIST/raw"
    raw.mkdir(parents=True)
    pixels = np.arange(10 * 28 * 28).reshape(10, 28, 28) % 251
    for name, count, first in (("train", 7, 0), ("t10k", 3, 7)):
        part = slice(first, first + count)
        (raw / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(pixels[part])))
        (raw / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.arange(10)[part])))
    publish(monkeypatch, images, "MNIST")
    return raw, pixels


def publish(monkeypatch, module, name):
    """Have the files that lie there be those that are published."""
    published = getattr(module, name)
    raw = data_folder() / published.folder / "raw"
    digests = {file: hashlib.sha256((raw / file).read_bytes()).hexdigest() for file in published.checksums}
    monkeypatch.setattr(module, name, published._replace(checksums=digests))


def real(name: str, folder: str) -> tasks.Data:
    if not (data_folder() / folder / "raw/train-images-idx3-ubyte.gz").exists():
        pytest.skip(f"{data_folder()} has no {folder}: let EVOTICKETS_DATA name the folder that holds it")
    return tasks.supervised(name)


def test_names_tell_the_kind_without_heavy_imports():
    program = (
        "import sys; from evotickets import tasks;"
        "assert tasks.is_control('cartpole') and not tasks.is_control('digits');"
        "assert tasks.SUPERVISED['mnist'].input_shape == (28, 28, 1);"
        "assert 'ant' in tasks.options()['torso_mass'];"
        "tasks.supervised('digits');"
        "heavy = {'jax', 'gymnax', 'brax', 'sklearn', 'scipy', 'pooch', 'pandas', 'matplotlib', 'torch', 'PIL'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_task_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown task 'cifar'; did you mean 'cifar10'\?"):
        tasks.kind("cifar")
    with pytest.raises(
        ValueError, match=r"'digits' is a supervised task; control tasks are .*, cartpole, pendulum, .*"
    ):
        tasks.control("digits")
    with pytest.raises(ValueError, match=r"'cartpole' is a control task; supervised tasks are cifar10_10k, digits, .*"):
        tasks.supervised("cartpole")


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    expected = load_digits()
    rows = np.column_stack([expected.data, expected.target])
    parts = tasks.stored("digits", seed=3)
    ours = np.concatenate([np.column_stack([x.reshape(len(x), -1), y]) for x, y in parts])
    assert [len(y) for _, y in parts] == [1079, 359, 359]
    # Every image once: the splits are disjoint and nothing is lost.
    np.testing.assert_array_equal(ours[np.lexsort(ours.T)], rows[np.lexsort(rows.T)])


def test_digits_are_split_alike_in_every_class():
    parts = tasks.stored("digits")
    shares = np.stack([np.bincount(y, minlength=10) for _, y in parts])
    total = shares.sum(0)
    assert np.abs(shares - np.array([[0.6], [0.2], [0.2]]) * total).max() <= 1


def counted(splits) -> tuple[tuple[int, ...], ...]:
    """Count the images of every class in splits."""
    return tuple(tuple(np.bincount(y, minlength=10).tolist()) for _, y in splits)


def test_the_registry_knows_how_many_images_there_are():
    digits = tasks.SUPERVISED["digits"]
    whole = tasks.task["digits"]()
    assert counted([whole]) == digits.counts
    assert digits.samples() == tuple(len(y) for _, y in tasks.stored("digits"))
    twos = [y[y < 2] for _, y in tasks.stored("digits")]
    assert digits.samples(2) == tuple(map(len, twos))
    assert tasks.SUPERVISED["kmnist"].samples() is None, "nobody has counted them"


def test_the_registry_knows_how_many_images_of_cifar_there_are():
    if not (data_folder() / cifar.CIFAR10.prepared).exists():
        pytest.skip(f"{data_folder()} has no CIFAR-10: let EVOTICKETS_DATA name the folder that holds it")
    assert counted(cifar.cifar10_10k()) == tasks.ALL["cifar10_10k"].counts == tasks.ALL["cifar10"].counts


def test_the_seed_draws_the_split():
    one, same, other = (tasks.supervised("digits", seed=seed) for seed in (1, 1, 2))
    assert one.digest == same.digest
    assert one.digest != other.digest
    np.testing.assert_array_equal(one.test.x, same.test.x)
    assert not np.array_equal(one.test.x, other.test.x)


def test_every_seed_has_a_split_of_its_own_where_the_data_bring_none():
    seen, fewer = (tasks.replicates("digits", seed=0, count=count) for count in (3, 2))
    whole = tasks.task["digits"]()
    assert seen.input_shape == (8, 8, 1)
    np.testing.assert_array_equal(seen.rows(3), [0, 1, 2])
    for row in range(3):
        own = tasks.Data("digits", 10, *(tasks.Split(*(part[row] for part in seen[at])) for at in (2, 3, 4)), "")
        np.testing.assert_array_equal(own.test.y, whole.y[seen.tested[row]])
        pixels = [x.reshape(len(x), -1) for x, _ in (own.train, own.validation, own.test)]
        np.testing.assert_allclose(pixels[0].mean(dtype=float), 0, atol=1e-6)
        np.testing.assert_allclose(pixels[0].std(dtype=float), 1, atol=1e-6)
        # Every image is in one of the splits, so that together they have the classes of all.
        total = sum(np.bincount(y, minlength=10) for _, y in (own.train, own.validation, own.test))
        np.testing.assert_array_equal(total, np.bincount(whole.y, minlength=10))
    assert not np.array_equal(seen.tested[0], seen.tested[1])
    np.testing.assert_array_equal(fewer.tested, seen.tested[:2])
    np.testing.assert_array_equal(fewer.train.x, seen.train.x[:2])
    other = tasks.replicates("digits", seed=1, count=3)
    assert other.digest != seen.digest == tasks.replicates("digits", seed=0, count=3).digest
    with pytest.raises(ValueError, match="digits was split for 3 seeds, but there are 2: load it for as many"):
        seen.rows(2)


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_without_validation_its_images_are_trained_on(tiny_mnist, name):
    with_, without = (tasks.replicates(name, seed=0, count=2, validation=kept) for kept in (True, False))
    sizes = [[split.y.shape[1] for split in seen[2:5]] for seen in (with_, without)]
    train, validation, test = sizes[0]
    assert sizes[1] == [train + validation, 0, test]
    np.testing.assert_array_equal(without.tested, with_.tested)
    np.testing.assert_array_equal(without.train.y, np.concatenate([with_.train.y, with_.validation.y], 1))
    np.testing.assert_allclose(without.train.x[0].mean(dtype=float), 0, atol=1e-5)


def test_a_split_that_the_data_bring_is_that_of_all_seeds(tiny_mnist):
    seen, one = tasks.replicates("mnist", seed=3, count=4), tasks.supervised("mnist")
    np.testing.assert_array_equal(seen.rows(4), [0, 0, 0, 0])
    np.testing.assert_array_equal(seen.test.x, one.test.x[None])
    np.testing.assert_array_equal(seen.tested, np.arange(len(one.test.y))[None])
    assert seen.digest == one.digest
    with pytest.raises(ValueError, match="'cartpole' is a control task"):
        tasks.replicates("cartpole", seed=0, count=2)


def test_data_are_standardised_by_the_training_pixels():
    data = tasks.supervised("digits")
    pixels = tasks.stored("digits")
    assert data.input_shape == (8, 8, 1)
    assert data.classes == 10
    for split in (data.train, data.validation, data.test):
        assert (split.x.dtype, split.y.dtype) == (np.float32, np.int32)
    mean, std = pixels.train[0].mean(), pixels.train[0].std()
    np.testing.assert_allclose(data.test.x, (pixels.test[0] - mean) / std, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(data.train.x.mean(dtype=float), 0, atol=1e-6)
    np.testing.assert_allclose(data.train.x.std(dtype=float), 1, atol=1e-6)


def test_the_digest_is_of_the_arrays():
    data = tasks.supervised("digits")
    digest = hashlib.sha256()
    for array in (*data.train, *data.validation, *data.test):
        digest.update(repr(array.shape).encode() + array.tobytes())
    assert data.digest == digest.hexdigest()[:32]


def test_idx_files_are_read_and_the_last_training_images_validate(tiny_mnist):
    _, pixels = tiny_mnist
    train, validation, test = images.mnist()
    assert [x.shape for x, _ in (train, validation, test)] == [(5, 28, 28, 1), (2, 28, 28, 1), (3, 28, 28, 1)]
    np.testing.assert_array_equal(np.concatenate([train[0], validation[0], test[0]])[..., 0], pixels)
    assert [y.tolist() for _, y in (train, validation, test)] == [[0, 1, 2, 3, 4], [5, 6], [7, 8, 9]]


def test_a_data_set_does_not_depend_on_the_seed_where_it_brings_its_split(tiny_mnist):
    assert tasks.supervised("mnist", seed=0).digest == tasks.supervised("mnist", seed=1).digest


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train-images", gzip.compress(idx(np.zeros((7, 28, 28))))[:-20], "is truncated or damaged"),
        ("train-images", b"no gzip at all", "is truncated or damaged"),
        ("train-images", gzip.compress(b"PK\x03\x04 something else"), "is no IDX file"),
        ("train-images", gzip.compress(idx(np.zeros((7, 28, 28)))[:-1]), "holds 5487 bytes where 5488 belong"),
        ("train-labels", gzip.compress(idx(np.zeros(6))), r"holds \(7, 28, 28\) pixels for the 6 labels"),
    ],
    ids=["truncated", "no gzip", "no idx", "too short", "other count"],
)
def test_a_damaged_file_is_named(tiny_mnist, name, content, message):
    raw, _ = tiny_mnist
    path = next(raw.glob(f"{name}-*"))
    path.write_bytes(content)
    paths = images.MNIST.paths
    for read, words in (
        (tasks.supervised, "is not the published file"),
        (lambda _: images.read_idx_set(paths), message),
    ):
        with pytest.raises(ValueError, match=words) as caught:
            read("mnist")
        assert str(path) in str(caught.value) or "pixels for the 6 labels" in message
        assert str(raw) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_file_of_data_is_read_again_once_it_changes(tiny_mnist, monkeypatch):
    paths = images.MNIST.fetch()
    digest, calls = hashlib.file_digest, []
    monkeypatch.setattr(hashlib, "file_digest", lambda *a: calls.append(a) or digest(*a))
    assert images.MNIST.fetch() == paths
    assert not calls
    paths[2].write_bytes(paths[2].read_bytes())
    assert images.MNIST.fetch() == paths
    assert len(calls) == 1
    content = bytearray(paths[2].read_bytes())
    content[len(content) // 2] ^= 4
    for damaged in (bytes(content), b""):
        paths[2].write_bytes(damaged)
        for _ in range(2):
            with pytest.raises(
                ValueError, match=r"t10k-images-idx3-ubyte\.gz is damaged or cut short: it is not the publ"
            ):
                images.MNIST.fetch()
    # A memory that is damaged itself, or cannot be written, remembers nothing.
    for content in ("{", "5", "[1]", '{"a": 1}', "[" * 100_000):
        files.VERIFIED.write_text(content)
        files.verify(dict.fromkeys(paths[:1], images.MNIST.checksums[paths[0].name]))


def test_offline_the_missing_file_its_folder_and_the_variable_are_named(tmp_path, monkeypatch):
    import pooch

    def offline(*args, **kwargs):
        raise ConnectionError("no route to host")

    monkeypatch.setenv("EVOTICKETS_DATA", str(tmp_path))
    monkeypatch.setattr(pooch, "retrieve", offline)
    with pytest.raises(FileNotFoundError) as caught:
        tasks.supervised("kmnist")
    for part in ("train-images-idx3-ubyte.gz", str(tmp_path / "KMNIST/raw"), "EVOTICKETS_DATA"):
        assert part in str(caught.value)


def test_missing_files_are_downloaded_and_checked(tmp_path, monkeypatch):
    site, home = tmp_path / "site", tmp_path / "home"
    site.mkdir()
    (site / "labels.gz").write_bytes(b"seven")
    monkeypatch.setenv("EVOTICKETS_DATA", str(home))
    monkeypatch.setattr(files, "VERIFIED", tmp_path / "verified.json")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        with pytest.raises(FileNotFoundError, match="wrong checksum"):
            Files("Set", url, {"labels.gz": "0" * 64}).fetch()
        assert not (home / "Set/raw/labels.gz").exists()
        checksums = {"labels.gz": hashlib.sha256(b"seven").hexdigest()}
        (path,) = Files("Set", url, checksums).fetch()
        server.shutdown()
    assert path.read_bytes() == b"seven"
    # What is there is not fetched again: nobody answers now.
    assert Files("Set", url, checksums).fetch() == [path]


@pytest.mark.parametrize(
    ("name", "folder", "train", "test"),
    [
        ("mnist", "MNIST", [5, 0, 4, 1, 9], [7, 2, 1, 0, 4]),
        ("fashion_mnist", "FashionMNIST", [9, 0, 0, 3, 0], [9, 2, 1, 1, 6]),
    ],
)
def test_real_files_hold_the_known_images(name, folder, train, test):
    data = real(name, folder)
    assert [len(split.y) for split in (data.train, data.validation, data.test)] == [50_000, 10_000, 10_000]
    assert data.input_shape == tasks.SUPERVISED[name].input_shape == (28, 28, 1)
    assert counted(tasks.stored(name)) == tasks.SUPERVISED[name].counts
    assert tasks.SUPERVISED[name].samples() == (50_000, 10_000, 10_000)
    assert data.train.y[:5].tolist() == train
    assert data.test.y[:5].tolist() == test


@pytest.mark.parametrize(("name", "identifier"), IDENTIFIERS.items())
def test_a_control_task_says_what_gymnax_says(name, identifier):
    import gymnax
    from gymnax.environments.spaces import Discrete

    environment, parameters = gymnax.make(identifier)
    task = tasks.control(name)
    space = environment.action_space(parameters)
    assert (task.name, task.horizon) == (name, parameters.max_steps_in_episode)
    assert (task.observation_size,) == environment.observation_space(parameters).shape
    assert task.discrete == isinstance(space, Discrete)
    assert task.outputs == (space.n if task.discrete else 1)
    assert (task.network.input_shape, task.network.outputs) == ((task.observation_size,), task.outputs)


@pytest.mark.parametrize(("name", "identifier"), IDENTIFIERS.items())
def test_a_step_is_that_of_gymnax(name, identifier):
    """The largest output acts where actions are discrete, tanh stretched to the bounds where they are continuous."""
    import gymnax

    environment, parameters = gymnax.make(identifier)
    task = tasks.control(name)
    outputs = 0.7 - np.arange(task.outputs, dtype=np.float32)
    action = 0 if task.discrete else np.tanh(0.7) * environment.action_space(parameters).high
    key = jax.random.key(5)
    observation, state = task.reset(key)
    with promoting():
        expected, expected_state = environment.reset(key, parameters)
    np.testing.assert_array_equal(observation, expected)
    for _ in range(3):
        observation, state, reward, done = task.step(state, outputs)
        with promoting():
            expected, expected_state, expected_reward, *_ = environment.step(key, expected_state, action, parameters)
        np.testing.assert_allclose(observation, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(reward, expected_reward, rtol=1e-5)
        assert not done


@pytest.mark.parametrize("name", ["pendulum", "mountain_car_continuous"])
def test_a_raw_output_is_the_action_and_the_environment_clips_it(name):
    """As Lange & Sprekeler (2023) have it: no tanh between the network and the environment."""
    raw, bounded = tasks.control(name, raw_outputs=True), tasks.control(name)
    _, state = raw.reset(jax.random.key(0))
    bound = {"pendulum": 2.0, "mountain_car_continuous": 1.0}[name]
    inside = raw.step(state, np.float32([0.3]))[0]
    np.testing.assert_allclose(inside, bounded.step(state, np.float32([np.arctanh(0.3 / bound)]))[0], rtol=1e-5)
    beyond, far = (raw.step(state, np.float32([output]))[0] for output in (9.0, 50.0))
    np.testing.assert_array_equal(beyond, far)
    assert name in tasks.options()["raw_outputs"]


def test_every_control_task_is_compared_with_gymnax():
    others = {name.lower().replace("-", "_") for name in gymnax.OTHERS}
    # These two open collections of environments, and have tests of their own.
    others |= {"gymnasium", "playground"}
    assert set(IDENTIFIERS) | set(BRAX) | others == set(tasks.CONTROL)
    for name, (observation, outputs) in BRAX.items():
        facts = tasks.CONTROL[name]
        assert (facts.input_shape, facts.outputs) == ((observation,), outputs)


BRAX = {"ant": (27, 8), "halfcheetah": (17, 6), "hopper": (11, 3), "walker2d": (17, 6), "reacher": (11, 2)}
BRAX |= {"inverted_pendulum": (4, 1)}


@pytest.mark.parametrize("name", BRAX)
def test_brax_has_the_sizes_of_its_environments(name):
    pytest.importorskip("brax", reason="the extra [brax] is not installed")
    task = tasks.control(name)
    assert (task.observation_size, task.outputs) == BRAX[name]
    assert (task.discrete, task.horizon) == (False, 500)


def test_a_pendulum_of_brax_balances_for_a_while_and_falls():
    pytest.importorskip("brax", reason="the extra [brax] is not installed")
    task = tasks.control("inverted_pendulum")
    advance = jax.jit(task.step)
    observation, state = jax.jit(task.reset)(jax.random.key(0))
    rewards, done = [], False
    while not done and len(rewards) < task.horizon:
        observation, state, reward, done = advance(state, np.zeros(1, np.float32))
        rewards.append(float(reward))
    assert done
    assert rewards[0] == 1
    assert np.isfinite(observation).all()


@pytest.mark.parametrize(("name", "alike"), {"ant": True, "halfcheetah": False}.items())
def test_a_torso_weighs_what_the_study_says_and_nothing_else_changes(name, alike):
    pytest.importorskip("brax", reason="the extra [brax] is not installed")
    masses = []
    for options in ({}, {"torso_mass": 10}, {"torso_mass": 15}):
        task = tasks.control(name, **options)
        _, state = jax.jit(task.reset)(jax.random.key(0))
        masses.append(np.asarray(state.pipeline_state.mass))
        assert task.name == ", torso ".join([name, *map(str, options.values())])
    # The masses of the physics are powers: with an exponent of 0 every link of the ant weighs 1, its torso too.
    assert (masses[0] == 1).all() == alike
    np.testing.assert_allclose([own[0] for own in masses[1:]], [10, 15])
    for own in masses[1:]:
        np.testing.assert_allclose(own[1:], masses[0][1:], rtol=1e-6)


def test_a_missing_brax_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "brax", None)
    brax.from_brax.cache_clear()
    with pytest.raises(
        ModuleNotFoundError, match=r"ant needs brax, which is not installed: pip install 'evotickets\[brax\]'"
    ):
        tasks.control("ant")


@pytest.fixture
def tiny_cifar(tmp_path, monkeypatch):
    """The official archive with 3,000 images a batch, and the same prepared."""
    import io
    import tarfile

    monkeypatch.setenv("EVOTICKETS_DATA", str(tmp_path))
    rng, raw = np.random.default_rng(0), tmp_path / "cifar10/raw"
    raw.mkdir(parents=True)
    tables = [rng.integers(0, 10, (3000, 3073)).astype(np.uint8) for _ in range(2)]
    with tarfile.open(raw / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for name, table in zip(cifar.BATCHES, tables, strict=True):
            entry = tarfile.TarInfo(name)
            entry.size = table.size
            archive.addfile(entry, io.BytesIO(table.tobytes()))
    monkeypatch.setattr(files, "VERIFIED", tmp_path / "verified.json")
    publish(monkeypatch, cifar, "CIFAR10")
    return tmp_path, tables


def test_cifar_is_the_same_from_either_file(tiny_cifar):
    folder, (train, test) = tiny_cifar
    found = cifar.cifar10_10k()
    assert [len(y) for _, y in found] == [1000, 2000, 3000]
    # Three planes of rows: the second pixel of the third row of the first image, in blue.
    assert found.train[0][0, 2, 1, 2] == train[0, 1 + 2 * 1024 + 2 * 32 + 1]
    np.testing.assert_array_equal(found.test[1], test[:, 0])
    whole = [np.concatenate([a, b]) for a, b in zip(found.train, found.validation, strict=True)]
    arrays = {"x_train": whole[0], "y_train": whole[1], "x_test": found.test[0], "y_test": found.test[1]}
    np.savez(folder / cifar.CIFAR10.prepared, **arrays)
    (folder / "cifar10/raw/cifar-10-binary.tar.gz").unlink()
    for one, other in zip(found, cifar.cifar10_10k(), strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    pool = pools.load("cifar10", 0, {})
    np.testing.assert_array_equal(pool.train.read(np.arange(3000)), whole[0])
    np.testing.assert_array_equal(pool.test.labels, found.test[1])
    data = tasks.supervised("cifar10_10k")
    assert data.input_shape == tasks.SUPERVISED["cifar10_10k"].input_shape
    assert abs(float(data.train.x.mean())) < 1e-3


def test_a_damaged_cifar_is_named(tiny_cifar):
    folder, _ = tiny_cifar
    raw = folder / "cifar10/raw/cifar-10-binary.tar.gz"
    raw.write_bytes(raw.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"binary\.tar\.gz is damaged or cut short: it is not the published file"):
        cifar.cifar10_10k()
    with pytest.raises(ValueError, match=r"binary\.tar\.gz is truncated or damaged"):
        cifar.pairs(raw)
    (folder / cifar.CIFAR10.prepared).write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"10k\.npz is damaged or holds other arrays"):
        cifar.cifar10_10k()


def test_every_supervised_task_has_the_shape_that_it_states(tiny_mnist, tiny_cifar):
    """What the registry states before data are read is what is read then; no file of Fashion-MNIST is at hand here."""
    for name in ("digits", "mnist", "cifar10_10k"):
        facts, split = tasks.SUPERVISED[name], tasks.stored(name).train
        assert split[0].shape[1:] == facts.input_shape
        assert split[0].dtype == np.uint8
        assert split[1].max() < facts.classes
    assert tasks.stored("digits").train[0].max() == tasks.SUPERVISED["digits"].largest


def test_a_new_data_set_is_one_function(monkeypatch):
    """It is a task of tickets, a family of strong tickets, and images for parents at once."""
    from evotickets.systems.strong import data

    monkeypatch.setattr(tasks.task, "_parts", dict(tasks.task._load()))
    monkeypatch.setattr(tasks.task, "facts", dict(tasks.task.facts))
    labels = np.arange(60) % 3

    @tasks.task(kind="supervised", input_shape=(2, 2, 1), classes=3)
    def thirds():
        return Whole(np.repeat(labels * 100, 4).astype(np.uint8).reshape(60, 2, 2, 1), labels)

    loaded = tasks.supervised("thirds", seed=1)
    assert [len(split.y) for split in (loaded.train, loaded.validation, loaded.test)] == [36, 12, 12]
    problem = data.draw("thirds", 2, 100, 0.0, [np.random.default_rng(0)])
    assert [split.x.shape for split in problem[1:]] == [(1, 24, 4), (1, 10, 4), (1, 6, 4)]
    np.testing.assert_allclose(problem.train.x[0, :, 0], problem.train.y[0] * 100 / 255, rtol=1e-6)
    source = pools.load("thirds", 1, {})
    assert [len(pool.labels) for pool in (source.train, source.validation, source.test)] == [36, 12, 12]
    np.testing.assert_array_equal(source.train.read(np.arange(36))[:, 0, 0, 0], source.train.labels * 100)
    tasks.fetch("thirds")


def test_images_for_parents_have_the_scale_of_their_training_channels(tiny_cifar):
    source = pools.load("cifar10_10k", 0, {})
    train = source.train.read(np.arange(len(source.train.labels)))
    # Parents that are trained here see nothing of what decides between sigmas.
    assert [len(pool.labels) for pool in (source.train, source.validation, source.test)] == [1000, 2000, 3000]
    np.testing.assert_allclose(source.mean, train.mean((0, 1, 2)) / 255)
    np.testing.assert_allclose(source.std, train.std((0, 1, 2)) / 255)


def test_a_split_is_stratified_and_holds_everybody_once():
    labels = np.repeat([1, 0, 2], [20, 10, 30])
    splits = stratified(labels, lambda count: [count // 2, count * 7 // 10], np.random.default_rng(0))
    assert [np.bincount(labels[split]).tolist() for split in splits] == [[5, 10, 15], [2, 4, 6], [3, 6, 9]]
    np.testing.assert_array_equal(np.sort(np.concatenate(splits)), np.arange(60))


@pytest.mark.parametrize("name", ["digits", "moons", "folder", "cartpole", "planted_circle"])
def test_what_has_no_files_needs_no_network(name, monkeypatch, tmp_path):
    monkeypatch.setenv("EVOTICKETS_DATA", str(tmp_path))
    tasks.fetch(name)
    assert not list(tmp_path.iterdir())


def test_a_task_is_asked_for_what_it_is():
    with pytest.raises(ValueError, match="'moons' is a points task; supervised tasks are"):
        tasks.stored("moons")
    with pytest.raises(ValueError, match="'folder' is a pool task; control tasks are"):
        tasks.control("folder")
