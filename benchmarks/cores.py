"""The best use of two cores: two jobs with a core each, or one job with both.

Rollouts: CartPole, 256 members, 8 episodes that last to the end. Images: one generation of PGPE on the perceptron
784-128-10, dense and at density .05. Each way works for a while; a row compares generations a second of all jobs together.
"""

import multiprocessing
import os
import time
from collections.abc import Callable
from typing import Any

import generations
import numpy as np
import rollouts
from timing import row
from workload import MLP, random_mask

from evotickets import devices, tasks

SECONDS = 10.0
WAYS = {"one job, two devices": (1, 2, True), "one job, one device": (1, 2, False)}
"""Jobs, cores a job, and whether the population is spread over them; held against two jobs with a core each."""

WORK = ("rollouts", "dense images", "sparse images")


def work(name: str, spread: bool) -> Callable[[], Any]:
    """Return a call that does so many generations as `GENERATIONS`; only rollouts are spread over devices."""
    if name == "rollouts":
        task = tasks.control("cartpole")
        mask, members = rollouts.setting(task.network, "lasting", 1.0)
        once = rollouts.ours(task, mask, members, 8, devices.mesh() if spread else None)
        return lambda: [once() for _ in range(generations.GENERATIONS)]
    return generations.ours(MLP, random_mask(MLP, 1.0 if name == "dense images" else 0.05), "pgpe")


def job(name: str, cores: list[int], spread: bool, barrier, done) -> None:
    """Run generations for a while on some cores and report how many a second."""
    os.sched_setaffinity(0, cores)
    devices.configure(len(cores), rollouts=name == "rollouts", cache=None)
    case = work(name, spread)
    case()
    barrier.wait()
    begin, count = time.perf_counter(), 0
    while time.perf_counter() - begin < SECONDS:
        case()
        count += generations.GENERATIONS
    done.put(count / (time.perf_counter() - begin))


def rate(name: str, jobs: int, cores: int, spread: bool) -> float:
    """Return the generations a second of some jobs at work at the same time."""
    free = sorted(os.sched_getaffinity(0))
    context = multiprocessing.get_context("spawn")
    barrier, done = context.Barrier(jobs), context.Queue()
    running = [
        context.Process(target=job, args=(name, free[index * cores : (index + 1) * cores], spread, barrier, done))
        for index in range(jobs)
    ]
    for process in running:
        process.start()
    found = sum(done.get(timeout=300) for _ in running)
    for process in running:
        process.join()
    return found


def rows(quick: bool) -> list[dict[str, Any]]:
    """Compare two jobs with a core each with the other ways."""
    if len(os.sched_getaffinity(0)) < 2:
        print("one core: there is nothing to share")
        return []
    found = []
    for name in WORK:
        ways = {"two jobs": (2, 1, False), **{k: v for k, v in WAYS.items() if name == "rollouts" or not v[2]}}
        times: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(1 if quick else 3):
            for way, arguments in ways.items():
                times[way].append(1e3 / rate(name, *arguments))
        own = np.array(times.pop("two jobs"))
        density = 0.05 if name == "sparse images" else 1.0
        found += [row("cores", f"{name}, two jobs of one core", density, own, w, np.array(t)) for w, t in times.items()]
    return found
