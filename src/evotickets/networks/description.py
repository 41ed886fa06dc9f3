"""What all networks have in common: a list of named parameters, some of them prunable.

Nothing here computes, and nothing imports JAX: every start of the workflow counts weights.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

Forward = Callable[..., tuple[Any, Any]]
"""(params by name, x [B, …], statistics or None) -> (outputs [B, O], statistics).

Without statistics, normalisation layers take those of the batch and hand them back; networks without such layers have none.
"""


@dataclass(frozen=True)
class Parameter:
    """An array of parameters: a kernel has a fan-in and is prunable or not, what has none starts as a constant.

    With a `spread` it starts within ± this of the constant, drawn uniformly.
    """

    name: str
    shape: tuple[int, ...]
    fan_in: int = 0
    prunable: bool = False
    start: float = 0.0
    spread: float = 0.0

    @property
    def size(self) -> int:
        """Number of entries."""
        return prod(self.shape)


class Description:
    """Parameters in order, and what they compute; what follows from the list of parameters alone."""

    if TYPE_CHECKING:  # A property here would hide the field of a data class that inherits.

        @property
        def parameters(self) -> tuple[Parameter, ...]:
            """All parameters, in order."""
            raise NotImplementedError

        @property
        def forward(self) -> Forward:
            """What the network computes."""
            raise NotImplementedError

    @property
    def prunable(self) -> tuple[Parameter, ...]:
        """The kernels that masks cover."""
        return tuple(parameter for parameter in self.parameters if parameter.prunable)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the prunable kernels."""
        return [parameter.shape for parameter in self.prunable]

    @property
    def kernel_count(self) -> int:
        """Number of prunable entries."""
        return sum(parameter.size for parameter in self.prunable)

    @property
    def parameter_count(self) -> int:
        """Number of all parameters."""
        return sum(parameter.size for parameter in self.parameters)


@dataclass(frozen=True)
class Architecture(Description):
    """A network that is no `layout.Network`: its parameters in order, and what they compute."""

    parameters: tuple[Parameter, ...]
    forward: Forward
