"""Parents: PyTorch models by import path and keyword arguments.

A model maps images [B, channels, height, width] to logits [B, O], or to something that holds them as `logits`, as
models of Hugging Face do. Whoever names a model names code: its module is imported. What is called is a class of modules or a
function that says it returns one, so that a study cannot call what does something else.
"""

import fnmatch
import importlib
import inspect
import os
import typing
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

REAL = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
"""Kinds of numbers that mutate."""

_AUTO = "transformers.models.auto."
"""Classes that choose a class of modules, and whose methods are not annotated."""
_CODE = {"trust_remote_code": True, "weights_only": False, "use_safetensors": False}
"""Arguments under which libraries run code that a file brings."""


def build(path: str, arguments: Mapping[str, Any]) -> nn.Module:
    """Call what an import path names, such as `torchvision.models.resnet50`, with keyword arguments.

    Source: the `_target_` convention of Hydra.

    Raises:
        ValueError: if the path cannot be imported, names neither a class of modules nor a function that says it returns one,
            the call fails, or a weight is NaN.
    """
    for name, value in _CODE.items():
        if arguments.get(name) is value:
            said = str(value).lower()
            raise ValueError(f"the model {path} has {name}: {said}, which can run code of a file: take it out")
    with _weights_only():
        named = _imported(path)
        _check_gives_modules(path, named)
        try:
            model = named(**arguments)
        except Exception as error:
            given = ", ".join(arguments) or "no arguments"
            raise ValueError(
                f"the model {path} cannot be built with {given} ({first_line(error)}): mend them"
            ) from error
    if not isinstance(model, nn.Module):
        raise ValueError(f"the model {path} gave {type(model).__name__}, which is no nn.Module: name one")
    check_finite(model, model.state_dict(), f"the model {path}")
    return model.eval()


@contextmanager
def _weights_only() -> Iterator[None]:
    """Have `torch.load` read weights and nothing else for a while, whatever a model asks of it."""
    names = "TORCH_FORCE_WEIGHTS_ONLY_LOAD", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
    before = {name: os.environ.pop(name, None) for name in names}
    os.environ[names[0]] = "1"
    try:
        yield
    finally:
        del os.environ[names[0]]
        os.environ.update({name: value for name, value in before.items() if value is not None})


def _imported(path: str) -> Any:
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
            raise ValueError(f"the model {path} cannot be imported ({first_line(error)}): mend {name}") from error
    if named is None:
        raise ValueError(
            f"the model {path} cannot be imported: there is no module {parts[0]}; install it or mend the path"
        )
    for part in rest.split("."):
        if not hasattr(named, part):
            raise ValueError(f"the model {path} cannot be imported: {name} has no {rest}; mend the path")
        named = getattr(named, part)
    return named


def _check_gives_modules(path: str, named: Any) -> None:
    """Refuse, before it is called, what neither is a class of modules nor says that it returns one."""
    if inspect.isclass(named):
        fits = issubclass(named, nn.Module)
    elif inspect.ismethod(named) and inspect.isclass(named.__self__):
        fits = issubclass(named.__self__, nn.Module) or named.__self__.__module__.startswith(_AUTO)
    else:
        try:
            given = typing.get_type_hints(named).get("return") if inspect.isfunction(named) else None
        except (NameError, TypeError):
            given = None
        fits = inspect.isclass(given) and issubclass(given, nn.Module)
    if not fits:
        raise ValueError(
            f"the model {path} is neither a class of nn.Module nor a function that says it returns one, and is not called: "
            "name such a class, or write -> nn.Module behind the function's arguments"
        )


def freeze(model: nn.Module, include: Sequence[str], exclude: Sequence[str]) -> None:
    """Leave only parameters to mutate whose names fit a pattern of `include`, if there is one, and none of `exclude`.

    Patterns are those of file names, `*` for any text. What the model itself has frozen stays so.

    Raises:
        ValueError: if a pattern fits no name, or nothing is left to mutate.
    """
    named = dict(model.named_parameters(remove_duplicate=False))
    for pattern in (*include, *exclude):
        if not fnmatch.filter(named, pattern):
            raise ValueError(
                f"no parameter is named {pattern}; there are {', '.join([*named][:3])} and {max(0, len(named) - 3)} more: "
                "mend include or exclude"
            )
    kept = {name for pattern in include or ["*"] for name in fnmatch.filter(named, pattern)}
    dropped = {name for pattern in exclude for name in fnmatch.filter(named, pattern)}
    # A tied parameter has several names: it mutates if it may by one of them.
    free = {id(named[name]) for name in kept - dropped}
    for parameter in named.values():
        if id(parameter) not in free:
            parameter.requires_grad_(False)
    mutable(model)


def mutable(model: nn.Module) -> list[nn.Parameter]:
    """Return the parameters that mutate, tied ones once: of real numbers, and not frozen (`requires_grad`).

    Raises:
        ValueError: if there are none, or some are of numbers that are not added to.
    """
    found = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not found:
        raise ValueError("the model has no parameter that may mutate: set requires_grad, or mend include and exclude")
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and parameter.dtype not in REAL:
            kind = str(parameter.dtype).removeprefix("torch.")
            raise ValueError(f"the parameter {name} is of {kind} numbers, which do not mutate: freeze it or exclude it")
    return found


def first_line(error: Exception) -> str:
    """Return the first line of what an error says, or its kind."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def check_finite(model: nn.Module, state: Mapping[str, torch.Tensor], holder: str) -> None:
    """Refuse a state with NaN, or with infinite parameters; buffers may be infinite, as causal masks are.

    Raises:
        ValueError: if there are some.
    """
    parameters = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    for name, tensor in state.items():
        if not (tensor.is_floating_point() or tensor.is_complex()):
            continue
        if torch.isnan(tensor).any() or (name in parameters and torch.isinf(tensor).any()):
            raise ValueError(f"{holder}: {name} holds NaN or infinite weights; use another checkpoint")
