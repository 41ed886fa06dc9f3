"""Networks of this package as PyTorch modules and back: a mask is what `torch.nn.utils.prune` makes of it.

A pruned module has `weight_orig` and `weight_mask`, and multiplies them before every call, so that training it moves
survivors only. Arrays have the names and shapes of tickets (`dense1/kernel` [inputs, outputs], `conv1/kernel` [height,
width, inputs, outputs]).
"""

from collections import OrderedDict
from collections.abc import Mapping

import numpy as np
import torch
from torch import nn
from torch.nn.utils import prune

from evotickets.networks.layout import Layer, Network

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}
Tensors = Mapping[str, np.ndarray]


class _ChannelsFirst(nn.Module):
    """Images as this package has them, as PyTorch wants them."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.permute(0, 3, 1, 2)


class _ChannelsLast(nn.Module):
    """The other way round, so that a dense layer finds its inputs in this package's order."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.permute(0, 2, 3, 1)


def to_module(network: Network, parameters: Tensors, mask: Tensors) -> nn.Sequential:
    """Return a module that maps inputs [B, *input_shape] to what `networks.apply` gives, pruned by the mask.

    Its layers have the names of the network's.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    images = False
    module: nn.Conv2d | nn.Linear
    for index, layer in enumerate(network.layers):
        if layer.is_convolution:
            if not images:
                layers["channels_first"] = _ChannelsFirst()
            height, _, inputs, outputs = layer.kernel_shape
            images, module = True, nn.Conv2d(inputs, outputs, height, padding="same")
        else:
            if images:
                layers["channels_last"] = _ChannelsLast()
            if index == 0 or images:
                layers["flatten"] = nn.Flatten()
            inputs, outputs = layer.kernel_shape
            images, module = False, nn.Linear(inputs, outputs)
        with torch.no_grad():
            module.weight.copy_(_tensor(_turned(parameters[f"{layer.name}/kernel"])))
            module.get_parameter("bias").copy_(_tensor(parameters[f"{layer.name}/bias"]))
        kept = _tensor(_turned(mask[f"{layer.name}/kernel"]))
        layers[layer.name] = prune.custom_from_mask(module, "weight", kept.to(torch.float32))
        if layer.is_convolution or index < len(network.layers) - 1:
            layers[f"{layer.name}_{network.activation}"] = ACTIVATIONS[network.activation]()
        if layer.is_convolution:
            layers[f"{layer.name}_pool"] = nn.MaxPool2d(2)
    return nn.Sequential(layers)


def from_module(network: Network, module: nn.Module) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the parameters and the mask of a module with a layer for every layer of the network, pruned or not.

    Raises:
        ValueError: if a layer is missing or has another shape.
    """
    held = module.state_dict()
    parameters, masks = {}, {}
    for layer in network.layers:
        name = f"{layer.name}.weight_orig" if f"{layer.name}.weight_orig" in held else f"{layer.name}.weight"
        for key in (name, f"{layer.name}.bias"):
            if key not in held:
                raise ValueError(
                    f"the module has no {key}: name its layers {', '.join(own.name for own in network.layers)}"
                )
        kernel = _back(held[name].cpu().numpy())
        if kernel.shape != layer.kernel_shape:
            raise ValueError(
                f"{layer.name} has a kernel of shape {kernel.shape}; the network's is {layer.kernel_shape}"
            )
        mask = held.get(f"{layer.name}.weight_mask")
        parameters[f"{layer.name}/kernel"] = kernel
        parameters[f"{layer.name}/bias"] = _bias(layer, held[f"{layer.name}.bias"].cpu().numpy())
        masks[f"{layer.name}/kernel"] = np.ones(kernel.shape, bool) if mask is None else _back(mask.cpu().numpy()) != 0
    return parameters, masks


def _bias(layer: Layer, bias: np.ndarray) -> np.ndarray:
    if bias.shape != (layer.outputs,):
        raise ValueError(f"{layer.name} has a bias of shape {bias.shape}; the network's is ({layer.outputs},)")
    return bias


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def _turned(kernel: np.ndarray) -> np.ndarray:
    """Bring a kernel's outputs and inputs to the front, where PyTorch has them."""
    return kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T


def _back(weight: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(weight.transpose(2, 3, 1, 0) if weight.ndim == 4 else weight.T)
