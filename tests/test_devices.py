"""Threads, cache and devices of a process, and populations spread over two host devices; each in its own process."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from evotickets import devices

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache/jax"


def run(program: str) -> str:
    return said(program)[0]


def said(program: str, **environment: str) -> tuple[str, str]:
    """Return what a process says on stdout and on stderr."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=ROOT, capture_output=True, text=True, env=os.environ | environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


JOB = """
    import pathlib, sys
    from evotickets import devices, results, tasks
    devices.configure(1, cache={cache!r})
    import jax, numpy as np
    from evotickets.systems.tickets import levels as tickets, problems
    from evotickets.systems.tickets.tables import SCORES, factors
    common = {{"population": 8, "generations": 4, "evaluations": 2, "mean_decay": 0.0, "std_init": 0.1}}
    rows = []
    for name, strategy, network, more in (
        ("digits", "sep_cma_es", {{"hidden": [8]}}, {{"batch": 32}}),
        ("digits", "snes", {{"channels": [2]}}, {{"batch": 32}}),
        ("cartpole", "pgpe", {{"hidden": [4]}}, {{"episodes": 1, "test_episodes": 1}}),
    ):
        task = tasks.load(name)
        network = problems.network_of(task, network)
        ticket = tickets.initialise(network, 1, seed=0, name=name)
        settings = {{"trainer": strategy, **common, **more}}
        trained, run = tickets.train(network, task, ticket, settings, key=jax.random.key(1))
        cell = factors({{"task": name, "trainer": strategy, "criterion": "snr"}}, 0, 1.0)
        rows += [cell | row for row in run.trajectory.final([0])]
        total = float(sum(np.abs(trained.flat(network, part)).sum() for part in ("mean", "std")))
        rows.append(cell | {{"seed": 0, "split": "train", "metric": "weights", "value": total}})
    rows = [row | {{"parts": []}} for row in rows]
    results.write_table({path!r}, rows, schema=SCORES, metadata={{}})
"""


def scores_under(path: Path, **environment: str) -> tuple[bytes, str]:
    """Return the table of a small job, and what the job says of its environment."""
    _, errors = said(JOB.format(cache=str(CACHE), path=str(path)), **environment)
    return path.read_bytes(), errors


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    table, errors = scores_under(tmp_path_factory.mktemp("job") / "scores.parquet")
    assert "because it would change results" not in errors
    return table


ENVIRONMENTS = (
    {
        "JAX_ENABLE_X64": "1",
        "JAX_DEFAULT_PRNG_IMPL": "rbg",
        "JAX_THREEFRY_PARTITIONABLE": "0",
        "JAX_RANDOM_SEED_OFFSET": "7",
    },
    {
        "JAX_DEFAULT_MATMUL_PRECISION": "bfloat16",
        "JAX_NUMPY_DTYPE_PROMOTION": "strict",
        "JAX_NUMPY_RANK_PROMOTION": "raise",
        "JAX_DISABLE_JIT": "1",
        "JAX_OPTIMIZATION_LEVEL": "O0",
        "NVIDIA_TF32_OVERRIDE": "0",
        "XLA_FLAGS": "--xla_cpu_enable_fast_math=true --xla_backend_optimization_level=0",
    },
)


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: next(iter(environment)))
def test_the_environment_decides_nothing(undisturbed, tmp_path, environment):
    table, errors = scores_under(tmp_path / "scores.parquet", **environment)
    assert table == undisturbed
    said = [line for line in errors.splitlines() if line.endswith("because it would change results")]
    settings = [word for name, value in environment.items() for word in (value.split() if "FLAGS" in name else [name])]
    assert len(said) == len(settings)
    for setting in settings:
        assert any(setting in line for line in said), setting


def test_products_of_float32_are_float32_on_every_device():
    ones = jnp.ones((2, 2))
    product = jax.jit(jnp.matmul).lower(ones, ones).as_text()
    assert product.count("HIGHEST") == 2, product


