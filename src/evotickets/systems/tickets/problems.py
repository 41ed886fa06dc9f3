"""What the entries of a study mean by a task: its data or environment, and the network that learns it."""

from typing import Any, cast

from evotickets import tasks
from evotickets.networks import layout
from evotickets.networks.layout import Network
from evotickets.tasks import Control, Supervised


def task_of(settings: dict[str, Any], *, seed: int, count: int) -> Supervised | Control:
    """Load the `task` of an entry for `count` seeds, with the options that the entry sets; raises as `tasks.load` does."""
    name = settings["task"]
    if not tasks.is_control(name):
        return tasks.replicates(name, seed=seed, count=count, validation=settings.get("validation", True))
    return tasks.control(name, **options_of(settings))


def options_of(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the options of an environment that an entry sets."""
    return {option: settings[option] for option in tasks.options() if option in settings}


def unit_of(settings: dict[str, Any]) -> dict[str, str]:
    """Return the unit of the real values that a task learns, as a record shows it beside `rmse`; nothing for others."""
    facts = tasks.ALL[settings["task"]]
    return {"unit": facts.unit} if facts.targets and facts.unit else {}


def network_of(task: Supervised | Control, settings: dict[str, Any]) -> Network:
    """Describe the network of a task: a perceptron (`hidden`), convolutions (`channels`) or a registered one (`network`)."""
    if "network" in settings:
        from evotickets.networks.functions import describe

        options = dict(settings["network"])
        shape = (task.observation_size,) if isinstance(task, Control) else task.input_shape
        # Whatever takes the one takes the other, but for what needs layers.
        return cast(Any, describe(options.pop("network"), shape, task.outputs, options))
    if isinstance(task, Control):
        return layout.build((task.observation_size,), task.outputs, settings, activation="tanh")
    return layout.build(task.input_shape, task.outputs, settings)


def problem_of(settings: dict[str, Any], *, seed: int, count: int) -> tuple[Supervised | Control, Network]:
    """Load the task of an entry for `count` seeds and describe its network; raises as `tasks.load` does."""
    task = task_of(settings, seed=seed, count=count)
    return task, network_of(task, settings)


def refuse_misfit(source: Network, target: Network, names: tuple[str, str]) -> None:
    """Refuse to take tickets of one task to another; `names` are those of the two tasks.

    Raises:
        ValueError: if their networks differ.
    """
    if source != target:
        raise ValueError(
            f"tickets of {names[0]} do not fit {names[1]}, whose network has other sizes; "
            "take this pair out of tickets.transfers"
        )
