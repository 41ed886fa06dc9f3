"""Tensors of tickets in the layers of a module, by name: `block1/kernel` is the weight of its layer `block1`.

Kernels have inputs first here (`[inputs, outputs]`, `[height, width, inputs, outputs]`) and outputs in PyTorch. Every
other tensor, such as `block1/scale`, is the parameter of that name of the layer. A mask is what `torch.nn.utils.prune` makes of
it: `weight_orig` and `weight_mask`, multiplied before every call.
"""

from collections.abc import Collection, Mapping

import numpy as np
import torch
from torch import nn
from torch.nn.utils import prune

from evotickets.interop.modules import NETWORK

Tensors = Mapping[str, np.ndarray]
KERNEL = "kernel"


def fill(module: nn.Module, parameters: Tensors, mask: Tensors) -> None:
    """Give the layers of a module the parameters of a ticket, and prune them by its masks, in place.

    Raises:
        ValueError: if a layer is missing or has another shape, or a value is not finite.
    """
    for name, array in parameters.items():
        layer, attribute = _place(module, name, parameters)
        held = getattr(layer, f"{attribute}_orig", None)
        held = getattr(layer, attribute) if held is None else held
        turned = _turned(name, _finite(name, array))
        if tuple(held.shape) != turned.shape:
            raise _misfit(name, _back(name, np.empty(held.shape)).shape, array.shape)
        with torch.no_grad():
            held.copy_(_tensor(turned))
        if name in mask:
            kept = _tensor(_turned(name, mask[name])).to(held.dtype)
            if prune.is_pruned(layer) and hasattr(layer, f"{attribute}_mask"):
                prune.remove(layer, attribute)
            # Without a graph the product is a leaf, so that the module can be copied.
            with torch.no_grad():
                prune.custom_from_mask(layer, attribute, kept)


def read(
    module: nn.Module, like: Tensors, prunable: Collection[str], zeros_are_pruned: bool | None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the parameters of a module, in the shapes of a ticket's tensors, and its masks.

    Args:
        module: with a layer for every tensor.
        like: by the names of the ticket.
        prunable: names of those that the ticket prunes.
        zeros_are_pruned: whether zeros of tensors without a mask are pruned; None refuses them.

    Raises:
        ValueError: if a layer is missing or has another shape, a value is not finite or none of float32, or it is not known
            whether zeros are pruned.
    """
    parameters, masks = {}, {}
    for name, wanted in like.items():
        layer, attribute = _place(module, name, like)
        held = getattr(layer, f"{attribute}_orig", None)
        kept = getattr(layer, f"{attribute}_mask", None)
        array = _back(name, _float32(name, getattr(layer, attribute) if held is None else held))
        if array.shape != wanted.shape:
            raise _misfit(name, array.shape, wanted.shape)
        parameters[name] = _finite(name, array)
        if kept is not None:
            masks[name] = _boolean(name, _back(name, _float32(name, kept)))
        elif name in prunable:
            masks[name] = _mask_of_zeros(name, array, zeros_are_pruned)
    return parameters, masks


def _mask_of_zeros(name: str, array: np.ndarray, zeros_are_pruned: bool | None) -> np.ndarray:
    zeros = array == 0
    # Biases begin at zero, and only those of a ticket that prunes biases are asked about.
    if zeros_are_pruned is None and zeros.any():
        raise ValueError(
            f"{name} has {int(zeros.sum())} zeros of {zeros.size} and no mask, as after prune.remove: give "
            "zeros_are_pruned=True to take them as pruned, or False to keep them"
        )
    return ~zeros if zeros_are_pruned else np.ones(array.shape, bool)


def _place(module: nn.Module, name: str, names: Tensors) -> tuple[nn.Module, str]:
    """Return the layer that has a tensor, and its attribute."""
    path, _, leaf = name.rpartition("/")
    attribute, layer = "weight" if leaf == KERNEL else leaf, path.replace("/", ".")
    for place in filter(None, (layer, f"{NETWORK}.{layer}")):
        try:
            found = module.get_submodule(place)
        except AttributeError:
            continue
        if any(isinstance(getattr(found, f"{attribute}{end}", None), torch.Tensor) for end in ("_orig", "")):
            return found, attribute
    layers = ", ".join(dict.fromkeys(key.rpartition("/")[0].replace("/", ".") for key in names))
    raise ValueError(f"the module has no {layer}.{attribute}: name its layers {layers}")


def _misfit(name: str, found: tuple[int, ...], wanted: tuple[int, ...]) -> ValueError:
    layer, _, leaf = name.rpartition("/")
    return ValueError(f"{layer} has a {leaf} of shape {found}; the network's is {wanted}")


def _float32(name: str, tensor: torch.Tensor) -> np.ndarray:
    """Return the values of a tensor of any real type that float32 holds."""
    try:
        wide = tensor.detach().cpu().to(torch.float64).numpy()
    except (RuntimeError, NotImplementedError, TypeError) as error:
        raise ValueError(f"{name} cannot be read ({error}): give an ordinary module in memory") from error
    if tensor.is_complex():
        raise ValueError(f"{name} is complex, and tickets are real: take its real part")
    with np.errstate(over="ignore"):
        array = wide.astype(np.float32)
    if not np.array_equal(array, wide, equal_nan=True):
        raise ValueError(
            f"{name} is {tensor.dtype} with values that float32 does not hold: round them by module.float()"
        )
    return array


def _finite(name: str, array: np.ndarray) -> np.ndarray:
    lost = int((~np.isfinite(array)).sum())
    if lost:
        raise ValueError(f"{name} has {lost} values that are not finite: a ticket needs numbers in all of them")
    return array


def _boolean(name: str, array: np.ndarray) -> np.ndarray:
    if not np.isin(array, (0, 1)).all():
        raise ValueError(f"the mask of {name} has other values than 0 and 1: a ticket keeps a weight or does not")
    return array != 0


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def _turned(name: str, array: np.ndarray) -> np.ndarray:
    """Bring a kernel's outputs and inputs to the front, where PyTorch has them."""
    if not name.endswith(f"/{KERNEL}") or array.ndim < 2:
        return array
    return array.transpose(array.ndim - 1, array.ndim - 2, *range(array.ndim - 2))


def _back(name: str, array: np.ndarray) -> np.ndarray:
    if not name.endswith(f"/{KERNEL}") or array.ndim < 2:
        return np.ascontiguousarray(array)
    return np.ascontiguousarray(array.transpose(*range(2, array.ndim), 1, 0))