def test_what_decides_no_number_is_left_to_the_user(tmp_path):
    program = """
        import os
        from evotickets import devices
        for _ in range(2):
            devices.configure(1, cache=None)
        print(os.environ["XLA_FLAGS"])
    """
    flag = f"--xla_dump_to={tmp_path}"
    words, errors = said(program, XLA_FLAGS=flag)
    assert words.split()[-1] == flag
    assert len(words.split()) == 4
    assert not errors


def test_rollouts_are_the_same_on_two_devices():
    run("""
        from evotickets import devices
        devices.configure(2, cache=None)
        import jax, jax.numpy as jnp, numpy as np
        from evotickets import population, tasks
        from evotickets.networks import masks
        from evotickets.trainers import rollouts
        task = tasks.control("cartpole")
        network = task.network
        mask = masks.everything(network)
        plan = jax.tree.map(lambda leaf: leaf[0], population.plan(network, mask))
        # Two seeds of seven members: an odd number, so one device repeats a member.
        members = .3 * jax.random.normal(jax.random.key(0), (2, 7, network.parameter_count))
        keys = jax.random.split(jax.random.key(1), 3)

        def play(mesh):
            def returns(members):
                act = lambda policy, observation: population.act(plan, policy, observation)
                start = rollouts.initial_statistics(task.observation_size)
                return rollouts.returns(task, act, population.policy(plan, members), keys, start, mesh=mesh)
            return jax.jit(jax.vmap(returns))(members)

        mesh = devices.mesh()
        assert mesh.size == 2
        total, seen = play(mesh)
        assert total.shape == (2, 7, 3) and len(set(np.ravel(total).tolist())) > 5
        alone, visited = play(None)
        np.testing.assert_array_equal(total, alone)
        # The statistics of the members are added up in another order.
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), seen, visited)
    """)


def test_supervised_losses_are_the_same_on_two_devices():
    run("""
        from tests import quick
        quick.start(2)
        import jax, numpy as np
        from evotickets import devices, population, tasks
        from evotickets.networks import layout, masks
        data, network = tasks.supervised("digits"), layout.mlp(64, (32,), 10)
        mask = masks.everything(network)
        plan = jax.tree.map(lambda leaf: leaf[0], population.plan(network, mask))
        members = .1 * jax.random.normal(jax.random.key(0), (9, network.parameter_count))

        def losses(members, plan, x, y):
            return population.losses(plan, members, x, y)

        batch = data.train.x[:256], data.train.y[:256]
        spread = jax.jit(devices.over_devices(losses, devices.mesh()))(members, plan, *batch)
        alone = jax.jit(losses)(members, plan, *batch)
        assert spread.shape == (9,)
        np.testing.assert_allclose(spread, alone, rtol=1e-6)
    """)


def test_trainers_do_the_same_on_two_devices():
    run("""
        from tests import quick
        quick.start(2)
        import jax, numpy as np
        from evotickets import devices, tasks
        from evotickets.systems.tickets import levels as tickets, problems
        common = {"population": 10, "generations": 4, "evaluations": 2, "mean_decay": 0.0, "std_init": 0.1}
        for name, strategy, more in (
            ("digits", "snes", {"batch": 64}),
            ("digits", "pgpe", {"batch": 64}),
            ("cartpole", "pgpe", {"episodes": 2, "test_episodes": 2}),
        ):
            task = tasks.load(name)
            network = problems.network_of(task, {"hidden": [8]})
            dense = tickets.initialise(network, 2, seed=0, name=name)
            place = ("x",)
            ticket = tickets.next_ticket(network, task, dense, "random", .5, seed=0, name=name, place=place)
            settings = {"trainer": strategy, **common, **more}
            key = jax.random.key(1)
            alone, _ = tickets.train(network, task, ticket, settings, key=key)
            spread, _ = tickets.train(network, task, ticket, settings, mesh=devices.mesh(), key=key)
            mean, std = alone.flat(network, "mean"), alone.flat(network, "std")
            assert np.abs(mean - ticket.flat(network, "initial") * (mean != 0)).max() > 1e-3
            np.testing.assert_allclose(spread.flat(network, "mean"), mean, rtol=1e-4, atol=1e-6)
            np.testing.assert_allclose(spread.flat(network, "std"), std, rtol=1e-4)
    """)


