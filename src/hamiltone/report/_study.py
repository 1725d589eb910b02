"""A study as it stands on the disk: its plan, and what has become of each run."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ._records import ReportError, Run, read_model, read_runs_at, run_folders
from ._study_files import Condition, Failure, Plan, PlannedRun, Probe

State = Literal["done", "failed", "skipped", "absent"]
STATES: tuple[State, ...] = ("done", "failed", "skipped", "absent")
_REMEDY = "run the study again, or move the file away"


@dataclass(frozen=True)
class StudyRun:
    """A planned run and what has become of it.

    Attributes:
        planned: its entry in the plan.
        label: a short name that no other run of the study has.
        state: done, failed, skipped (it rests on a failed run) or absent (not run yet).
        reason: why it failed or was skipped, in one line.
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


@dataclass(frozen=True)
class Study:
    """A plan and its runs, in the plan's order.

    Attributes:
        name: the study's name.
        file: its plan, relative to the folder of the report.
        command: what made it.
        settings: the study's settings.
        runs: all planned runs.
        others: how many runs lie in the folder that this study does not know.
    """

    name: str
    file: str
    command: str
    settings: dict[str, Any]
    runs: tuple[StudyRun, ...]
    others: int

    @property
    def recognisers(self) -> list[StudyRun]:
        """The runs that recognise emotions."""
        return [run for run in self.runs if run.planned.cell is not None]

    @property
    def pretraining(self) -> list[StudyRun]:
        """The runs that others rest on: RH-Emo and the orthogonal tasks."""
        return [run for run in self.runs if run.planned.cell is None]

    @property
    def counts(self) -> dict[str, int]:
        """How many runs are planned, done, failed, skipped and absent."""
        states = Counter(run.state for run in self.runs)
        return {"planned": len(self.runs), **{state: states[state] for state in STATES}}


def find_plan(folder: Path, name: str | None = None) -> Path | None:
    """The plan of the study below ``folder`` that is asked for, or of its only one; None if it holds no study.

    Raises:
        ReportError: no such study, or several and none chosen; the line names those that are there.
    """
    plans = sorted((Path(folder) / "studies").glob("[!.]*.json"))
    names = ", ".join(plan.stem for plan in plans)
    if name is not None:
        chosen = [plan for plan in plans if plan.stem == name]
        if not chosen:
            there = f"there {'is' if len(plans) == 1 else 'are'} {names}" if plans else "there is none"
            raise ReportError(f"no study {name} in {Path(folder) / 'studies'}: {there}")
        return chosen[0]
    if len(plans) > 1:
        raise ReportError(f"{folder} holds several studies ({names}): choose one with --study NAME")
    return plans[0] if plans else None


def read_study(folder: Path, plan_file: Path) -> Study:
    """The study of a plan, with everything that its runs have left below ``folder``.

    Raises:
        ReportError: a plan, record, failure, probe or table of predictions that cannot be read; a plan with a folder
            twice, or with a run that rests on none of its runs.
    """
    folder = Path(folder)
    plan = read_model(Plan, plan_file, "plan of a study", _REMEDY)
    places = [planned.folder for planned in plan.runs]
    if wrong := _contradiction(plan):
        raise ReportError(f"{plan_file} is no plan of a study ({wrong}): {_REMEDY}")
    done = [place for place in places if (folder / place / "record.json").is_file()]
    runs = {run.place: run for run in read_runs_at(folder, done)}
    failures = _failures(folder, [place for place in places if place not in runs])
    skipped = _skipped([planned for planned in plan.runs if planned.folder not in runs], failures)
    labels = _labels(plan.runs)
    found = []
    for planned in plan.runs:
        place, state, reason = planned.folder, "absent", ""
        if place in runs:
            state = "done"
        elif place in failures:
            state, reason = "failed", failures[place]
        elif place in skipped:
            state, reason = "skipped", f"rests on {labels[skipped[place]]}, which failed"
        run = runs.get(place)
        found.append(
            StudyRun(
                planned=planned,
                label=labels[place],
                state=state,
                reason=reason,
                run=run and replace(run, label=labels[place]),
                probe=_probe(folder / place / "probe.json") if run else None,
            )
        )
    return Study(
        name=plan.study,
        file=plan_file.relative_to(folder).as_posix(),
        command=plan.command,
        settings=plan.settings,
        runs=tuple(found),
        others=len(set(run_folders(folder)) - set(places)),
    )


def _contradiction(plan: Plan) -> str:
    places = [planned.folder for planned in plan.runs]
    unknown = {need for planned in plan.runs for need in planned.needs} - set(places)
    if unknown:
        return f"{min(unknown)} is needed and not planned"
    twice = [place for place, times in Counter(places).items() if times > 1]
    if twice:
        return f"{min(twice)} is planned twice"
    seen: dict[tuple[Any, ...], str] = {}
    for planned in plan.runs:
        if cell := planned.cell:
            key = (cell.corpus, cell.split, cell.fold, cell.network, cell.method, cell.layer, cell.seed, cell.reseed)
            if seen.setdefault(key, planned.folder) != planned.folder:
                return f"{seen[key]} and {planned.folder} are the same cell"
    return ""


def _failures(folder: Path, places: Iterable[str]) -> dict[str, str]:
    files = {place: folder / place / "failure.json" for place in places}
    return {
        place: " ".join(read_model(Failure, path, "reason of a failure", _REMEDY).reason.split())
        for place, path in files.items()
        if path.is_file()
    }


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
    return read_model(Probe, path, "table of probes", "probe the run again") if path.is_file() else None


def _labels(planned: Sequence[PlannedRun]) -> dict[str, str]:
    """Names made of what differs between the recognisers of this study; of the others, their folder's name."""
    conditions = [run.cell for run in planned if run.cell]
    several = {
        name: len({getattr(condition, name) for condition in conditions}) > 1
        for name in ("corpus", "split", "seed", "fold")
    }
    labels = {run.folder: _label(run, several) for run in planned}
    times = Counter(labels.values())
    return {place: label if times[label] == 1 else f"{label} ({place})" for place, label in labels.items()}


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
    ]
    return ", ".join(part for part in parts if part)
