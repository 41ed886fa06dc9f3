"""The engine on an accelerator: whether it computes what a processor does, and how long it takes; ten minutes.

    .bench-venv/bin/python benchmarks/gpu.py                # needs a JAX with an accelerator: pip install "jax[cuda13]"
    .bench-venv/bin/python benchmarks/gpu.py --quick        # fewer repeats and generations

Each case runs in two processes, one for the accelerator and one for the processor, on the same numbers, which NumPy draws.
The table says how far apart their values are, in units of the largest, and the milliseconds of both. Fine-tuning is not among
the cases: its children are evaluated by PyTorch, on the processor.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Case = tuple[Callable[[], Any], Callable[[], np.ndarray]]
"""A run that is timed, and the values that are compared."""
BOUND = 1e-5
"""Values that lie further apart are another computation: sums of float32 in another order stay below."""


def losses(network: Any, density: float) -> Case:
    """Generations of PGPE, and the losses of one population of pairs."""
    import generations
    import jax
    import jax.numpy as jnp
    from workload import BATCH, CNN, CNN_BATCH, MEMBERS, data, random_mask

    from evotickets import population
    from evotickets.networks import masks

    mask, batch = random_mask(network, density), CNN_BATCH if network is CNN else BATCH
    plan = jax.tree.map(lambda leaf: leaf[0], population.plan(network, mask))
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(MEMBERS // 2 + 1, masks.survivors(network, mask).shape[1])).astype(np.float32) * 0.05
    x, y = (jnp.asarray(part[:batch]) for part in data().train)
    run = jax.jit(population.pair_losses)
    return generations.ours(network, mask, "pgpe", batch=batch), lambda: run(plan, drawn[0], drawn[1:], x, y)


def cartpole() -> Case:
    """Returns of 256 members over 8 episodes that last."""
    import rollouts

    from evotickets import tasks

    task = tasks.control("cartpole")
    mask, members = rollouts.setting(task.network, "lasting", 1.0)
    run = rollouts.ours(task, mask, members, 8, None)
    return run, run


def supermasks() -> Case:
    """Errors of random masks of 64-75-10 on digits."""
    import strong

    from evotickets.networks import layout
    from evotickets.systems.strong import data, weights

    rng = np.random.default_rng(0)
    problem = data.draw("digits", 10, 5000, 0.07, [rng])
    network = layout.mlp(64, (75,), 10)
    parameters = weights.initialise(network, "uniform", 1.0, rng)
    genomes = rng.random((strong.GENOMES, network.kernel_count)) < 0.5
    run = strong.of_genomes(network, parameters, problem.train.x[0], problem.train.y[0], genomes)
    return run, run


def level(generations: int) -> Case:
    """One level of the first paper on MNIST: its network, 128 members, batches of 1,024; the accuracies it ends with."""
    import jax
    import jax.numpy as jnp
    from workload import BATCH, CNN, MEMBERS, data, random_mask

    from evotickets.networks import feedforward, layout
    from evotickets.trainers import evolution, objectives

    objective = objectives.supervised(CNN, random_mask(CNN, 1.0), data(), batch=BATCH)
    initial = layout.flatten(CNN, feedforward.initialise(CNN, np.random.default_rng(0)))[None]
    settings = {"trainer": "snes", "population": MEMBERS, "generations": generations, "evaluations": 1}

    def train() -> Any:
        return evolution.train(objective, jnp.asarray(initial), **settings, key=jax.random.key(0)).trajectory

    # Noise of an accelerator is drawn by another generator, so that only ends can be compared.
    return train, lambda: np.round(train().last("test/accuracy"), 1)


def cases(quick: bool) -> dict[str, Callable[[], Case]]:
    """Return all cases by name, as makers."""
    from workload import CNN, MLP

    found = {f"784-128-10 at {density:g}": lambda d=density: losses(MLP, d) for density in (1, 0.1, 0.01)}
    found |= {f"conv 8-16 at {density:g}": lambda d=density: losses(CNN, d) for density in (1, 0.1)}
    generations = 8 if quick else 256
    return {
        **found,
        "CartPole, 256 members": cartpole,
        "masks of 64-75-10": supermasks,
        f"a level of MNIST, {generations} generations": lambda: level(generations),
    }


def measure(place: Path, quick: bool) -> None:
    """Run all cases in this process; write milliseconds and values."""
    import jax

    from evotickets import devices

    devices.configure(len(os.sched_getaffinity(0)) if os.environ["JAX_PLATFORMS"] == "cpu" else 1, cache=None)
    found: dict[str, np.ndarray] = {"device": np.array(str(jax.devices()[0].device_kind))}
    for name, make in cases(quick).items():
        run, values = make()
        found[f"values {name}"] = np.asarray(values())
        times = []
        level_of_a_study = name.startswith("a level")
        if not level_of_a_study:
            # A level is timed with its compiling, as a study pays for it; of the others the first run compiles.
            jax.block_until_ready(run())
        for _ in range(1 if level_of_a_study else 3 if quick else 9):
            begin = time.perf_counter()
            jax.block_until_ready(run())
            times.append((time.perf_counter() - begin) * 1e3)
        found[f"times {name}"] = np.array(times)
        print(f"  {os.environ['JAX_PLATFORMS']}: {name}: {np.median(times):.1f} ms", flush=True)
    np.savez(place, **found)


def main() -> int:
    """Print the table; return 1 where values lie apart."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--platform", default="cuda", help="what JAX calls the accelerator (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="fewer repeats and generations")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, options.quick)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for platform in (options.platform, "cpu"):
            place = Path(folder, f"{platform}.npz")
            command = [sys.executable, __file__, "--measure", str(place), *(["--quick"] if options.quick else [])]
            if subprocess.run(command, env=os.environ | {"JAX_PLATFORMS": platform}, check=False).returncode:
                print(f"JAX computes nothing on {platform} here: install it with that, or name another --platform")
                return 1
            found[platform] = dict(np.load(place))
    theirs, ours = found["cpu"], found[options.platform]
    print(f"\n{'case':40}{str(ours['device'])[:20]:>20}{str(theirs['device'])[:20]:>20}{'times':>8}{'apart':>10}")
    apart = 0.0
    for name in (key.removeprefix("times ") for key in ours if key.startswith("times ")):
        one, other = ours[f"values {name}"], theirs[f"values {name}"]
        distance = float(np.max(np.abs(one - other)) / np.max(np.abs(other)))
        apart = max(apart, distance)
        fast, slow = (float(np.median(each[f"times {name}"])) for each in (ours, theirs))
        print(f"{name:40}{fast:17.2f} ms{slow:17.2f} ms{slow / fast:7.1f}×{distance:10.1e}")
    if apart > BOUND:
        print(f"values lie {apart:.1e} apart, more than {BOUND:g}: the accelerator computes something else")
    return int(apart > BOUND)


if __name__ == "__main__":
    sys.exit(main())
