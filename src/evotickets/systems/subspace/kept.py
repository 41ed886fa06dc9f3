"""Networks that a study has kept, for whoever loads them; importing this imports no torch."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from evotickets import extras, sealed

if TYPE_CHECKING:
    import torch

TOLD = ("parent", "seed", "recipe", "scores")
"""What the header of a network says of it, as JSON."""


class Tuned(NamedTuple):
    """A network that was kept.

    Attributes:
        state: the state dict, for `load_state_dict` of the parent's model.
        about: `parent` (name, model and arguments), `seed`, `recipe` (study, mutation, step, …), `scores` by split and metric,
            and `code`.
    """

    state: dict[str, "torch.Tensor"]
    about: dict[str, Any]


def read_network(path: str | Path) -> Tuned:
    """Read a network that a study has kept.

    `model.load_state_dict(read_network(path).state)` makes it of the parent's model.

    Raises:
        ResultError: if the file is missing, damaged, or no network that was kept.
        MissingError: if PyTorch is not installed.
    """
    extras.require("read_network", "torch")
    import safetensors.torch

    content = sealed.read_tensors(path)
    about = sealed.about(content)
    if not set(TOLD) <= set(about):
        raise sealed.ResultError(f"{path} is no network that a study has kept: name one of a folder networks/")
    told = {name: json.loads(about[name]) for name in TOLD}
    return Tuned(safetensors.torch.load(content), told | {"code": about["code"]})
