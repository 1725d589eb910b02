"""The results of a study: its plan, and what has become of each run."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import pandas as pd

from hamiltone.records import (
    FAILURE,
    PROBE,
    RECORD,
    Condition,
    Failure,
    PlannedRun,
    Probe,
    RunRecord,
    StudyPlan,
)

from ._runs import Run, in_order, read_runs_at, run_folders

State = Literal["done", "failed", "skipped", "absent"]
STATES: tuple[State, ...] = ("done", "failed", "skipped", "absent")
PAPER_SPLITS = ("random", "actor")
"""The paper's kinds of split, in its order."""
REAL, QUATERNION, EMBEDDING_CONTROL = "real", "quaternion", "real-on-embedding"
_REMEDY = "run the study again, or move the file away"


@dataclass(frozen=True)
class StudyRun:
    """A planned run and what has become of it.

    Attributes:
        planned: its entry in the plan.
        label: a short name that no other run of the study has.
        state: done, failed, skipped (it rests on a failed run) or absent (not run yet).
        reason: why it failed, was skipped or, trained, could not be probed, in one line.
        run: its record and predictions, where it is done.
        probe: what linear probes read from it, where it was probed.
    """

    planned: PlannedRun
    label: str
    state: State
    reason: str = ""
    run: Run | None = None
    probe: Probe | None = None

    @property
    def condition(self) -> Condition:
        """The condition of a recogniser."""
        assert self.planned.cell is not None
        return self.planned.cell

    @property
    def record(self) -> RunRecord | None:
        """Its record, where it is done."""
        return self.run and self.run.record

    @property
    def predictions(self) -> pd.DataFrame | None:
        """Its predictions, where it is done and has some."""
        return self.run and self.run.predictions


@dataclass(frozen=True)
class Trials:
    """All runs of one condition, whatever their seed, by the settings that were tried; one trial without a search."""

    condition: Condition
    runs: tuple[StudyRun, ...]

    @cached_property
    def by_trial(self) -> dict[tuple[tuple[str, str], ...], list[StudyRun]]:
        """The runs of each trial."""
        found: dict[tuple[tuple[str, str], ...], list[StudyRun]] = {}
        for run in self.runs:
            found.setdefault(run.condition.trial, []).append(run)
        return found

    @cached_property
    def chosen(self) -> list[StudyRun]:
        """Of the trial with the highest mean validation accuracy over its seeds; of equal ones the earlier."""
        return max(self.by_trial.values(), key=mean_validation)


def mean_validation(runs: Sequence[StudyRun]) -> float:
    """The mean validation accuracy; below all others where no record tells it."""
    known = [run.record.validation.accuracy.value for run in runs if run.record and run.record.validation]
    # Rounded, since a tie must not hang on the order in which seeds were added up.
    return round(math.fsum(known) / len(known), 12) if known else -math.inf


@dataclass(frozen=True)
class StudyResults:
    """A plan and its runs, in the plan's order.

    Attributes:
        plan: of the study.
        file: where the plan stands, relative to the folder of the report.
        runs: all planned runs.
        others: how many runs lie in the folder that this study does not know.
    """

    plan: StudyPlan
    file: str
    runs: tuple[StudyRun, ...]
    others: int

    @cached_property
    def recognisers(self) -> list[StudyRun]:
        """The runs that recognise emotions; where settings were searched, those of the chosen trials alone."""
        chosen = {id(run) for trials in self.searched for run in trials.chosen}
        return [run for run in self.runs if id(run) in chosen]

    @cached_property
    def searched(self) -> list[Trials]:
        """The recognisers, apart by all but seed and trial."""
        groups: dict[Condition, list[StudyRun]] = {}
        for run in self.runs:
            if run.planned.cell is not None:
                groups.setdefault(run.condition.model_copy(update={"seed": 0, "trial": ()}), []).append(run)
        return [Trials(condition, tuple(runs)) for condition, runs in groups.items()]

    def of(self, **condition: str | int) -> list[StudyRun]:
        """The recognisers under a condition: ``of(split="actor", network="real")``."""
        wanted = condition.items()
        return [run for run in self.recognisers if all(getattr(run.condition, key) == value for key, value in wanted)]

    @property
    def pretraining(self) -> list[StudyRun]:
        """The runs that others rest on: RH-Emo and the orthogonal tasks."""
        return [run for run in self.runs if run.planned.cell is None]

    @cached_property
    def corpora(self) -> list[str]:
        """The corpora of the recognisers, as planned."""
        return list(dict.fromkeys(run.condition.corpus for run in self.recognisers))

    @cached_property
    def splits(self) -> list[str]:
        """The kinds of split, the paper's first."""
        return in_order((run.condition.split for run in self.recognisers), PAPER_SPLITS)

    @cached_property
    def networks(self) -> list[str]:
        """The networks, the paper's first."""
        return in_order((run.condition.network for run in self.recognisers), (REAL, QUATERNION, EMBEDDING_CONTROL))

    @property
    def counts(self) -> dict[str, int]:
        """How many runs are planned, done, failed, skipped and absent."""
        states = Counter({run.planned.folder: run.state for run in self.runs}.values())
        return {"planned": states.total(), **{state: states[state] for state in STATES}}


