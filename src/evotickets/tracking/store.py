"""A connection to an MLflow store that brings runs up to date.

Runs are found by the tags `job_key` and `fingerprint`, for MLflow run ids cannot be chosen.
"""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from evotickets.terminal import printable
from evotickets.tracking import charts, database, faults
from evotickets.tracking.entries import FAILURES, LEVELS, Entry, stamped
from evotickets.tracking.messages import public

if TYPE_CHECKING:
    from mlflow.entities import Experiment, Run

_GIVE_UP_AFTER = 3
_SHOWN = 10
"""Reasons that a report spells out, the most frequent first."""
_SUPERSEDED = " (superseded)"
_CONTEXT = "mlflow.data.context"
_RUNS = {
    "chain": "One run per chain; the step is the level, 0 is dense.",
    "level": "One run per level; the step is the generation.",
    "cell": "One run per cell of the study, all seeds in one; its parameters say which.",
    "sparse": "One run per task, method and density, all seeds in one; the step is that of the training.",
    "claims": "One run per system; parameters are the verdicts, metrics the effects.",
}


class Report(NamedTuple):
    """What a sync did: keys written, how many were complete already, (key or file, reason) of what is not tracked."""

    tracked: tuple[str, ...] = ()
    unchanged: int = 0
    untracked: tuple[tuple[str, str], ...] = ()
    links: Mapping[str, str] = {}

    def __str__(self) -> str:
        """Say it in one line, or more where something is not tracked."""
        text = f"tracking: {len(self.tracked)} runs written, {self.unchanged} unchanged"
        if self.untracked:
            reasons = Counter(printable(reason) for _, reason in self.untracked).most_common()
            text += f", {len(self.untracked)} NOT tracked (the next sync tries again):"
            text += "".join(f"\n  {count} × {reason}" for reason, count in reasons[:_SHOWN])
            rest = reasons[_SHOWN:]
            text += f"\n  {sum(count for _, count in rest)} × other reasons, {len(rest)} of them" if rest else ""
        return text


