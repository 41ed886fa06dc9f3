"""Libraries that the base installation leaves out, and the command that installs those that are missing."""

from importlib.util import find_spec

EXTRAS = {
    "matplotlib": "workflow",
    "mlflow": "workflow",
    "psutil": "workflow",
    "snakemake": "workflow",
    "snakemake_interface_logger_plugins": "workflow",
    "tqdm": "workflow",
    "snakemake_executor_plugin_slurm": "slurm",
    "torch": "torch",
    "tokenizers": "text",
    "transformers": "text",
    "peft": "peft",
    "brax": "brax",
    "gymnasium": "gymnasium",
    "mujoco_playground": "playground",
    "psycopg2": "postgres",
    "espeakng_loader": "speech",
}
"""The extra of `pyproject.toml` that installs a module."""

WORKFLOW = tuple(module for module, extra in EXTRAS.items() if extra == "workflow")
"""What the command line needs to run a study."""


class MissingError(ModuleNotFoundError):
    """A library is not installed; the message names it and the command that installs it."""


def require(what: str, *modules: str) -> None:
    """Refuse to go on without libraries that an extra installs; imports none of them.

    Args:
        what: needs them.
        modules: their names in Python.

    Raises:
        MissingError: if some are not installed.
    """
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        extras = ",".join(sorted({EXTRAS[module] for module in missing}))
        verb = "is" if len(missing) == 1 else "are"
        raise MissingError(
            f"{what} needs {', '.join(missing)}, which {verb} not installed: pip install 'evotickets[{extras}]'"
        )
