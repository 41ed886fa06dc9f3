"""Logits of a model on images, and the statistics of its batch norms."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import nn


class Samples(NamedTuple):
    """Images and how a model wants them.

    Attributes:
        images: uint8 [n, height, width, channels].
        labels: int64 [n].
        mean: of a channel, in [0, 1]; subtracted.
        std: of a channel, in [0, 1]; divided by.
    """

    images: np.ndarray
    labels: np.ndarray
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def batches(self, size: int, device: torch.device) -> Iterator[torch.Tensor]:
        """Yield normalised images [size, channels, height, width], the last ones perhaps fewer."""
        mean, std = (torch.tensor(values, device=device) * 255 for values in (self.mean, self.std))
        for start in range(0, len(self.images), size):
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


@torch.inference_mode()
def logits(model: nn.Module, samples: Samples, batch: int) -> np.ndarray:
    """Return logits [n, O], float32.

    Raises:
        ValueError: if the model gives something else than logits of every image.
    """
    device = next(model.parameters()).device
    outputs = []
    for part in samples.batches(batch, device):
        out = model(part)
        out = getattr(out, "logits", out)
        if not isinstance(out, torch.Tensor) or out.ndim != 2 or len(out) != len(part):
            shape = tuple(out.shape) if isinstance(out, torch.Tensor) else type(out).__name__
            raise ValueError(f"the model gives {shape} for {len(part)} images; it must give logits [images, classes]")
        if out.shape[1] <= samples.labels.max():
            raise ValueError(
                f"the model tells {out.shape[1]} classes apart, the labels go up to {samples.labels.max()}: "
                "name the data that it was trained on"
            )
        outputs.append(out.float().cpu().numpy())
    return np.concatenate(outputs)


@contextmanager
def estimated_batch_norm(model: nn.Module, samples: Samples, batch: int) -> Iterator[None]:
    """Give all batch norms the statistics of these images under the present weights for a while.

    Source: Izmailov et al. (2018), "Averaging weights leads to wider optima and better generalization", §3.2.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    kept = [({name: buffer.clone() for name, buffer in norm.named_buffers()}, norm.momentum) for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    try:
        with torch.no_grad():
            for part in samples.batches(batch, next(model.parameters()).device):
                model(part)
        for norm in norms:
            norm.eval()
        yield
    finally:
        for norm, (buffers, momentum) in zip(norms, kept, strict=True):
            norm.momentum = momentum
            norm.eval()
            for name, buffer in norm.named_buffers():
                buffer.copy_(buffers[name])
