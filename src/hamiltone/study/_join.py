"""Putting together what one study has left in several places, as the seeds that several machines have carried out."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hamiltone.files import atomic_path
from hamiltone.records import PLANS, RECORD, Condition, PlannedRun, StudyPlan, find_plan

from ._errors import StudyError
from ._recordings import SPLITS
from ._settings import Study


def join_studies(folders: Sequence[Path], out: Path, *, study: str | None = None, command: str = "") -> StudyPlan:
    """Make one study of several that differ in their seeds alone, so that one report tells all of them.

    A run that several have is that of the first folder in which it is done. So one copy is kept of what is frozen, and
    recognisers of another machine were trained beside their own, which may differ from it in rounding.

    Args:
        folders: of studies; what is done in none of them is not done in the joined one either.
        out: a new folder, which gets copies of their runs and splits, and the joined plan.
        study: which study of the folders, by name; needed only where one of them has several.
        command: how this was started, for the plan.

    Returns:
        The joined plan.

    Raises:
        StudyError: fewer than two studies, other settings than the seeds, different runs of one seed, files that
            cannot be copied, or ``out`` is there already.
        RecordError: a plan that cannot be read, no such study in a folder, or several and none chosen.
    """
    if len({*folders}) < 2:
        raise StudyError("join: name two folders of studies at least")
    if out.exists():
        raise StudyError(f"{out}: is there already; give --out a new folder")
    plans = {folder: _plan(folder, study) for folder in folders}
    joined = _joined(plans, command)
    with atomic_path(out) as draft:
        draft.mkdir()
        for run in joined.runs:
            places = [place for folder in plans if (place := folder / run.folder).is_dir()]
            if places:
                _copy(next((place for place in places if (place / RECORD).is_file()), places[0]), draft / run.folder)
        for folder in plans:
            if (folder / SPLITS).is_dir():
                _copy(folder / SPLITS, draft / SPLITS)
        joined.write(draft / PLANS / f"{joined.study}.json")
    return joined


def _copy(source: Path, place: Path) -> None:
    try:
        shutil.copytree(source, place, ignore=shutil.ignore_patterns(".*"), dirs_exist_ok=True)
    except shutil.Error as error:
        file, _, reason = error.args[0][0]
        raise StudyError(f"{file}: cannot be copied ({reason}); does a run of it still go on?") from error


def _plan(folder: Path, study: str | None) -> StudyPlan:
    if not folder.is_dir():
        raise StudyError(f"{folder}: there is no such folder")
    plan = find_plan(folder, study)
    if plan is None:
        raise StudyError(f"{folder}: has no plan of a study in {PLANS}/")
    return StudyPlan.read(plan)


def _joined(plans: Mapping[Path, StudyPlan], command: str) -> StudyPlan:
    (first_folder, first), *_ = plans.items()
    runs: dict[str, PlannedRun] = {}
    cells: dict[Condition, tuple[Path, str]] = {}
    seeds: set[int] = set()
    for folder, plan in plans.items():
        ours, theirs = _without_seeds(first), _without_seeds(plan)
        if other := sorted(key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key)):
            raise StudyError(
                f"{folder}: has another {other[0]} than {first_folder}; join studies that differ in their seeds alone"
            )
        for run in plan.runs:
            for cell in filter(None, (run.cell, *run.also)):
                before, name = cells.setdefault(cell, (folder, run.folder))
                if name != run.folder:
                    raise StudyError(
                        f"{folder}: has seed {cell.seed}, and so has {before}, by other settings, recordings or "
                        "versions; leave one of them out"
                    )
            runs[run.folder] = _with_cells_of(runs.get(run.folder, run), run)
        seeds |= {*plan.settings.get("seeds", Study.model_fields["seeds"].default)}
    settings = first.settings | {"seeds": sorted(seeds)}
    return first.model_copy(update={"command": command, "settings": settings, "runs": tuple(runs.values())})


def _with_cells_of(run: PlannedRun, other: PlannedRun) -> PlannedRun:
    """A run that also fills what the other plan has it fill: networks that share it may have seeds of their own."""
    cells = dict.fromkeys(filter(None, (run.cell, *run.also, other.cell, *other.also)))
    first, *others = cells or (None,)
    return run.model_copy(update={"cell": first, "also": tuple(others)})


def _without_seeds(plan: StudyPlan) -> dict[str, Any]:
    return {key: value for key, value in plan.settings.items() if key != "seeds"}
