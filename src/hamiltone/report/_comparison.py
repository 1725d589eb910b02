"""Comparison of recognisers on the test clips that they share: differences of UAR, with intervals and tests."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from hamiltone.files import atomic_write
from hamiltone.measures import Interval, holm, paired_interval, paired_permutation_test
from hamiltone.measures import unweighted_average_recall_from_confusion as uar_from_confusion
from hamiltone.records import PREDICTIONS, read_predictions, read_record

from ._figure_style import PRINT, printed_files, shown, style
from ._pooled_clips import paired_clips, uar_of
from ._run_tables import markdown_table
from ._runs import ReportError, run_folders


@dataclass(frozen=True)
class Difference:
    """A recogniser beside the first one, on the clips that both were tested on.

    Attributes:
        name: its folder.
        clips: how many both have; a clip of several seeds counts for each.
        uar: its own on them.
        baseline: the first one's on them.
        difference: its UAR less the first one's, with an interval over speakers where there are enough.
        p: of the paired permutation test over speakers, after Holm where several are compared; None: too few speakers.
        left_out: how many clips only one of the two has.
    """

    name: str
    clips: int
    uar: Interval
    baseline: Interval
    difference: Interval
    p: float | None
    left_out: int


@dataclass(frozen=True)
class Comparison:
    """Recognisers beside the first one."""

    baseline: str
    differences: tuple[Difference, ...]

    @property
    def notes(self) -> list[str]:
        """What must be said of it."""
        notes = [
            f"{one.name}: {one.left_out} clips only one has are left out" for one in self.differences if one.left_out
        ]
        if few := next((one.difference.note for one in self.differences if one.p is None), ""):
            notes.append(f"difference and no more: interval and test {few}; six speakers are needed")
        if len(self.differences) > 1:
            notes.append(f"p is corrected for {len(self.differences)} comparisons (Holm)")
        return notes

    def rows(self) -> list[dict[str, str]]:
        """A row for each, in percentage points."""
        first = {
            "Run": self.baseline,
            "UAR": _percent(self.differences[0].baseline.estimate),
            "Difference": "first one",
        }
        return [
            first | {"95 % interval": "", "p": "", "Clips": "", "Speakers": ""},
            *(
                {
                    "Run": one.name,
                    "UAR": _percent(one.uar.estimate),
                    "Difference": f"{100 * one.difference.estimate:+.1f}",
                    "95 % interval": _span(one.difference),
                    "p": "" if one.p is None else f"{one.p:.4f}",
                    "Clips": str(one.clips),
                    "Speakers": str(one.difference.speakers),
                }
                for one in self.differences
            ),
        ]

    def write(self, folder: Path) -> list[Path]:
        """Write ``comparison`` into a folder as ``.md``, ``.csv``, ``.svg`` and ``.png``; the files."""
        notes = "".join(f"\n- {note}" for note in self.notes)
        with style(PRINT):
            pictures = printed_files(_figure(self))
        files: dict[str, bytes | str] = {
            "md": markdown_table(self.rows()) + "\n" + notes + "\n",
            "csv": pd.DataFrame(self.rows()).to_csv(index=False, lineterminator="\n"),
            **pictures,
        }
        paths = [folder / f"comparison.{kind}" for kind in files]
        for path, content in zip(paths, files.values(), strict=True):
            atomic_write(path, content)
        return paths


def compare_runs(folders: Sequence[Path | str]) -> Comparison:
    """Compare recognisers with the first of them, on the test clips that both have.

    Args:
        folders: of runs or evaluations, or folders that hold several runs (seeds, folds) of one recogniser, which are
            then compared seed by seed and fold by fold.

    Raises:
        ReportError: fewer than two, a folder without predictions, or no clip that two have.
        RecordError: a file that cannot be read.
    """
    if len(folders) < 2:
        raise ReportError("compare what with what? Name two runs at least: all others are compared with the first")
    places = [Path(folder).resolve() for folder in folders]
    if twice := [str(folder) for number, folder in enumerate(folders) if places[number] in places[:number]]:
        raise ReportError(f"{twice[0]} is named twice: each is compared with the first, so name it once")
    names, tables = [Path(folder).as_posix() for folder in folders], [_clips(Path(folder)) for folder in folders]
    found = [_difference(name, table, names[0], tables[0]) for name, table in zip(names[1:], tables[1:], strict=True)]
    corrected = holm([one.p for one in found])
    return Comparison(names[0], tuple(replace(one, p=p) for one, p in zip(found, corrected, strict=True)))


def _clips(folder: Path) -> pd.DataFrame:
    """The test clips of one recogniser, of each seed and fold."""
    tables = []
    for place in run_folders(folder) if folder.is_dir() else []:
        if (folder / place / PREDICTIONS).is_file():
            record = read_record(folder / place)
            facts = {"fold": record.split.fold or 0, "seed": record.settings.get("seed", 0)}
            tables.append(read_predictions(folder / place / PREDICTIONS).assign(**facts))
    if not tables and (folder / PREDICTIONS).is_file():  # of an evaluation, which has no record of a run
        tables = [read_predictions(folder / PREDICTIONS).assign(fold=0, seed=0)]
    if not tables:
        raise ReportError(f"{folder}: holds no {PREDICTIONS}; name the folder of a finished recogniser, or of its runs")
    clips = pd.concat(tables, ignore_index=True)
    if clips.set_index(["fold", "seed", "utterance"]).index.has_duplicates:
        raise ReportError(f"{folder}: holds several runs of one seed and fold: name the folder of one of them")
    return clips


def _advice(method: pd.DataFrame, first: pd.DataFrame) -> str:
    seeds, its = ({*table["seed"].tolist()} for table in (method, first))
    if seeds & its:
        return "give both the same split"
    told, other = (", ".join(map(str, sorted(one))) for one in (seeds, its))
    return (
        f"seed {told} against seed {other}; runs are compared seed by seed, so give both the same (an evaluation has "
        "seed 0)"
    )


def _difference(name: str, method: pd.DataFrame, first_name: str, first: pd.DataFrame) -> Difference:
    columns = ["fold", "seed", "utterance", "speaker", "truth", "prediction"]
    both = paired_clips(method.loc[:, columns], first.loc[:, columns])
    if both is None:
        raise ReportError(f"{name} and {first_name} share no test clip of one seed and fold: {_advice(method, first)}")
    asked = (uar_from_confusion, both.truth, both.prediction, both.baseline, both.speakers)
    table = pd.DataFrame({"truth": both.truth, "speaker": both.speakers})
    return Difference(
        name=name,
        clips=len(both.truth),
        uar=uar_of(table.assign(prediction=both.prediction)),
        baseline=uar_of(table.assign(prediction=both.baseline)),
        difference=paired_interval(*asked),
        p=paired_permutation_test(*asked).p,
        left_out=len(method) + len(first) - 2 * len(both.truth),
    )


def _figure(comparison: Comparison) -> Figure:
    found = comparison.differences
    figure = Figure(figsize=(5.2, 0.9 + 0.35 * len(found)), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.axvline(0, color=PRINT.faint, linewidth=1, linestyle="--")
    for place, one in enumerate(found):
        low, high = one.difference.low, one.difference.high
        if low is not None and high is not None:
            axes.plot([100 * low, 100 * high], [place, place], color=PRINT.series[0], linewidth=2)
        axes.plot(100 * one.difference.estimate, place, marker="o", markersize=6, color=PRINT.series[0])
    axes.set_yticks(range(len(found)), [shown(one.name) for one in found])
    axes.set(
        ylim=(len(found) - 0.4, -0.6),
        xlabel=f"UAR less that of {shown(comparison.baseline)}, in percentage points",
    )
    return figure


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _span(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return ""
    return f"{100 * interval.low:+.1f} to {100 * interval.high:+.1f}"
