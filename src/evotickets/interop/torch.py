"""A way out and back: tickets of a study as ordinary PyTorch modules, and pruned modules as tickets.

    module = export("results/tickets/digits/snes/snr/level05/ticket.parquet", seed=0)
    torch.optim.SGD(module.parameters(), lr=0.1)       # moves survivors only
    save(module, "lottery-digits")                     # safetensors and a model card; load("lottery-digits") reads them

A module computes what the study trained: its network and activation, and the observation normaliser of a policy. What cannot
be had so is refused.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from evotickets import results, tasks
from evotickets.interop import modules, tensors
from evotickets.interop.card import ABOUT, describe_ticket
from evotickets.interop.modules import describe
from evotickets.interop.saved import load, save
from evotickets.networks.layout import Network

__all__ = ["describe", "export", "from_module", "import_back", "load", "save", "to_module"]

Weights = Literal["initial", "trained"]
_CHECKED = 16
"""Random inputs on which a module of one's own is held against the network of the study."""


def export(
    path: str | Path,
    *,
    seed: int = 0,
    weights: Weights = "initial",
    input_shape: tuple[int, ...] | None = None,
    activation: str | None = None,
    actions: bool = False,
    module: nn.Module | None = None,
) -> nn.Module:
    """Return a ticket of a study as a PyTorch module whose kernels are pruned by `torch.nn.utils.prune`.

    The module takes inputs [B, *input_shape] of the study's task. A trained policy normalises raw observations as its
    training did, and gives the outputs of its network: the environment chooses the largest, or squashes them to its bounds.

    Args:
        path: a ticket of a study.
        seed: one of its seeds.
        weights: the ticket's initial weights, or the trained ones.
        input_shape: of one input, where the file does not say the task or its data alone know.
        activation: between layers, relu or tanh, where the file does not say it.
        actions: whether a policy gives the action that the environment takes instead of the outputs of its network.
        module: for a network of one's own, a module with a layer for each of its own, by their names; it is filled in place,
            and held against the network on random inputs.

    Raises:
        ResultError: if the file is missing, damaged or no ticket.
        ValueError: if it does not have the seed, was not trained, does not say what its network computes, or has values that
            are not finite; or if the module computes something else.
    """
    ticket = results.read_ticket(path)
    if seed not in ticket.seeds:
        raise ValueError(f"{path} has no seed {seed}; it has {', '.join(map(str, ticket.seeds))}")
    held = ticket.initial if weights == "initial" else ticket.mean
    if held is None:
        raise ValueError(f"{path} was not trained: export its initial weights")
    settings = _settings(path)
    row = ticket.seeds.index(seed)
    chosen, mask, statistics = (
        {name: array[row] for name, array in part.items()} for part in (held, ticket.mask, ticket.statistics)
    )
    input_shape = input_shape or _input_shape(settings)
    if "network" in settings:
        network, checked = _of_functions(path, settings, held, module)
    else:
        if module is not None:
            raise ValueError(f"{path} is a network of layers, which needs no module: leave it out")
        described = describe(held, input_shape, _activation(path, settings, activation))
        network, checked = nn.Sequential(modules.feedforward(described)), False
        input_shape, settings = described.input_shape, settings | {"activation": described.activation}
    tensors.fill(network, chosen, mask)
    if checked:
        _refuse_other_function(path, settings, network, chosen, mask, input_shape)
    before, after = _normaliser(path, settings, statistics, weights), _action(path, settings) if actions else {}
    parts = network.named_children() if type(network) is nn.Sequential else ((modules.NETWORK, network),)
    if before or after:
        network = nn.Sequential(OrderedDict([*before.items(), *parts, *after.items()]))
    about = describe_ticket(path, seed, weights, chosen, mask, settings, input_shape)
    setattr(network, ABOUT, about | {"action": next(iter(after), ""), "own": checked})
    return network