def read_study(folder: Path, plan_file: Path) -> StudyResults:
    """The results of a plan: everything that its runs have left below ``folder``.

    Raises:
        RecordError: a plan, record, failure, probe or table of predictions that cannot be read.
    """
    folder = Path(folder)
    plan = StudyPlan.read(plan_file, _REMEDY)
    places = [planned.folder for planned in plan.runs]
    runs = {run.place: run for run in read_runs_at(folder, (at for at in places if (folder / at / RECORD).is_file()))}
    failures = _failures(folder, places)  # of a finished run: that it could not be probed
    skipped = _skipped(
        [planned for planned in plan.runs if planned.folder not in runs],
        [place for place in failures if place not in runs],
    )
    cells = [
        planned.model_copy(update={"cell": cell, "also": ()})
        for planned in plan.runs
        for cell in (planned.cell, *planned.also)
    ]
    labels = _labels(cells)
    named = {planned.folder: label for planned, label in zip(cells, labels, strict=True)}
    found = []
    for planned, label in zip(cells, labels, strict=True):
        place = planned.folder
        if place in runs:
            probe = _probe(folder / place / PROBE)
            told = f"trained, but not probed: {failures[place]}" if probe is None and place in failures else ""
            found.append(StudyRun(planned, label, "done", told, replace(runs[place], label=label), probe))
        elif place in failures:
            found.append(StudyRun(planned, label, "failed", failures[place]))
        elif place in skipped:
            found.append(StudyRun(planned, label, "skipped", f"rests on {named[skipped[place]]}, which failed"))
        else:
            found.append(StudyRun(planned, label, "absent"))
    others = len(set(run_folders(folder)) - set(places))
    return StudyResults(plan, plan_file.relative_to(folder).as_posix(), tuple(found), others)


def _failures(folder: Path, places: Iterable[str]) -> dict[str, str]:
    files = {place: folder / place / FAILURE for place in places}
    read = {place: Failure.read(path, _REMEDY) for place, path in files.items() if path.is_file()}
    return {place: " ".join(failure.reason.split()) for place, failure in read.items()}


def _skipped(planned: Sequence[PlannedRun], failures: Iterable[str]) -> dict[str, str]:
    """The runs that rest on a failed one, however far below, with the failed run."""
    cause = {place: place for place in failures}
    grown = True
    while grown:
        grown = False
        for run in planned:
            fallen = next((cause[need] for need in run.needs if need in cause), None)
            if run.folder not in cause and fallen is not None:
                cause[run.folder] = fallen
                grown = True
    return {place: root for place, root in cause.items() if place != root}


def _probe(path: Path) -> Probe | None:
    return Probe.read(path, "probe the run again") if path.is_file() else None


def _labels(planned: Sequence[PlannedRun]) -> list[str]:
    """Names made of what differs between the recognisers of this study; of the others, their folder's name."""
    conditions = [run.cell for run in planned if run.cell]
    several = {
        name: len({getattr(condition, name) for condition in conditions}) > 1
        for name in ("corpus", "split", "seed", "fold")
    }
    labels = [_label(run, several) for run in planned]
    times = Counter(labels)
    return [
        label if times[label] == 1 else f"{label} ({run.folder})" for run, label in zip(planned, labels, strict=True)
    ]


def _label(run: PlannedRun, several: dict[str, bool]) -> str:
    condition = run.cell
    if condition is None:
        return run.folder.rpartition("/")[2].removesuffix(f"-{run.key[:12]}")
    parts = [
        condition.corpus if several["corpus"] else "",
        f"{condition.split} split" if several["split"] else "",
        condition.network,
        "no AT" if condition.method == "none" else condition.method,
        "" if condition.layer is None else f"layer {condition.layer}",
        f"fold {condition.fold}" if several["fold"] else "",
        f"seed {condition.seed}" if several["seed"] else "",
        f"again {condition.reseed}" if condition.reseed else "",
        *(f"{key}={value}" for key, value in condition.trial),
    ]
    return ", ".join(part for part in parts if part)
