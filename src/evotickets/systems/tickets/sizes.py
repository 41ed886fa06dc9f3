"""What the networks and trainings of a study come to, as far as is known before any job."""

from itertools import pairwise
from math import prod
from typing import Any

from evotickets import tasks
from evotickets.configuration import limits
from evotickets.configuration.reader import StudyError
from evotickets.networks import layout, masks
from evotickets.networks.layout import Network


def described(settings: dict[str, Any]) -> Network | None:
    """Describe the network of a task's settings; only its jobs know the size of an environment that does not tell."""
    task = tasks.ALL[settings["task"]]
    if "network" in settings:
        return None
    return layout.build(task.input_shape, task.width, settings) if task.input_shape else None


def refuse_indistinct(name: str, settings: dict[str, Any], densities: list[float]) -> None:
    """Refuse a level that keeps nothing, or as many weights as the level before; own networks are known only to jobs.

    Raises:
        StudyError: names the density, or the network that is too large or too deep.
    """
    if "network" in settings:
        return
    if "channels" in settings:
        task = tasks.SUPERVISED[settings["task"]]
        if len(task.input_shape) != 3:
            raise StudyError(f"tickets.tasks.{name} has no images for 'channels'; use 'hidden'")
        height, width, _ = task.input_shape
        poolings = len(settings["channels"])
        if min(height, width) >> poolings == 0:
            raise StudyError(
                f"tickets.tasks.{name}.channels has {poolings} entries, each halving an image of {height}×{width} "
                "until nothing is left; shorten it"
            )
    built = described(settings)
    if built is None:
        return
    limits.check_weights(built.parameter_count, f"tickets.tasks.{name}")
    if round(densities[-1] * built.kernel_count) < 1:
        raise StudyError(
            f"tickets.densities has {densities[-1]:g}, which keeps none of the {built.kernel_count} weights of "
            f"tickets.tasks.{name}; raise it"
        )
    for higher, lower in pairwise(densities):
        if masks.kept_count(higher, built.kernel_count) == masks.kept_count(lower, built.kernel_count):
            raise StudyError(
                f"tickets.densities {higher} and {lower} keep equally many of the {built.kernel_count} weights of "
                f"tickets.tasks.{name}; drop one of them"
            )


def refuse_too_large(where: str, network: dict[str, Any], settings: dict[str, Any]) -> None:
    """Refuse a training whose members, samples or episodes no memory holds.

    Raises:
        StudyError: names what is too large.
    """
    built, inputs = described(network), prod(tasks.ALL[network["task"]].input_shape)
    if built is not None and "population" in settings:
        limits.check_memory(where, members=settings["population"], weights=built.parameter_count)
    members = {"members": settings["population"]} if "population" in settings else {}
    for sizes in (("batch",), ("episodes",), ("environments", "rollout")):
        if sizes[0] in settings:
            outputs = {} if "batch" in sizes and members else {"inputs": inputs}
            limits.check_memory(where, **members, **{size: settings[size] for size in sizes}, **outputs)