class Store:
    """A connection, and what it knows about the experiments."""

    def __init__(self, uri: str) -> None:
        database.prepare(uri)
        self.client = database.client(uri)
        file = faults.file(uri)
        self.uri = uri
        self.remote = uri.startswith(("http://", "https://"))
        self.artifacts = file.parent / "mlartifacts" if file else None
        # SQLite has one writer; a server is mostly waited for.
        self.workers = 8 if self.remote else 1
        self.experiments: dict[str, Experiment] = {}
        self.met: dict[str, set[str]] = defaultdict(set)
        """Studies by the name of an experiment."""
        self.failures: list[str] = []
        """Failures since something last got through; after a few, nothing more is tried."""
        self.datasets: set[tuple[str, str, str]] = set()
        self.lock = Lock()

    def links(self, base: str) -> dict[str, str]:
        """Return the addresses of the chart pages of the experiments met so far, at `base` if the store is no server.

        Where an experiment has other studies too, those of the studies met, and that of all.
        """
        links = dict[str, str]()
        for name, experiment in self.experiments.items():
            if len(charts.studies(experiment.tags)) == 1:
                links[name] = self._link(base, experiment.experiment_id)
                continue
            for study in sorted(self.met[name]):
                links[f"{name} of {study}"] = self._link(base, experiment.experiment_id, charts.tag(study))
            links[f"{name} of all studies"] = self._link(base, experiment.experiment_id)
        return links

    def all_links(self, base: str) -> dict[str, str]:
        """Return the addresses of the chart pages of all experiments."""
        links = dict[str, str]()
        token: str | None = ""
        while token is not None:
            page = self.client.search_experiments(page_token=token or None)
            links |= {experiment.name: self._link(base, experiment.experiment_id) for experiment in page}
            token = page.token or None
        return links

    def _link(self, base: str, identifier: str, tag: str = charts.TAG) -> str:
        return charts.address(public(self.uri) if self.remote else base, identifier, tag)

    def bring(self, entries: Sequence[Entry], deadline: float) -> Report:
        """Upsert all entries, and once more those that failed, unless nothing gets through."""
        written, unchanged, failed = list[str](), 0, dict[str, str]()
        left = list(entries)
        for _ in range(2):
            self.failures.clear()
            outcomes = list(self._bring_all(left, deadline))
            written += [entry.key for entry, outcome in outcomes if outcome is True]
            unchanged += sum(outcome is False for _, outcome in outcomes)
            left = [entry for entry, outcome in outcomes if isinstance(outcome, str)]
            failed = {entry.key: str(outcome) for entry, outcome in outcomes if isinstance(outcome, str)}
            if not left or len(self.failures) >= _GIVE_UP_AFTER or time.monotonic() > deadline:
                break
        return Report(tuple(written), unchanged, tuple(failed.items()))

    def _bring_all(self, entries: Sequence[Entry], deadline: float) -> Iterator[tuple[Entry, bool | str]]:
        groups: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        for entry in entries:
            groups[entry.experiment, entry.study].append(entry)
        for (name, study), group in groups.items():
            try:
                experiment, index, new = self._experiment(name, study, group)
                runs = self._runs(experiment, "" if new else study, [entry.key for entry in group])
                group = [
                    entry._replace(tags=charts.coloured(entry.tags["kind"], entry.parameters, index) | dict(entry.tags))
                    for entry in group
                ]
            except Exception as error:
                why = faults.explain(error, self.uri)
                self.failures.append(why)
                yield from ((entry, why) for entry in group)
                continue

            def bring(entry: Entry, experiment: str = experiment, runs: Any = runs) -> bool | str:
                # A copy: another thread that gets through clears the list.
                recent = list(self.failures)
                if len(recent) >= _GIVE_UP_AFTER:
                    return recent[-1]
                if time.monotonic() > deadline:
                    return "out of time"
                try:
                    outcome = self._upsert(experiment, entry, runs.get(entry.key, []))
                    self.failures.clear()
                    return outcome
                except Exception as error:
                    why = faults.explain(error, self.uri)
                    self.failures.append(why)
                    return why

            with ThreadPoolExecutor(self.workers) as pool:
                yield from zip(group, pool.map(bring, group), strict=True)

    def resolve(self, succeeded: Collection[tuple[str, str]]) -> None:
        """Mark the failures of jobs that have succeeded since, each a study and a key."""
        experiment = self.client.get_experiment_by_name(FAILURES)
        if experiment is None:
            return
        # All of them first: what is superseded is no longer found, which would move the pages on.
        for run in list(self._search(experiment.experiment_id, "tags.state = 'current'")):
            if (run.data.tags.get("study", ""), run.data.tags.get("job_key", "")) in succeeded:
                self._supersede(run)

    def _search(self, experiment: str, query: str) -> Iterator["Run"]:
        token: str | None = ""
        while token is not None:
            page = self.client.search_runs([experiment], query, max_results=1000, page_token=token or None)
            yield from page
            token = page.token or None

    def _supersede(self, run: "Run") -> None:
        name = run.info.run_name.removesuffix(_SUPERSEDED) + _SUPERSEDED
        self.client.update_run(run.info.run_id, name=name)
        self.client.set_tag(run.info.run_id, "state", "superseded")

    def _experiment(self, name: str, study: str, entries: Sequence[Entry]) -> tuple[str, int, bool]:
        """Find or create an experiment, and keep its saved views, one of all studies and one of each, as its runs are.

        Returns the experiment, the index of the study in it, and whether it had none of the study before.
        """
        kind = "level" if name.endswith(LEVELS) else "chain"
        own = {*charts.FLAT, *charts.CURVED}
        kind = next((entry.tags["kind"] for entry in entries if entry.tags["kind"] in own), kind)
        if name not in self.experiments:
            experiment = self.client.get_experiment_by_name(name)
            if experiment is None:
                location = (self.artifacts / name).as_uri() if self.artifacts else None
                tags = {"mlflow.experimentKind": "custom_model_development", "mlflow.note.content": _note(name, kind)}
                identifier = self.client.create_experiment(name, artifact_location=location, tags=tags)
                experiment = self.client.get_experiment(identifier)
            elif experiment.lifecycle_stage == "deleted":
                self.client.restore_experiment(experiment.experiment_id)
            self.experiments[name] = experiment
        experiment = self.experiments[name]
        self.met[name].add(study)
        known = charts.studies(experiment.tags)
        new = study not in known
        index = known.setdefault(study, max(known.values(), default=-1) + 1)
        for tag, of in ((charts.TAG, ""), (charts.tag(study), study)):
            before = experiment.tags.get(tag, "")
            drawn = charts.content(before)
            metrics = drawn.metrics.union(metric.metric for entry in entries for metric in entry.metrics)
            parameters = drawn.parameters.union(*(entry.parameters for entry in entries))
            view = charts.view(kind, metrics, parameters, study=of, index=index, many=len(known) > 1)
            if view != before:
                self.client.set_experiment_tag(experiment.experiment_id, tag, view)
                experiment.tags[tag] = view
        return experiment.experiment_id, index, new

    def _runs(self, experiment: str, study: str, keys: Sequence[str]) -> dict[str, list["Run"]]:
        """Return the runs of a study by their keys; without a study those of no study, as they were written before 0.2.0."""
        runs: dict[str, list[Run]] = defaultdict(list)
        query = [f"tags.study = '{study}'"] if study else []
        if len(keys) == 1 and "'" not in keys[0]:
            query.append(f"tags.job_key = '{keys[0]}'")
        for run in self._search(experiment, " AND ".join(query)):
            if "job_key" in run.data.tags and run.data.tags.get("study", "") == study:
                runs[run.data.tags["job_key"]].append(run)
        return runs

    def _upsert(self, experiment: str, entry: Entry, runs: Sequence["Run"]) -> bool:
        """Make one run say what the entry says; return whether anything had to be written."""
        same = [run for run in runs if run.data.tags.get("fingerprint") == entry.fingerprint]
        # A lost answer to create_run leaves two; keep the one that got furthest, the older one if equal.
        same.sort(key=lambda run: (run.info.status != entry.status, run.info.start_time, run.info.run_id))
        changed = False
        for double in same[1:]:
            self.client.delete_run(double.info.run_id)
            changed = True
        changed |= self._write(experiment, entry, same[0] if same else None)
        for run in runs:
            if run not in same and run.data.tags.get("state") != "superseded":
                self._supersede(run)
                changed = True
        return changed

    def _write(self, experiment: str, entry: Entry, run: "Run | None") -> bool:
        """Write a run, the mark that it is complete last: its status if it is new, its tags if it is not."""
        from mlflow.entities import Metric, Param, RunTag

        complete = run is not None and run.info.status == entry.status
        tags = dict(run.data.tags) if run else {}
        job = entry.job if entry.job and not (complete and "job" in tags) else None
        wanted = {**entry.tags, "contents": entry.contents, "state": "current", "mlflow.runName": entry.name}
        wanted |= {"job": "logged"} if job else {}
        if complete and all(tags.get(name) == value for name, value in wanted.items()):
            return False
        if run is None:
            duration = max(0, entry.end - entry.start)
            tags = {"job_key": entry.key, "fingerprint": entry.fingerprint, "duration": str(duration), **wanted}
            run = self.client.create_run(experiment, entry.start, tags, entry.name)
        identifier, start = run.info.run_id, run.info.start_time
        metrics = [Metric(*point) for point in stamped(entry.metrics, start, int(tags["duration"]))]
        if job:
            costs = {"attempts": job.attempts, "seconds": job.seconds, "peak_memory_mib": job.peak_memory}
            metrics += [Metric(f"job/{name}", float(v), start, 0) for name, v in costs.items() if v is not None]
        self.client.log_batch(identifier, metrics, [Param(*pair) for pair in entry.parameters.items()])
        if entry.dataset:
            self._log_dataset(experiment, identifier, entry.dataset)
        for name, path in entry.artifacts.items():
            self.client.log_artifact(identifier, str(path), str(Path(name).parent) if "/" in name else None)
        for name, text in entry.texts.items():
            self.client.log_text(identifier, text, name)
        changed = [RunTag(name, value) for name, value in wanted.items() if tags.get(name) != value]
        if changed:
            self.client.log_batch(identifier, tags=changed)
        if not complete:
            self.client.set_terminated(identifier, entry.status, entry.end)
        return True

    def _log_dataset(self, experiment: str, run: str, described: Mapping[str, str | int]) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        name, digest = str(described["name"]), str(described["digest"])[:36]
        profile = json.dumps({key: value for key, value in described.items() if key not in ("name", "digest")})
        given = DatasetInput(Dataset(name, digest, "code", "{}", None, profile), [InputTag(_CONTEXT, "training")])
        if (experiment, name, digest) in self.datasets:
            self.client.log_inputs(run, [given])
            return
        # The store refuses a data set that two runs of an experiment name for the first time at once.
        with self.lock:
            self.client.log_inputs(run, [given])
            self.datasets.add((experiment, name, digest))


def _note(experiment: str, kind: str) -> str:
    if experiment == FAILURES:
        return "One run per job that failed, with the last lines of its log; superseded once the job has succeeded."
    return f"{_RUNS[kind]} Views → {charts.TITLES[kind]}, of one study or of all. Artifacts are copies of the results."
