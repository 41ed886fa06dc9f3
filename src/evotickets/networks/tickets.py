"""Tickets: initial parameters and masks of several seeds, and what training made of them.

A ticket names its tensors as files and PyTorch do (`dense1/kernel`), and knows no network; algorithms work on flat arrays,
for which they name one (`flat`, `put`). Nothing here imports JAX, since what reads files does without.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from evotickets.networks import layout
from evotickets.networks.description import Description
from evotickets.refusals import UnknownError, hint


class Tensors(dict[str, np.ndarray]):
    """Arrays by the name of their tensor; one that is not there is refused with those that are."""

    def __missing__(self, name: str) -> np.ndarray:
        raise UnknownError(f"there is no tensor {name!r}; {hint(name, self)}")


PARTS = ("initial", "mask", "mean", "std")
"""The arrays of a ticket that have the order of a network."""
ABSENT = {
    "mean": "the ticket was not trained, and only a trained ticket can be cut or looked at: train it first",
    "std": "the ticket has no std, since gradient trainers leave none: train it with a strategy",
}


@dataclass(frozen=True, eq=False)
class Ticket:
    """Tickets of several seeds, by tensor name, every array [S, …].

    Attributes:
        seeds: the number of each.
        initial: parameters before training, float32.
        mask: booleans of prunable tensors, True where a weight is kept; biases are among them only where they are prunable.
        mean: trained weights, for a strategy the mean of its search distribution, zero where pruned; None before training.
        std: std of the search distribution, zero where pruned; None before training and for gradient trainers.
        statistics: of the observation normaliser, float32; without them a control task's score cannot be computed again.
        settings: what made the ticket, as anything that JSON can say.

    Raises:
        ValueError: if names, shapes or types disagree.
    """

    seeds: tuple[int, ...]
    initial: Mapping[str, np.ndarray]
    mask: Mapping[str, np.ndarray]
    mean: Mapping[str, np.ndarray] | None = None
    std: Mapping[str, np.ndarray] | None = None
    statistics: Mapping[str, np.ndarray] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Give parts that name tensors a sentence for those they lack, and check them."""
        object.__setattr__(self, "seeds", tuple(map(int, self.seeds)))
        for part in PARTS:
            held = getattr(self, part)
            object.__setattr__(self, part, None if held is None else Tensors(held))
        self._check()

    @classmethod
    def of(cls, network: Description, seeds: Iterable[int], initial: np.ndarray, mask: np.ndarray) -> "Ticket":
        """Make a ticket of flat parameters [S, N] and masks [S, K], or [S, N] where biases are prunable."""
        return cls(tuple(seeds), layout.unflatten(network, initial), layout.unflatten(network, mask))

    def flat(self, network: Description, part: str) -> np.ndarray:
        """Return a part in the flat order of a network: `initial`, `mean` or `std` [S, N], `mask` [S, K].

        Raises:
            ValueError: if the ticket is not of this network, or has no such part.
        """
        held = getattr(self, part) if part in PARTS else None
        if held is None:
            raise ValueError(ABSENT.get(part, f"there is no part {part!r} of a ticket; {hint(part, PARTS)}"))
        try:
            return layout.flatten(network, held)
        except ValueError as error:
            raise ValueError(f"the ticket is of another network: {error}") from error

    def put(self, network: Description, **parts: np.ndarray | None) -> "Ticket":
        """Return the ticket with other parts, given in the flat order of a network, as `flat` returns them."""
        named: dict[str, Any] = {
            name: None if flat is None else layout.unflatten(network, flat) for name, flat in parts.items()
        }
        return replace(self, **named)

    @property
    def kept(self) -> int:
        """Number of entries that the mask of a seed keeps."""
        return sum(int(array[0].sum()) for array in self.mask.values())

    def untrained(self) -> "Ticket":
        """Return the ticket as it was before its training."""
        return Ticket(self.seeds, self.initial, self.mask)

    def _check(self) -> None:
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds are {self.seeds}: give at least one, and each once")
        names = set(self.initial)
        for part in (*PARTS, "statistics"):
            tensors = getattr(self, part)
            if part in ("mean", "std") and tensors is not None and set(tensors) != names:
                raise ValueError(f"{part} must name the tensors of initial ({', '.join(sorted(names))})")
            for name, array in (tensors or {}).items():
                self._check_tensor(part, name, array)

    def _check_tensor(self, part: str, name: str, array: np.ndarray) -> None:
        wanted = np.bool_ if part == "mask" else np.float32
        known = name in self.initial
        like = np.shape(self.initial[name]) if known and part != "statistics" else np.shape(array)
        if part == "mask" and not known:
            raise ValueError(f"mask names {name}, which initial does not have; {hint(name, self.initial)}")
        if part == "statistics" and known:
            raise ValueError(f"statistic {name} has the name of a tensor: rename it")
        if np.asarray(array).dtype != wanted:
            raise ValueError(f"{part} of {name} must be {wanted.__name__}, not {np.asarray(array).dtype}")
        if np.shape(array) != like or like[:1] != (len(self.seeds),):
            raise ValueError(
                f"{part} of {name} has shape {np.shape(array)}; it must be {like} with {len(self.seeds)} seeds first"
            )
