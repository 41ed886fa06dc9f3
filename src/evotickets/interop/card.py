"""What a ticket is, in words: for the card beside a module that is given away."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from evotickets import results

ABOUT = "evotickets"
"""Attribute of an exported module with what is known of it."""
_FACTS = (
    "task",
    "trainer",
    "criterion",
    "level",
    "depth",
    "target",
    "weights",
    "seed",
    "density",
    "kept",
    "prunable",
    "code",
)
"""Lines of a card, where they are known."""


def describe_ticket(
    path: str | Path,
    seed: int,
    weights: str,
    parameters: Mapping[str, np.ndarray],
    mask: Mapping[str, np.ndarray],
    settings: Mapping[str, Any],
    input_shape: tuple[int, ...] | None,
) -> dict[str, Any]:
    """Return what a file and its study say of one seed of a ticket, as JSON can say it."""
    header = results.read_metadata(path)
    config = header["metadata"].get("config", {})
    kept, prunable = (
        sum(int(count) for count in counts) for counts in zip(*((m.sum(), m.size) for m in mask.values()), strict=True)
    )
    return {
        **{name: word for name, word in config.get("wildcards", {}).items() if isinstance(word, str)},
        "seed": seed,
        "weights": weights,
        "density": round(kept / prunable, 6) if prunable else 1.0,
        "kept": kept,
        "prunable": prunable,
        "code": header["code"],
        "libraries": header["libraries"],
        "settings": dict(settings),
        "training": {name: value for name, value in config.get("settings", {}).items() if value is not None},
        "scores": _scores(Path(path), seed) if weights == "trained" else {},
        "input_shape": list(input_shape) if input_shape else None,
        "shapes": {name: list(array.shape) for name, array in parameters.items()},
        "masked": sorted(mask),
    }


def _scores(path: Path, seed: int) -> dict[str, float]:
    """Return the last scores of a seed of a trained ticket, from the history beside it; nothing where there is none."""
    history = path.with_name(path.name.replace("ticket", "history"))
    if not history.is_file():
        return {}
    rows = results.read_table(history, schema=results.HISTORY)
    rows = rows[(rows["seed"] == seed) & (rows["step"] == rows["step"].max())]
    return {f"{row.split}/{row.metric}": round(float(row.value), 6) for row in rows.itertuples()}


def card(about: Mapping[str, Any], folder: str) -> str:
    """Return a model card: what the ticket is, its scores, and how to load it."""
    facts = {name: about[name] for name in _FACTS if about.get(name) not in (None, "")}
    network = about["settings"].get("network", {})
    words = {
        "network": network if isinstance(network, str) else network.get("network"),
        "strategy": about["training"].get("trainer"),
        "activation": about["settings"].get("activation"),
        "inputs": "×".join(map(str, about["input_shape"] or [])),
    }
    facts |= {name: word for name, word in words.items() if word}
    lines = [f"| {name} | {value} |" for name, value in facts.items()]
    scores = [f"| {name} | {value:g} |" for name, value in about["scores"].items()]
    title = " ".join(str(about[name]) for name in ("task", "trainer", "criterion") if about.get(name))
    own = ", module=…" if about.get("own") else ""
    return "\n".join(
        [
            "---",
            "library_name: evotickets",
            "tags: [lottery-ticket, pruning, evolution-strategies]",
            "---",
            f"# Lottery ticket: {title or 'a sparse network'}",
            "",
            f"The {about['weights']} weights of a sparse network and their mask, of which {about['density']:.4g} is kept.",
            "",
            "| | |",
            "|---|---|",
            *lines,
            "",
            *(["## Scores when its study had trained it", "", "| | |", "|---|---|", *scores, ""] if scores else []),
            "## Load it",
            "",
            "```python",
            "from evotickets.interop.torch import load",
            "",
            f'module = load("{folder}"{own})',
            "```",
            "",
            "Without evotickets, `model.safetensors` holds what `torch.nn.utils.prune` makes of a layer: `weight_orig`, "
            "`weight_mask` (0 or 1) and `bias`; a weight is the product of the first two.",
            "",
        ]
    )