def test_without_a_mesh_a_function_stays_as_it_is():
    from evotickets import devices

    assert devices.over_devices(len, None) is len


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_configure_sets_devices_threads_and_cache(tmp_path):
    program = """
        import pathlib
        from evotickets import devices
        devices.configure({threads}, cache={cache!r})
        import jax, threadpoolctl
        jax.jit(lambda x: x + 1)(1)
        workers = [task.read_text().strip() for task in pathlib.Path("/proc/self/task").glob("*/comm")]
        print(jax.device_count(), devices.mesh() is None, workers.count("tf_XLAEigen"))
        print(*{{pool["num_threads"] for pool in threadpoolctl.threadpool_info()}})
    """
    cache = tmp_path / "cache"
    assert run(program.format(threads=1, cache=str(cache))).splitlines() == ["1 True 1", "1"]
    written = {path.name for path in cache.rglob("*-cache")}
    assert written
    assert run(program.format(threads=1, cache=str(cache))).splitlines() == ["1 True 1", "1"]
    assert {path.name for path in cache.rglob("*-cache")} == written
    (tmp_path / "link").symlink_to(cache)
    assert run(program.format(threads=1, cache=str(tmp_path / "link"))).splitlines() == ["1 True 1", "1"]
    assert {path.name for path in cache.rglob("*-cache")} == written
    assert run(program.format(threads=3, cache=None)).splitlines()[0] == "3 False 3"


def test_configure_refuses_what_comes_too_late_or_is_no_number_of_threads():
    run("""
        import jax
        from evotickets import devices
        for threads, kind in ((0, ValueError), (2, RuntimeError)):
            try:
                devices.configure(threads, cache=None)
            except kind as error:
                assert "\\n" not in str(error)
            else:
                raise AssertionError(kind)
            jax.numpy.ones(2).block_until_ready()
    """)


def test_importing_the_package_starts_no_device():
    """Otherwise `configure`, called after the imports, comes too late."""
    run("""
        import importlib, pkgutil
        import evotickets
        from jax._src import xla_bridge
        for module in pkgutil.walk_packages(evotickets.__path__, "evotickets."):
            if module.name != "evotickets.interop.torch":
                importlib.import_module(module.name)
                assert not xla_bridge.backends_are_initialized(), module.name
    """)


def test_only_libraries_may_promote():
    run("""
        import jax, jax.numpy as jnp
        from evotickets import devices

        def mixed():
            return jnp.ones((2, 3)) + jnp.arange(3)

        with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
            with devices.promoting():
                assert mixed().dtype == jnp.float32
            try:
                mixed()
            except Exception as error:
                assert "promotion" in str(error)
            else:
                raise AssertionError("types and ranks promoted")
    """)


def test_damaged_and_empty_programs_of_the_cache_are_compiled_anew(tmp_path):
    run(f"""
        import warnings
        from pathlib import Path
        from evotickets import devices
        devices.configure(1, cache={str(tmp_path)!r})
        import jax, jax.numpy as jnp
        warnings.simplefilter("ignore")
        x = jnp.arange(9.0).reshape(3, 3)
        function = jax.jit(lambda x: jnp.tanh(x @ x).sum())
        before = float(function(x))
        folder = Path({str(tmp_path)!r}) / devices.processor()
        for content in (b"", b"nothing"):
            kept = list(folder.glob("*-cache"))
            assert kept
            for file in kept:
                file.write_bytes(content)
            jax.clear_caches()
            assert float(function(x)) == before
    """)


def test_programs_are_kept_by_what_a_processor_can_do(tmp_path, monkeypatch):
    told = tmp_path / "cpuinfo"
    monkeypatch.setattr(devices, "PROCESSOR", told)
    names = set()
    for flags in ("flags : sse avx", "flags : sse avx avx512f", "Features : fp asimd", ""):
        told.write_text(f"processor : 0\n{flags}\n\nprocessor : 1\n{flags}\n")
        names.add(devices.processor())
    told.unlink()
    assert len(names) == 4
    assert devices.processor() in names, "what tells nothing is like what is not there"
