"""Which densities a method can give a network: those at which the table says what is kept."""

from collections.abc import Mapping
from math import prod
from typing import Any

from evotickets import tasks
from evotickets.configuration.reader import StudyError
from evotickets.networks import architectures
from evotickets.networks.description import Description
from evotickets.pruning.layer_densities import LAYER_DENSITIES
from evotickets.systems.hybrid import SMALL, blocks

MISSED = 0.1
"""Blocks that stick out of a kernel may make the network's density miss the one that is asked by this share of it."""


def network_of(settings: Mapping[str, Any]) -> Description:
    """Describe the network of a task's settings."""
    return architectures.build(*_borders(settings), settings)


def _borders(settings: Mapping[str, Any]) -> tuple[tuple[int, ...], int]:
    facts = tasks.READ[settings["task"]]
    return facts.input_shape, facts.classes


def check(
    where: str,
    name: str,
    options: Mapping[str, Any],
    task: str,
    settings: Mapping[str, Any],
    density: float,
    share_out: str,
) -> None:
    """Refuse a density that is shared out over layers so that one keeps nothing, or all other shares than the table says.

    Raises:
        StudyError: if it does.
    """
    at = f"{where}: {name} at density {density:g}"
    if "network" in settings:
        if options["method"] == SMALL:
            raise StudyError(
                f"{at} narrows layers, and {task} has a network of functions, which tells of none; leave it out"
            )
        return
    whole = network_of(settings)
    if options["method"] == SMALL:
        narrow, _ = architectures.small(*_borders(settings), settings, density)
        if narrow.kernel_count > round(density * whole.kernel_count):
            raise StudyError(
                f"{at} is to have {round(density * whole.kernel_count)} weights on {task}, but the narrowest network has "
                f"{narrow.kernel_count}; raise the density"
            )
        return
    rows, columns = options.get("block", (1, 1))
    kernels = {kernel.name: blocks.grid(kernel.shape, (rows, columns)) for kernel in whole.prunable}
    of = "weights" if (rows, columns) == (1, 1) else f"blocks of {rows}×{columns}"
    counts = LAYER_DENSITIES[share_out](list(kernels.values()), density)
    everything = sum(map(prod, kernels.values()))
    if share_out == "uniform":
        for kernel, grid in kernels.items():
            if round(density * prod(grid)) < 1:
                raise StudyError(f"{at} keeps none of the {prod(grid)} {of} of {kernel} of {task}; raise the density")
    elif counts.sum() > max(1, round(density * everything)):
        raise StudyError(f"{at} keeps fewer {of} than {task} has layers; raise the density")
    found = [
        blocks.entries(kernel.shape, (rows, columns), int(n)) for kernel, n in zip(whole.prunable, counts, strict=True)
    ]
    least, most = map(sum, zip(*found, strict=True))
    wanted = density * whole.kernel_count
    if of != "weights" and not (1 - MISSED) * wanted <= least <= most <= (1 + MISSED) * wanted:
        raise StudyError(
            f"{at} keeps {least} to {most} of the {whole.kernel_count} weights of {task}, because its {of} do not divide "
            "the layers; choose smaller ones or another density"
        )
