"""Checkpoints: files of weights as training scripts, Lightning and Hugging Face leave them, read without running anything."""

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from evotickets.systems.subspace import ENTRIES, shards
from evotickets.systems.subspace.parents import check_finite

_PREFIXES = ("module.", "_orig_mod.", "model.", "net.")
"""What DataParallel, torch.compile and modules around a model put before names."""


def load(model: nn.Module, checkpoint: str | Path, entry: str | None = None) -> None:
    """Give a model the weights of a file: a state dict, by itself or as an entry among other things, or safetensors.

    Prefixes that all names share and the model's do not have are dropped. Names of tied weights that a file leaves out are
    those of the others. Files are read with `weights_only`, so that none can run code.

    Args:
        model: that is loaded.
        checkpoint: of `torch.save`, safetensors, or an index of safetensors files.
        entry: which entry holds the state dict; by default the first of `ENTRIES` that is there.

    Raises:
        ValueError: if the file is no checkpoint, lacks or has keys that the model does not, or has other shapes, kinds of
            numbers or NaN.
        FileNotFoundError: if it is missing.
    """
    path = Path(checkpoint)
    if not path.is_file():
        raise FileNotFoundError(
            f"the checkpoint {path} is missing: put it there, or let EVOTICKETS_DATA name the folder that holds it"
        )
    expected = model.state_dict()
    state = _bare(_read(path, entry), expected)
    # Checkpoints from before PyTorch 0.4.1 do not count the batches that batch norm has seen; evaluation never reads it.
    state |= {name: expected[name] for name in expected if name.endswith("num_batches_tracked") and name not in state}
    for names in _tied(expected):
        held = next((state[name] for name in names if name in state), None)
        state |= {name: held for name in names if name not in state and held is not None}
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
        if state[name].is_floating_point() != tensor.is_floating_point():
            raise ValueError(
                f"{path}: {name} holds {_kind(state[name])}, the model's is {_kind(tensor)}; such weights, as of quantised "
                "models, are not taken: name a checkpoint of the model's own kind of numbers"
            )
    check_finite(model, state, str(path))
    model.load_state_dict(state)


def _read(path: Path, entry: str | None) -> dict[str, torch.Tensor]:
    if path.name.endswith(shards.INDEX):
        return _sharded(path)
    if path.suffix == ".safetensors":
        return _tensors(path)
    content = _content(path)
    if isinstance(content, dict) and entry is not None:
        if entry not in content:
            raise ValueError(f"{path} has no entry {entry}; it has {_listed([*map(str, content)])}: name one of them")
        content = content[entry]
    elif isinstance(content, dict):
        held = [name for name in ENTRIES if isinstance(content.get(name), Mapping)]
        content = content[held[0]] if held else content
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in content.items()
    ):
        raise ValueError(
            f"{path} holds no state dict of tensors, by itself or as {', '.join(ENTRIES)}: name a file that "
            "torch.save(model.state_dict()) wrote, or the entry that holds it"
        )
    return dict(content)


def _content(path: Path) -> Any:
    try:
        # PyTorch reads an archive without a look at the checksums in it.
        damaged = zipfile.ZipFile(path).testzip() if zipfile.is_zipfile(path) else None
        if damaged is not None:
            raise ValueError(f"{damaged} has another checksum")
        return torch.load(path, map_location="cpu", weights_only=True)
    # What is no checkpoint fails in torch's reader in any way there is, as a KeyError for one.
    except Exception as error:
        found = re.search(r"Unsupported (?:global|class): (?:GLOBAL )?([\w.]+)|Unsupported class ([\w.]+)", str(error))
        if found and zipfile.is_zipfile(path):
            raise ValueError(
                f"{path} holds {found[1] or found[2]} beside weights, which only pickle reads, and pickle runs what a file "
                "says: where you trust it, load it yourself and write torch.save(model.state_dict(), …) or safetensors"
            ) from error
        raise ValueError(f"{path} is damaged or no checkpoint of weights only: fetch it anew") from error


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        return safetensors.torch.load_file(path)
    except FileNotFoundError:
        raise FileNotFoundError(f"the checkpoint {path} is missing: put it there") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"{path} is damaged or no safetensors file: fetch it anew") from error


def _sharded(index: Path) -> dict[str, torch.Tensor]:
    places = shards.named(index)
    held = {file: _tensors(file) for file in dict.fromkeys(places.values())}
    for name, file in places.items():
        if name not in held[file]:
            raise ValueError(f"{index} names {name} in {file.name}, which lacks it: fetch both anew")
    return {name: held[file][name] for name, file in places.items()}


def _bare(state: dict[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return a state without what wrappers put before its names, and without how often an average was updated."""
    if "n_averaged" not in expected:
        state = {name: tensor for name, tensor in state.items() if name != "n_averaged"}
    while state and not set(state) & set(expected):
        prefix = next((prefix for prefix in _PREFIXES if all(name.startswith(prefix) for name in state)), None)
        if prefix is None:
            break
        state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    return state


def _tied(expected: Mapping[str, torch.Tensor]) -> list[list[str]]:
    """Return the names that share a tensor, where several do."""
    groups: dict[tuple[int, torch.Size], list[str]] = {}
    for name, tensor in expected.items():
        if tensor.numel():
            groups.setdefault((tensor.data_ptr(), tensor.shape), []).append(name)
    return [names for names in groups.values() if len(names) > 1]


def _kind(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return (", ".join(names[:2]) or "nothing") + more
