"""Putting together what one study has left in several places, as the seeds that several machines have carried out."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hamiltone.files import atomic_path
from hamiltone.records import PLANS, Condition, PlannedRun, StudyPlan

from ._errors import StudyError
from ._recordings import SPLITS
from ._settings import Study


def join_studies(folders: Sequence[Path], out: Path, *, command: str = "") -> StudyPlan:
    """Make one study of several that differ in their seeds alone, so that one report tells all of them.

    Each may have a corpus, frozen networks and splits of its own below it: its recognisers rest on its own.

    Args:
        folders: of studies; what is not done there is not done in the joined one either.
        out: a new folder, which gets copies of their runs and splits, and the joined plan.
        command: how this was started, for the plan.

    Returns:
        The joined plan.

    Raises:
        StudyError: fewer than two studies, other settings than the seeds, a seed that two of them have, or ``out`` is
            there already.
        RecordError: a plan that cannot be read.
    """
    if len({*folders}) < 2:
        raise StudyError("join: name two folders of studies at least")
    if out.exists():
        raise StudyError(f"{out}: is there already; give --out a new folder")
    plans = {folder: _plan(folder) for folder in folders}
    joined = _joined(plans, command)
    with atomic_path(out) as draft:
        draft.mkdir()
        for folder, plan in plans.items():
            for run in plan.runs:
                if (folder / run.folder).is_dir() and not (draft / run.folder).exists():
                    shutil.copytree(folder / run.folder, draft / run.folder, ignore=shutil.ignore_patterns(".*"))
            if (folder / SPLITS).is_dir():
                shutil.copytree(folder / SPLITS, draft / SPLITS, dirs_exist_ok=True)
        joined.write(draft / PLANS / f"{joined.study}.json")
    return joined


def _plan(folder: Path) -> StudyPlan:
    plans = sorted((folder / PLANS).glob("*.json"))
    if len(plans) != 1:
        raise StudyError(f"{folder}: has {len(plans)} plans in {PLANS}/; join takes folders of one study each")
    return StudyPlan.read(plans[0])


def _joined(plans: Mapping[Path, StudyPlan], command: str) -> StudyPlan:
    (first_folder, first), *_ = plans.items()
    runs: dict[str, PlannedRun] = {}
    cells: dict[Condition, Path] = {}
    seeds: set[int] = set()
    for folder, plan in plans.items():
        ours, theirs = _without_seeds(first), _without_seeds(plan)
        if other := sorted(key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key)):
            raise StudyError(
                f"{folder}: has another {other[0]} than {first_folder}; join studies that differ in their seeds alone"
            )
        for run in plan.runs:
            for cell in filter(None, (run.cell, *run.also)):
                if cells.setdefault(cell, folder) != folder:
                    raise StudyError(f"{folder}: has seed {cell.seed}, and so has {cells[cell]}; leave one of them out")
            runs.setdefault(run.folder, run)
        seeds |= {*plan.settings.get("seeds", Study.model_fields["seeds"].default)}
    settings = first.settings | {"seeds": sorted(seeds)}
    return first.model_copy(update={"command": command, "settings": settings, "runs": tuple(runs.values())})


def _without_seeds(plan: StudyPlan) -> dict[str, Any]:
    return {key: value for key, value in plan.settings.items() if key != "seeds"}
