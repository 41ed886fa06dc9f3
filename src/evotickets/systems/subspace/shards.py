"""The files of a checkpoint, known without PyTorch: one, or an index and the safetensors files that it names."""

import json
from pathlib import Path

INDEX = ".safetensors.index.json"
"""How the name of an index ends, as Hugging Face writes it."""


def named(index: Path) -> dict[str, Path]:
    """Return the file of every tensor that an index names.

    Raises:
        ValueError: if the file is no index, or names files outside its folder.
    """
    try:
        places = json.loads(index.read_text())["weight_map"]
        files = {str(name): str(file) for name, file in places.items()}
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{index} is damaged or no index of safetensors files: fetch it anew") from error
    for file in files.values():
        if Path(file).name != file or not file.endswith(".safetensors"):
            raise ValueError(f"{index} names {file}, which is no safetensors file beside it: fetch the index anew")
    return {name: index.with_name(file) for name, file in files.items()}


def files(checkpoint: Path) -> list[Path]:
    """Return all files that a checkpoint is made of; of an index that cannot be read, itself alone."""
    if not checkpoint.name.endswith(INDEX):
        return [checkpoint]
    try:
        return [checkpoint, *dict.fromkeys(named(checkpoint).values())]
    except (ValueError, OSError):
        return [checkpoint]
