"""Logits of a model on images, and the statistics of its batch norms."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from evotickets.systems.subspace import batch
from evotickets.systems.subspace.frozen import Frozen
from evotickets.systems.subspace.group import Group
from evotickets.tasks.registry import Inputs


class Samples(NamedTuple):
    """Images and how a model wants them.

    Attributes:
        images: uint8 [n, height, width, channels], or inputs [n, …] as the model takes them where there is no scale: one array,
            or several by name.
        labels: int64 [n].
        mean: of a channel, in [0, 1]; subtracted.
        std: of a channel, in [0, 1]; divided by.
    """

    images: Inputs
    labels: np.ndarray
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def batches(self, size: int, device: torch.device) -> Iterator[batch.Batch]:
        """Yield normalised images [size, channels, height, width], or inputs [size, …], the last ones perhaps fewer."""
        starts = range(0, len(self.labels), size)
        if isinstance(self.images, Mapping):
            for start in starts:
                parts = {name: one[start : start + size] for name, one in self.images.items()}
                yield {name: torch.from_numpy(part).to(device) for name, part in batch.trimmed(parts).items()}
            return
        if not self.mean:
            yield from (torch.from_numpy(self.images[start : start + size]).to(device) for start in starts)
            return
        mean, std = (torch.tensor(values, device=device) * 255 for values in (self.mean, self.std))
        for start in starts:
            part = torch.from_numpy(self.images[start : start + size]).to(device)
            # Channels stay last in memory, where convolutions are a sixth faster on a CPU.
            yield ((part - mean) / std).permute(0, 3, 1, 2)


def configure(threads: int) -> torch.device:
    """Give torch this many threads and deterministic kernels; return the device: a GPU if there is one."""
    # cuBLAS is deterministic only with a workspace of its own.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def inputs(model: nn.Module, samples: Samples, size: int) -> Iterator[batch.Batch]:
    """Yield batches of images on the device of a model and of its kind of numbers."""
    first = next((parameter for parameter in model.parameters() if parameter.is_floating_point()), torch.zeros(1))

    def real(part: torch.Tensor) -> torch.Tensor:
        return part.to(first.dtype) if part.is_floating_point() else part

    for part in samples.batches(size, first.device):
        yield {name: real(one) for name, one in part.items()} if isinstance(part, Mapping) else real(part)


def logits_of(out: Any) -> Any:
    """Return the logits of what a model gives: `logits` of a dictionary or an object, or what it gives itself."""
    return out.get("logits", out) if isinstance(out, Mapping) else getattr(out, "logits", out)


def logits(
    model: nn.Module, samples: Samples, size: int, frozen: Frozen | None = None, group: Group | None = None
) -> np.ndarray:
    """Return logits [n, O], float32, or [children, n, O] of a group of children of the model.

    What does not mutate need not be computed again where `frozen` remembers it.

    Raises:
        ValueError: if the model gives something else than logits of every image.
    """
    # Of tensors of inference mode nobody can tell whether they were written to.
    with torch.no_grad() if frozen else torch.inference_mode():
        return _logits(model, samples, size, frozen, group)


def _logits(model: nn.Module, samples: Samples, size: int, frozen: Frozen | None, group: Group | None) -> np.ndarray:
    outputs = []
    for number, part in enumerate(inputs(model, samples, size)):
        read = partial(_read, samples=samples, count=min(size, len(samples.labels) - number * size))
        with frozen.part(samples, number) if frozen else nullcontext():
            out = group.ask(part, read) if group else read(batch.call(model, part))
        outputs.append(out.float().cpu().numpy())
    return np.concatenate(outputs, axis=-2)


def _read(out: Any, samples: Samples, count: int) -> torch.Tensor:
    """Return the logits [n, O] of what a model gives for as many samples."""
    out = logits_of(out)
    if not isinstance(out, torch.Tensor) or out.ndim != 2 or len(out) != count:
        shape = tuple(out.shape) if isinstance(out, torch.Tensor) else type(out).__name__
        if isinstance(out, Mapping):
            shape = f"{shape} of {', '.join(map(str, out))}"
        raise ValueError(f"the model gives {shape} for {count} images; it must give logits [images, classes]")
    if out.shape[1] <= samples.labels.max():
        raise ValueError(
            f"the model tells {out.shape[1]} classes apart, the labels go up to {samples.labels.max()}: "
            "name the data that it was trained on"
        )
    return out


class _Reached(Exception):
    """The input of a layer is known, and no layer behind it is asked."""


class _Moments:
    """Mean and variance of every channel over all images and pixels that a layer was given, and how often it was called."""

    def __init__(self) -> None:
        self.calls, self.count = 0, 0
        self.total: torch.Tensor | float = 0.0
        self.squares: torch.Tensor | float = 0.0

    def add(self, x: torch.Tensor) -> None:
        """Take in inputs [B, channels, …]."""
        self.calls += 1
        wide = x.double()
        axes = [axis for axis in range(x.ndim) if axis != 1]
        self.count += x.numel() // x.shape[1]
        self.total, self.squares = self.total + wide.sum(axes), self.squares + wide.square().sum(axes)

    def give(self, norm: Any) -> None:
        """Let a batch norm have these statistics; the variance is that of a sample, as torch keeps it."""
        mean = torch.as_tensor(self.total) / self.count
        variance = (torch.as_tensor(self.squares) - self.count * mean.square()) / max(1, self.count - 1)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance.clamp(min=0))


def _called(model: nn.Module, norms: Sequence[nn.Module], part: batch.Batch) -> list[nn.Module]:
    """Return the batch norms in the order in which a pass calls them, one that is called again as often."""
    order: list[nn.Module] = []
    hooks = [norm.register_forward_pre_hook(lambda norm, _: order.append(norm)) for norm in norms]
    try:
        batch.call(model, part)
    finally:
        for hook in hooks:
            hook.remove()
    return order


@contextmanager
def estimated_batch_norm(model: nn.Module, samples: Samples, size: int) -> Iterator[None]:
    """Give all batch norms the statistics of these images under the present weights for a while.

    Layer by layer: each has those of all images, given the statistics of the layers before it. So images count alike, however
    many of them are evaluated at once. It takes half as many passes as there are batch norms.

    Source: Izmailov et al. (2018), "Averaging weights leads to wider optima and better generalization", §3.2.
    Deviates: there statistics are means over batches, each normalised by itself.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    norms = [norm for norm in norms if norm.running_mean is not None]
    kept = [{name: buffer.clone() for name, buffer in norm.named_buffers()} for norm in norms]
    try:
        with torch.no_grad():
            order = _called(model, norms, next(inputs(model, samples, 2))) if norms else []
            for norm in dict.fromkeys(order):
                _estimate(model, norm, order.count(norm), inputs(model, samples, size))
        yield
    finally:
        for norm, buffers in zip(norms, kept, strict=True):
            for name, buffer in norm.named_buffers():
                buffer.copy_(buffers[name])


def _estimate(model: nn.Module, norm: nn.Module, calls: int, batches: Iterator[batch.Batch]) -> None:
    """Give one batch norm the statistics of its inputs, which a pass brings it as often as `calls` says."""
    moments = _Moments()

    def take(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        moments.add(inputs[0])
        if moments.calls % calls == 0:
            raise _Reached

    hook = norm.register_forward_pre_hook(take)
    try:
        for part in batches:
            with suppress(_Reached):
                batch.call(model, part)
    finally:
        hook.remove()
    moments.give(norm)
