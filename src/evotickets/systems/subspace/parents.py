"""Parents: PyTorch models by import path and keyword arguments, and the checkpoints that give them their weights.

A model maps images [B, channels, height, width] to logits [B, O], or to something that holds them as `logits`, as
models of Hugging Face do.
"""

import importlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn


def build(path: str, arguments: Mapping[str, Any]) -> nn.Module:
    """Call what an import path names, such as `torchvision.models.resnet50`, with keyword arguments.

    Source: the `_target_` convention of Hydra.

    Raises:
        ValueError: if the path cannot be imported, the call fails, what it returns is no `nn.Module`, or a weight is NaN.
    """
    named, rest = None, path
    parts = path.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:cut])
        try:
            named, rest = importlib.import_module(name), ".".join(parts[cut:])
            break
        except ModuleNotFoundError as error:
            # What is missing may also be something that an existing module needs.
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise ValueError(f"the model {path} needs {error.name}, which is not installed: install it") from error
        except Exception as error:
            raise ValueError(f"the model {path} cannot be imported ({_first_line(error)}): mend {name}") from error
    if named is None:
        raise ValueError(
            f"the model {path} cannot be imported: there is no module {parts[0]}; install it or mend the path"
        )
    for part in rest.split("."):
        if not hasattr(named, part):
            raise ValueError(f"the model {path} cannot be imported: {name} has no {rest}; mend the path")
        named = getattr(named, part)
    if not callable(named):
        raise ValueError(f"the model {path} is no class or function: name what returns an nn.Module")
    try:
        model = named(**arguments)
    except Exception as error:
        given = ", ".join(arguments) or "no arguments"
        raise ValueError(f"the model {path} cannot be built with {given} ({_first_line(error)}): mend them") from error
    if not isinstance(model, nn.Module):
        raise ValueError(f"the model {path} gave {type(model).__name__}, which is no nn.Module: name one")
    _check_finite(model.state_dict(), f"the model {path}")
    return model.eval()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def load(model: nn.Module, checkpoint: str | Path) -> None:
    """Give a model the weights of a file: a state dict, by itself or as `state_dict` among other things.

    The prefix `module.` that `DataParallel` leaves is dropped. Files are read with `weights_only`, so that none can run
    code.

    Raises:
        ValueError: if the file is no checkpoint, lacks or has keys that the model does not, or has other shapes or NaN.
        FileNotFoundError: if it is missing.
    """
    path = Path(checkpoint)
    if not path.is_file():
        raise FileNotFoundError(
            f"the checkpoint {path} is missing: put it there, or let EVOTICKETS_DATA name the folder that holds it"
        )
    try:
        # PyTorch reads an archive without a look at the checksums in it.
        damaged = zipfile.ZipFile(path).testzip() if zipfile.is_zipfile(path) else None
        if damaged is not None:
            raise ValueError(f"{damaged} has another checksum")
        content = torch.load(path, map_location="cpu", weights_only=True)
    # What is no checkpoint fails in torch's reader in any way there is, as a KeyError for one.
    except Exception as error:
        raise ValueError(f"{path} is damaged or no checkpoint of weights only: fetch it anew") from error
    state = content.get("state_dict", content) if isinstance(content, dict) else content
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in state.items()
    ):
        raise ValueError(
            f"{path} holds no state dict of tensors: name a file that torch.save(model.state_dict()) wrote"
        )
    if state and all(name.startswith("module.") for name in state):
        state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    expected = model.state_dict()
    # Checkpoints from before PyTorch 0.4.1 do not count the batches that batch norm has seen; evaluation never reads it.
    state |= {name: expected[name] for name in expected if name.endswith("num_batches_tracked") and name not in state}
    missing, unknown = [n for n in expected if n not in state], [n for n in state if n not in expected]
    if missing or unknown:
        raise ValueError(
            f"{path} does not fit the model: it lacks {_listed(missing)} and has {_listed(unknown)} beyond it; "
            "mend the model's arguments or name another checkpoint"
        )
    for name, tensor in expected.items():
        if state[name].shape != tensor.shape:
            raise ValueError(
                f"{path}: {name} has shape {tuple(state[name].shape)}, the model's is {tuple(tensor.shape)}; "
                "mend the model's arguments or name another checkpoint"
            )
    _check_finite(state, str(path))
    model.load_state_dict(state)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return (", ".join(names[:2]) or "nothing") + more


def _check_finite(state: Mapping[str, torch.Tensor], holder: str) -> None:
    for name, tensor in state.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ValueError(f"{holder}: {name} holds NaN or infinite weights; use another checkpoint")
