"""The plan of a study, and why a run of it failed."""

from collections import Counter
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator, model_validator

from ._content import Content, File, RecordError
from ._methods import Method

PLANS, FAILURE = "studies", "failure.json"
RunKind = Literal["rh-emo-1", "rh-emo-2", "word", "speaker", "recogniser"]


class Condition(Content):
    """What a recogniser of a study is trained under, in the words of the tables.

    Attributes:
        split: the kind of split.
        folds: how many folds cover the corpus, or None for one split by fractions.
        network: its name in the study.
        algebra: real or quaternion.
        front: the kind of its front.
        layer: the convolution whose feature map anti-transfer compares, or None without anti-transfer.
        trial: of a search, the settings that were tried, as keys and texts; empty without a search.
        reseed: above 0 for the further baselines among which the selection control chooses.
    """

    corpus: str
    split: str
    folds: int | None = None
    fold: int = 0
    network: str
    algebra: str
    front: str
    method: Method
    layer: int | None = None
    seed: int = 0
    reseed: int = 0
    trial: tuple[tuple[str, str], ...] = ()


class PlannedRun(Content):
    """One run of the plan.

    Attributes:
        folder: below the study's.
        key: of its settings and of all that it rests on.
        kind: what it trains.
        needs: the folders of the runs that it rests on.
        cell: of a recogniser.
        also: the other cells that it fills, as that of another network which does not differ in this run.
    """

    folder: str
    key: str
    kind: RunKind
    needs: tuple[str, ...]
    cell: Condition | None = None
    also: tuple[Condition, ...] = ()

    @field_validator("folder")
    @classmethod
    def _below(cls, folder: str) -> str:
        if folder.startswith("/") or ".." in folder.split("/"):
            raise ValueError("a run's folder lies below the study's")
        return folder


class StudyPlan(File):
    """Plan of a study: every run, written before the first one (``studies/NAME.json``)."""

    format: Literal[1] = 1
    study: str
    command: str
    settings: dict[str, Any]
    runs: tuple[PlannedRun, ...]

    @model_validator(mode="after")
    def _agree(self) -> "StudyPlan":
        folders = Counter(run.folder for run in self.runs)
        if unknown := {need for run in self.runs for need in run.needs} - folders.keys():
            raise ValueError(f"{min(unknown)} is needed and not planned")
        if twice := [folder for folder, times in folders.items() if times > 1]:
            raise ValueError(f"{min(twice)} is planned twice")
        seen: dict[Condition, str] = {}
        for run in self.runs:
            for cell in (run.cell, *run.also):
                if cell and seen.setdefault(cell, run.folder) != run.folder:
                    raise ValueError(f"{seen[cell]} and {run.folder} are the same cell")
        return self


def find_plan(folder: Path, name: str | None = None) -> Path | None:
    """The plan of the study below ``folder`` that is asked for, or of its only one; None if it holds no study.

    Raises:
        RecordError: no such study, or several and none chosen; the line names those that are there.
    """
    plans = sorted((Path(folder) / PLANS).glob("[!.]*.json"))
    names = ", ".join(plan.stem for plan in plans)
    if name is not None:
        chosen = [plan for plan in plans if plan.stem == name]
        if not chosen:
            there = f"there {'is' if len(plans) == 1 else 'are'} {names}" if plans else "there is none"
            raise RecordError(f"no study {name} in {Path(folder) / PLANS}: {there}")
        return chosen[0]
    if len(plans) > 1:
        raise RecordError(f"{folder} holds several studies ({names}): choose one with --study NAME")
    return plans[0] if plans else None


class Failure(File):
    """Reason of a failure: one line (``failure.json``)."""

    format: Literal[1] = 1
    reason: str
    command: str