def import_back(
    modules: Sequence[nn.Module],
    like: str | Path,
    path: str | Path,
    *,
    zeros_are_pruned: bool | None = None,
    input_shape: tuple[int, ...] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write pruned modules, one a seed, as the ticket of a study; their weights become its initial ones.

    Weights of half precision are taken as they are, which float32 holds exactly.

    Args:
        modules: with a layer for each layer of the ticket, pruned by `torch.nn.utils.prune` or whole.
        like: the ticket that they were exported from, which says the network, its seeds, and the observation
            normaliser's statistics.
        path: where to write.
        zeros_are_pruned: whether zeros of a layer without a mask are pruned, as `prune.remove` leaves them. Without a word
            such zeros are refused.
        input_shape: not needed; kept for callers of before.
        metadata: kept in the file, beside what `like` says of its study.

    Raises:
        ResultError: if `like` cannot be read or the disk refuses.
        ValueError: if there are other than one module a seed, one does not fit, has values that are not finite or that float32
            does not hold, or zeros of which it is not known whether they are pruned.
    """
    del input_shape
    ticket = results.read_ticket(like)
    if len(modules) != len(ticket.seeds):
        raise ValueError(f"{like} has {len(ticket.seeds)} seeds, but there are {len(modules)} modules: give one a seed")
    known = {name: array[0] for name, array in ticket.initial.items()}
    found = [tensors.read(module, known, ticket.mask, zeros_are_pruned) for module in modules]
    _refuse_mixed([masks for _, masks in found])
    parameters, masks = (
        {name: np.stack([part[side][name] for part in found]) for name in found[0][side]} for side in (0, 1)
    )
    said = results.read_metadata(like)["metadata"] | dict(metadata or {})
    results.write_ticket(path, results.Ticket(ticket.seeds, parameters, masks, statistics=ticket.statistics), said)


def to_module(network: Network, parameters: tensors.Tensors, mask: tensors.Tensors) -> nn.Sequential:
    """Return a module that maps inputs [B, *input_shape] to what `networks.apply` gives, pruned by the mask.

    Its layers have the names of the network's.
    """
    module = nn.Sequential(modules.feedforward(network))
    tensors.fill(module, parameters, mask)
    return module


def from_module(
    network: Network, module: nn.Module, *, zeros_are_pruned: bool | None = None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the parameters and the mask of a module with a layer for every layer of the network, pruned or not.

    Raises:
        ValueError: as `import_back`.
    """
    like = {parameter.name: np.empty(parameter.shape) for parameter in network.parameters}
    prunable = {parameter.name for parameter in network.prunable}
    return tensors.read(module, like, prunable, zeros_are_pruned)


def _settings(path: str | Path) -> dict[str, Any]:
    """Return what the study says of a ticket's network and task, as far as its file knows."""
    config = results.read_metadata(path)["metadata"].get("config", {})
    # Mother networks of planted tickets are perceptrons.
    return dict(config.get("network", {"activation": "relu"} if "target" in config else {}))


def _input_shape(settings: Mapping[str, Any]) -> tuple[int, ...] | None:
    facts = tasks.ALL.get(settings.get("task", ""))
    return (facts.input_shape or None) if facts else None


def _activation(path: str | Path, settings: Mapping[str, Any], given: str | None) -> str:
    said = settings.get("activation")
    if said is None and settings.get("task") in tasks.ALL:
        said = "tanh" if tasks.is_control(settings["task"]) else "relu"
    if said is None and given is None:
        raise ValueError(f"{path} does not say what lies between its layers: give activation='relu' or 'tanh'")
    if given is not None and given not in modules.ACTIVATIONS:
        raise ValueError(f"unknown activation {given!r}; known are {', '.join(modules.ACTIVATIONS)}")
    if None not in (said, given) and said != given:
        raise ValueError(f"{path} was trained with {said}, not {given}: leave activation out")
    return said or given or ""


def _of_functions(
    path: str | Path, settings: Mapping[str, Any], held: tensors.Tensors, module: nn.Module | None
) -> tuple[nn.Module, bool]:
    """Return the module of a network of functions, and whether it is one's own."""
    name = settings["network"]["network"]
    if module is not None:
        return module, True
    if name not in modules.KNOWN:
        raise ValueError(
            f"{path} has the network {name!r}, whose functions PyTorch cannot run: give module=, a module of your own with "
            f"layers named {', '.join(dict.fromkeys(tensor.rpartition('/')[0].replace('/', '.') for tensor in held))}"
        )
    return modules.KNOWN[name](held), False


def _refuse_other_function(
    path: str | Path,
    settings: Mapping[str, Any],
    module: nn.Module,
    parameters: tensors.Tensors,
    mask: tensors.Tensors,
    input_shape: tuple[int, ...] | None,
) -> None:
    """Hold a module of one's own against the network that was trained, on random inputs."""
    # JAX, which takes half a second, is needed for a few networks alone.
    import jax
    import jax.numpy as jnp

    from evotickets.networks import network
    from evotickets.networks.functions import describe as describe_functions

    options = dict(settings["network"])
    name = options.pop("network")
    if name not in network:
        raise ValueError(
            f"the network {name!r} is in a file of the study: import that before, so that the two can be compared"
        )
    if input_shape is None:
        raise ValueError(f"{path} does not say the shape of its inputs: give input_shape=")
    x = np.random.default_rng(0).normal(size=(_CHECKED, *input_shape)).astype(np.float32)
    was = module.training
    with torch.no_grad():
        mine = module.eval()(torch.from_numpy(x)).float().numpy()
    module.train(was)
    described = describe_functions(name, input_shape, mine.shape[-1], options)
    pruned = {key: array * mask[key] if key in mask else array for key, array in parameters.items()}
    theirs = np.asarray(described.apply(jax.tree.map(jnp.asarray, pruned), jnp.asarray(x)))
    if mine.shape != theirs.shape or not np.allclose(mine, theirs, rtol=1e-3, atol=1e-4):
        away = (
            f"by up to {np.abs(mine - theirs).max():.3g}" if mine.shape == theirs.shape else f"in shape, {mine.shape}"
        )
        raise ValueError(
            f"the module computes something else than {name!r}: on random inputs their outputs differ {away}"
        )


def _normaliser(
    path: str | Path, settings: Mapping[str, Any], statistics: tensors.Tensors, weights: Weights
) -> dict[str, nn.Module]:
    """Return the normaliser of a trained policy; initial weights have seen nothing, and see observations as they are."""
    control = settings.get("task") in tasks.CONTROL
    if weights == "initial" or not (statistics or control):
        return {}
    if not statistics and settings.get("normalise", True):
        raise ValueError(
            f"{path} has no statistics of observations, without which its policy is another: train it again"
        )
    if not statistics or not statistics["count"] > 0:
        return {}
    # JAX, which takes half a second, is needed for policies alone.
    from evotickets.trainers.rollouts import STD_FLOOR

    std = np.maximum(np.sqrt(statistics["m2"] / np.maximum(statistics["count"], 1)), np.float32(STD_FLOOR))
    return {"normalise": modules.Normalise(statistics["mean"], std)}


def _action(path: str | Path, settings: Mapping[str, Any]) -> dict[str, nn.Module]:
    """Return what turns the outputs of a policy into the action that its environment takes."""
    name = settings.get("task", "")
    if name not in tasks.CONTROL:
        raise ValueError(f"{path} is of no control task that is known here: leave actions out")
    task = tasks.control(name, **{key: settings[key] for key in tasks.options() if key in settings})
    if task.discrete:
        return {"largest": modules.Largest()}
    if settings.get("raw_outputs"):
        return {}
    if task.bounds is None:
        raise ValueError(
            f"{name} does not say the bounds of its actions: leave actions out, and squash the outputs as it does"
        )
    return {"stretch": modules.Stretch(*map(np.asarray, task.bounds))}


def _refuse_mixed(masks: Sequence[Mapping[str, Any]]) -> None:
    """Refuse modules of which some prune a tensor, such as a bias, and others do not."""
    for name in set().union(*masks):
        if not all(name in part for part in masks):
            raise ValueError(
                f"some modules have a mask of {name} and some have none: prune it in all of them or in none"
            )
