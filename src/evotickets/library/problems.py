"""Tasks and networks as a notebook names them."""

from collections.abc import Mapping
from typing import Any, cast

from evotickets import tasks
from evotickets.configuration.options import Described, Entry, options_of, sentence_of
from evotickets.configuration.reader import conform
from evotickets.configuration.schema import object_of, part_of
from evotickets.networks import network as networks
from evotickets.networks.layout import Network
from evotickets.refusals import hint
from evotickets.systems.tickets import problems
from evotickets.systems.tickets.section import NETWORK, TaskEntry
from evotickets.tasks import Control, Replicated, Supervised

SHAPES = ("hidden", "channels", "network")
"""What says which network is built: one of these."""
MORE = ("activation", "biases")


def rules_of(entry: Entry, parts: Mapping[str, Described], name: str) -> dict[str, Any]:
    """Return the rules of the options of a part, whether it is ours or was registered a moment ago."""
    return part_of(entry, parts[name])


def load_task(
    name: str, *, seeds: int = 1, seed: int = 0, validation: bool = True, **options: Any
) -> Replicated | Control:
    """Load a data set, or build an environment, for some seeds.

    A data set has inputs float32 [R, n, *input_shape] and labels int32 [R, n] in `train`, `validation` and `test`; R is the
    number of seeds where it brings no split, and 1 otherwise. Environments take options of their own, and `normalise`.

        >>> load_task("digits", seeds=2).train.x.shape
        (2, 1079, 8, 8, 1)

    Args:
        name: of a task; `evotickets.tasks.ALL` has all of them.
        seeds: number of replicates.
        seed: draws their splits, as the `seed` of a study does.
        validation: whether images are held back for validation, or trained on.
        options: of an environment.

    Raises:
        ValueError: if there is no such task or option, or a file is damaged.
        FileNotFoundError: if a file is missing and cannot be downloaded.
    """
    if tasks.is_control(name):
        return tasks.control(name, **options)
    if options:
        taking = [option for option, takers in tasks.options().items() if name in takers]
        raise ValueError(
            f"{name} has no option {next(iter(options))!r}; {hint(next(iter(options)), taking or ['none'])}"
        )
    if seeds < 1:
        raise ValueError(f"seeds is {seeds}; give at least one")
    return tasks.replicates(name, seed=seed, count=seeds, validation=validation)


def build_network(task: Supervised | Control, **settings: Any) -> Network:
    """Describe a network for a task: its N parameters, of which K are prunable.

        >>> network = build_network(task, hidden=[16])
        >>> network.parameter_count, network.kernel_count
        (1210, 1184)
        >>> [parameter.name for parameter in build_network(task, network="residual", units=8).prunable]
        ['block1/kernel', 'block2/kernel', 'first/kernel', 'last/kernel']

    Args:
        task: says the shape of an input and the number of outputs.
        settings: `hidden`, the units of a perceptron; or `channels`, those of convolutions, with or without `hidden`; or
            `network`, the name of one that is registered, and its options. Also `activation` (`relu` or `tanh`) and `biases`.

    Raises:
        ValueError: if the settings say none or several networks, or one is unknown or out of bounds.
    """
    if "network" in settings:
        return _registered(task, dict(settings))
    rules = object_of(TaskEntry)
    rules["properties"] = {name: rules["properties"][name] for name in (*SHAPES, *MORE)}
    checked = {name: value for name, value in conform(settings, rules, "build_network.").items() if value is not None}
    if not set(SHAPES) & set(checked):
        raise ValueError(
            "build_network needs 'hidden' (a perceptron), 'channels' (convolutions) or 'network' (another)"
        )
    images = not isinstance(task, Control) and len(task.input_shape) == 3
    if "channels" in checked and not images:
        raise ValueError(f"{task.name} has no images for 'channels'; use 'hidden'")
    return problems.network_of(task, checked)


def _registered(task: Supervised | Control, settings: dict[str, Any]) -> Network:
    name = settings["network"]
    if name not in networks:
        raise ValueError(f"there is no network {name!r}; {hint(name, networks)}")
    described = {name: Described(sentence_of(networks[name]), options_of(networks[name]), networks.facts[name])}
    return problems.network_of(task, {"network": conform(settings, rules_of(NETWORK, described, name), f"{name}.")})


def kind_of(task: Supervised | Control) -> str:
    """Tell whether a task is a data set or an environment."""
    return cast(str, "control" if isinstance(task, Control) else "supervised")
