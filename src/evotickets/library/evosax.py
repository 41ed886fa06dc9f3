"""The population engine as a problem of evosax, for ask–tell loops of one's own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from evosax import problems

from evotickets.configuration.options import options_of
from evotickets.networks import masks
from evotickets.networks.layout import Network
from evotickets.networks.tickets import Ticket
from evotickets.population import plan
from evotickets.refusals import check_shape, hint
from evotickets.tasks import Control, Supervised
from evotickets.trainers import objectives


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class State:
    """Evaluations so far, and what the objective remembers: its split of the data, or the statistics of a normaliser."""

    counter: jax.Array
    carry: Any


class Problem(problems.Problem):
    """Losses of populations that share the mask of a ticket, under the methods of evosax's own problems.

    A solution is flat, the D coordinates that a trainer may move, so that a strategy samples neither what is pruned nor
    pays for it. Fitness is a loss, which evosax minimises: mean cross-entropy on a fresh batch that all members share, or
    minus the mean return of episodes that they share.

        >>> problem = Problem(network, task, prune(network, trained, "snr", 0.1), batch=64)
        >>> strategy = SNES(population_size=16, solution=problem.sample(key))
        >>> state, held = strategy.init(key, problem.sample(key), strategy.default_params), problem.init(key)
        >>> members, state = strategy.ask(key, state, strategy.default_params)
        >>> losses, held, _ = problem.eval(key, members, held)
        >>> state, _ = strategy.tell(key, members, losses, state, strategy.default_params)
        >>> members.shape, losses.shape
        ((16, 144), (16,))

    Args:
        network: of the ticket.
        task: its data or environment.
        ticket: initial parameters and masks.
        seed: one of the ticket's; its first unless given.
        options: `batch` for data, `episodes` and `test_episodes` for environments, `path` and `precision` of the engine.

    Raises:
        ValueError: if network, task, ticket and options do not fit each other.
    """

    def __init__(
        self, network: Network, task: Supervised | Control, ticket: Ticket, *, seed: int | None = None, **options: Any
    ):
        seed = ticket.seeds[0] if seed is None else seed
        if seed not in ticket.seeds:
            raise ValueError(f"the ticket has no seed {seed}; it has {', '.join(map(str, ticket.seeds))}")
        describe = objectives.control if isinstance(task, Control) else objectives.supervised
        taken = options_of(describe, plan)
        for option in options:
            if option not in taken:
                raise ValueError(f"there is no option {option!r} for {task.name}; {hint(option, taken)}")
        self.network, self.row, mask = network, ticket.seeds.index(seed), ticket.flat(network, "mask")
        self.ticket = _alone(ticket, self.row)
        objective = describe(network, mask, task, **options)  # type: ignore[arg-type]
        self._shared = objective.shared
        self._context, self._carry = (
            jax.tree.map(lambda leaf: jnp.asarray(leaf[self.row]), part)
            for part in (objective.context, objective.carry)
        )
        self._places = masks.survivors(network, mask)[self.row]
        self._initial = jnp.asarray(ticket.flat(network, "initial")[self.row, self._places])
        self._losses, self._scores = jax.jit(objective.losses), jax.jit(objective.evaluate)
        self._scatter = objective.scatter

    @property
    def num_dims(self) -> int:
        """Number of coordinates D of a solution."""
        return len(self._places)

    def init(self, key: jax.Array) -> State:
        """Return the state before the first evaluation."""
        del key
        return State(jnp.zeros((), jnp.int32), self._carry)

    def sample(self, key: jax.Array) -> jax.Array:
        """Return the initial weights [D] of the ticket, from which a search begins, whatever the key."""
        del key
        return self._initial

    def eval(self, key: jax.Array, solutions: jax.Array, state: State) -> tuple[jax.Array, State, dict[str, Any]]:
        """Return the losses [P] of solutions [P, D], and the state after them; the key draws batch or episodes.

        Raises:
            ValueError: if solutions are of another shape.
        """
        check_shape("solutions", solutions, "P", self.num_dims)
        losses, carry = self._losses(self._shared, self._context, solutions, key, state.carry)
        return losses, State(state.counter + 1, carry), {}

    def scores(self, key: jax.Array, solution: jax.Array, state: State) -> dict[str, jax.Array]:
        """Return the scores of a solution [D] by `split/metric`, on whole splits or on held-out episodes.

        Raises:
            ValueError: if the solution is of another shape.
        """
        check_shape("solution", solution, self.num_dims)
        return self._scores(self._shared, self._scatter(self._context, solution), key, state.carry)

    def trained(self, solution: jax.Array, std: jax.Array | None = None, state: State | None = None) -> Ticket:
        """Return the ticket of this seed with a solution [D] as its trained weights, and the std [D] of a search about it.

        Args:
            solution: such as the mean of a search.
            std: of its samples, where a criterion is to see it.
            state: of the problem, which has the observation normaliser of an environment.

        Raises:
            ValueError: if one is of another shape.
        """
        parts = {"mean": solution} if std is None else {"mean": solution, "std": std}
        for name, values in parts.items():
            check_shape(name, values, self.num_dims)
            full = np.zeros((1, self.network.parameter_count), np.float32)
            full[0, self._places] = np.asarray(values)
            parts[name] = full  # type: ignore[assignment]
        held = {} if state is None or isinstance(state.carry, jax.Array) else state.carry._asdict()
        statistics = {name: np.asarray(array)[None] for name, array in held.items()}
        return replace(self.ticket.put(self.network, **parts), statistics=statistics)  # type: ignore[arg-type]


def _alone(ticket: Ticket, row: int) -> Ticket:
    """Return the untrained ticket of one seed."""

    def own(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: array[row : row + 1] for name, array in tensors.items()}

    return Ticket((ticket.seeds[row],), own(ticket.initial), own(ticket.mask))
