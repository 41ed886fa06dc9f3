"""What every step of the workflow does around its one call: a log, a thread count, progress, a record.

Scripts alone use this module.
"""

import gc
import json
import math
import os
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
from tqdm import tqdm

from evotickets import extras, results
from evotickets.trainers.history import Report

HEAD = "EVOTICKETS_HEAD"
"""Environment variable with the process id of the Snakemake that started the job."""

_LEFT_OUT = ("code", "experiment", "evidence")
"""Params of rules that are no settings."""
_NAMES = {"seeds_count": "seeds", "settings.trainer": "algorithm"}
"""Params of rules whose names the tracking store has in other words."""
_LONGEST = 500
"""Characters of a setting in the tracking store; MLflow refuses 6000, and no list shows more."""

# Libraries, and tracing what JAX compiles, make objects that stay: to look through all of them again and again for garbage
# was a tenth of a short job.
gc.set_threshold(10_000)

AGAIN = 1.0
"""Seconds after which a job that was asked to end and has not begun to is asked once more."""
INTERRUPTED = "interrupted"
"""Last line of the log of a job that was asked to end."""

EXPECTED = (ValueError, FloatingPointError, OSError, extras.MissingError)
"""Errors whose message is meant for the user; anything else also shows where it came from."""


class Job:
    """One running step: its start, its progress and its record."""

    def __init__(self, snakemake: Any):
        self.snakemake = snakemake
        self.begin = time.time()

    @property
    def metadata(self) -> dict[str, Any]:
        """What this step was asked to do: stored with everything it writes."""
        return {"config": {**self.params, "wildcards": dict(self.snakemake.wildcards)}}

    @property
    def params(self) -> dict[str, Any]:
        """The params of the rule, without the digest of the code that only decides when it runs again."""
        return {name: value for name, value in self.snakemake.params.items() if name != "code"}

    def progress(self, total: int, unit: str) -> Report:
        """Return a callback that draws a bar and the current loss, unless that is NaN or not told, into the log."""
        bar = tqdm(total=total, unit=unit, mininterval=1.0, file=sys.stderr)

        def report(step: int, loss: float = math.nan) -> None:
            if not math.isnan(loss):
                bar.set_postfix(loss=f"{loss:.4g}", refresh=False)
            bar.update(step - bar.n)
            if step >= total:
                bar.close()

        return report

    def record(
        self,
        path: str | Path,
        *,
        system: str,
        kind: str,
        parameters: Mapping[str, str | int | float],
        metrics: Sequence[tuple[str, int, float]],
        artifacts: Sequence[str],
        dataset: Mapping[str, str | int] | None = None,
        name: str = "",
    ) -> None:
        """Write what the tracking store is told of this step; its key is the folder of the record, its name too.

        All settings are told beside the parameters, and a density as a metric as well, for what is drawn over it.
        """
        folder = Path(path).parent
        metrics = list(metrics)
        if "density" in parameters and not any(name == "density" for name, _, _ in metrics):
            metrics.append(("density", max((step for _, step, _ in metrics), default=0), float(parameters["density"])))
        # The parameters of claims are their verdicts.
        asked = {} if kind == "claims" else settings(self.params, parameters)
        results.write_record(
            path,
            results.Record(
                key=folder.as_posix(),
                system=system,
                # What tells runs apart comes first: lists cut long names.
                name=name or " ".join(reversed(folder.parts[-3:] if kind == "chain" else folder.parts[-4:])),
                kind=kind,
                parameters=asked | dict(parameters),
                metrics=metrics,
                tags={"code": results.code_version()},
                artifacts=tuple(Path(artifact).relative_to(folder).as_posix() for artifact in artifacts),
                dataset=dataset,
                start=self.begin,
                # A clock that was set back meanwhile makes no job of less than no time.
                end=max(self.begin, time.time()),
            ),
        )

    def record_cost(self, path: str | Path, *, system: str, seeds: int, densities: Mapping[int, float]) -> None:
        """Write that this step ran, for its wall time and memory to be seen: what it found is in the record of a chain.

        Its wildcards are those of the chain, and the folder of the record says what was done with it.
        """
        place = dict(self.snakemake.wildcards)
        self.record(
            path,
            system=system,
            kind="chain",
            name=" ".join([Path(path).parent.name, "of", *reversed(place.values())]),
            parameters=place | {"seeds": seeds, "levels": len(densities)},
            metrics=[("density", level, density) for level, density in densities.items()],
            artifacts=[],
        )


def settings(params: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, str | int | float]:
    """Return everything that a step was asked to do, by its name alone: `batch`, `hidden`, `seed`, `densities`, …

    A name that is `known` already, or that an entry before has, is told with its entries (`network.task`), unless it says the
    same. Lists are JSON.
    """
    found: dict[str, str | int | float] = {}
    for name, value in params.items():
        inside = _flat(value) if isinstance(value, Mapping) else {"": value}
        for key, setting in inside.items():
            if setting is None or name in _LEFT_OUT:
                continue
            whole = ".".join(filter(None, (name, key)))
            word = _NAMES.get(whole, (key or name).rpartition(".")[2])
            text = (
                setting
                if isinstance(setting, str | int | float)
                else json.dumps(setting, ensure_ascii=False, default=str)
            )
            if isinstance(text, str) and len(text) > _LONGEST:
                text = text[:_LONGEST].rpartition(",")[0] + ", …"
            before = known.get(word, found.get(word, text))
            found[name_of(word if before == text else whole)] = text
    return found


def _flat(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what entries in an entry hold, under names with dots."""
    found: dict[str, Any] = {}
    for name, value in entry.items():
        inside = _flat(value) if isinstance(value, Mapping) else {"": value}
        found |= {".".join(filter(None, (str(name), key))): setting for key, setting in inside.items()}
    return found


def name_of(text: str) -> str:
    """Return a text without what names of metrics and parameters cannot hold in the tracking store, such as commas."""
    return re.sub(r"[^\w./: -]", "", text)


def _end_with_head() -> None:
    """Kill this job as soon as the Snakemake that started it is gone: the next run starts it anew."""
    if HEAD not in os.environ:
        return

    def alive(head: psutil.Process) -> bool:
        return head.is_running() and head.status() != psutil.STATUS_ZOMBIE

    def watch() -> None:
        try:
            head = psutil.Process(int(os.environ[HEAD]))
            while alive(head):
                time.sleep(1)
        except psutil.NoSuchProcess:
            pass
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # Raised in a callback of the garbage collector, and JAX has one, it would be ignored: it comes again until it is heard.
    signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, AGAIN)
    raise KeyboardInterrupt


@contextmanager
def job(snakemake: Any) -> Iterator[Job]:
    """Run a step: send everything it prints to its log and end with one sentence if it fails."""
    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", buffering=1, encoding="utf-8") as stream:
        for descriptor in (1, 2):
            os.dup2(stream.fileno(), descriptor)
        for own in (sys.stdout, sys.stderr):
            if isinstance(own, TextIOWrapper):
                own.reconfigure(encoding="utf-8", errors="backslashreplace")
        _end_with_head()
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            yield Job(snakemake)
        except KeyboardInterrupt:
            signal.setitimer(signal.ITIMER_REAL, 0)
            print(f"\n{INTERRUPTED}", file=sys.stderr, flush=True)
            # All files are closed; libraries would take seconds to end their threads.
            os._exit(1)
        except EXPECTED as error:
            traceback.print_exc()
            print(f"\n{error}", file=sys.stderr)
            sys.exit(1)
