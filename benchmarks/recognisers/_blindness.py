"""Page of the probes: does anti-transfer make layers blind to speakers and sentences, and does recall follow?"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from scipy.stats import rankdata

from hamiltone.files import atomic_write
from hamiltone.measures import mean_over_folds, unweighted_average_recall

from ..pages import markdown_table, put_between, svg_text
from ._errors import ComparisonError
from ._folds import Places
from ._probes import PROBES, read_probes
from ._results import read_answers, read_results
from ._systems import NetworkSystem, read_systems
from ._text import interval_text

BEGIN, END = "<!-- probes -->", "<!-- end of the probes -->"
PICTURE = "blindness.svg"
TARGETS = {"speaker": "who speaks", "word": "which sentence", "emotion": "which emotion"}
Run = tuple[int, int]
"""Fold and seed."""
_COLOURS = ("#5c6670", "#0072b2", "#d55e00", "#009e73", "#cc79a7")


@dataclass(frozen=True)
class Followed:
    """How the recall of two runs differs where their last hidden layers differ in what they tell of speakers.

    Attributes:
        rho: Spearman's rank correlation over pairs of runs of one fold and seed; None where nothing changes.
        pairs: how many.
    """

    rho: float | None
    pairs: int


def write_blindness(protocol: str, places: Places, page: Path) -> None:
    """Put the tables of a protocol's probes into the page, and draw the picture beside it.

    Raises:
        HamiltoneError: no probes, or a page without a place for the tables.
    """
    table = read_probes(places.results / protocol / PROBES)
    systems = {
        name: system
        for name, system in read_systems(places.systems).items()
        if name in set(table["system"]) and isinstance(system, NetworkSystem)
    }
    titles = {name: system.title for name, system in systems.items()}
    parts = [
        _target_section(table.query("target == @target"), said, systems)
        for target, said in TARGETS.items()
        if target in set(table["target"])
    ]
    parts.append(_followed_section(table, systems, protocol, places))
    drawn = _picture(table, titles)
    put_between(page, BEGIN, END, "\n" + "\n".join(parts))
    atomic_write(page.parent / PICTURE, drawn)


def _accuracies(table: pd.DataFrame, system: str, layer: int) -> dict[Run, float]:
    rows = table.query("system == @system and layer == @layer")
    columns = (rows[name].tolist() for name in ("fold", "seed", "accuracy"))
    return {(fold, seed): accuracy for fold, seed, accuracy in zip(*columns, strict=True)}


def _less(values: Mapping[Run, float], others: Mapping[Run, float]) -> dict[Run, float]:
    """The differences of the folds and seeds that both have."""
    return {run: value - others[run] for run, value in values.items() if run in others}


def _layers(table: pd.DataFrame) -> dict[int, str]:
    return dict(sorted(zip(table["layer"].tolist(), table["name"].tolist(), strict=True)))


def _chance(table: pd.DataFrame) -> float:
    return float(np.mean(table["chance"].to_numpy()))


def _target_section(table: pd.DataFrame, said: str, systems: Mapping[str, NetworkSystem]) -> str:
    pairs = [(name, str(system.compared_with)) for name, system in systems.items() if system.compared_with in systems]
    plain = [name for name, system in systems.items() if system.compared_with is None]
    columns = ["layer", "", *(systems[name].title for name in plain)]
    columns += [f"{systems[name].title}, less {systems[other].title}" for name, other in pairs]
    rows = []
    for layer, name in _layers(table).items():
        found = {one: _accuracies(table, one, layer) for one in systems}
        row = [str(layer), f"`{name}`", *(interval_text(mean_over_folds(found[one])) for one in plain)]
        row += [interval_text(mean_over_folds(_less(found[one], found[other])), sign="+") for one, other in pairs]
        rows.append(row)
    return f"## Of {said}\n\nAlways the commonest: {_chance(table):.3f}.\n\n{markdown_table(columns, rows, left=2)}"


def _followed_section(table: pd.DataFrame, systems: Mapping[str, NetworkSystem], protocol: str, places: Places) -> str:
    lines = ["## Does recall follow?\n"]
    for name, system in systems.items():
        if system.compared_with in systems:
            found = followed(table, name, str(system.compared_with), protocol, places)
            lines.append(
                f"{system.title}: over {found.pairs} pairs of runs (same fold and seed, with and without the term) the "
                "change of the speaker's accuracy in the last hidden layer and the change of UAR have the rank "
                f"correlation {'(not estimable)' if found.rho is None else f'{found.rho:+.2f}'}.\n"
            )
    lines.append(
        "If less of the speaker meant more of the emotion, it would be clearly below 0. Pairs of a fold share their "
        "speakers, so no p is told.\n"
    )
    return "\n".join(lines)


def followed(table: pd.DataFrame, system: str, without: str, protocol: str, places: Places) -> Followed:
    """Whether recall rises where the speaker is told less.

    Raises:
        ComparisonError: a system without results.
    """
    speaker = table.query("target == 'speaker'")
    last = max(_layers(speaker))
    told = _less(_accuracies(speaker, system, last), _accuracies(speaker, without, last))
    recalls = _less(_recalls(protocol, system, places), _recalls(protocol, without, places))
    runs = sorted(told.keys() & recalls.keys())
    changes = [rankdata([values[run] for run in runs]) for values in (told, recalls)]
    changing = len(runs) > 2 and all(np.ptp(ranks) > 0 for ranks in changes)
    return Followed(float(np.corrcoef(changes)[0, 1]) if changing else None, len(runs))


def _recalls(protocol: str, system: str, places: Places) -> dict[Run, float]:
    results = read_results(places.results, protocol, system)
    if results is None:
        raise ComparisonError(f"{system} has no results on {protocol}: python -m benchmarks.recognisers train")
    answers = read_answers(places.results, results)
    recalls = {}
    for facts in results.folds:
        rows = answers.loc[(answers["fold"] == facts.fold) & (answers["seed"] == facts.seed)]
        recalls[facts.fold, facts.seed] = unweighted_average_recall(rows["truth"], rows["prediction"])
    return recalls


def _picture(table: pd.DataFrame, titles: Mapping[str, str]) -> str:
    """An SVG with a panel for each target; the same bytes for the same table."""
    targets = [target for target in TARGETS if target in set(table["target"])]
    with mpl.rc_context({"svg.hashsalt": "hamiltone", "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(3.1 * len(targets), 3.3), layout="constrained")
        FigureCanvasSVG(figure)
        every = figure.subplots(1, len(targets), squeeze=False)[0]
        for axes, target in zip(every, targets, strict=True):
            _panel(axes, table.query("target == @target"), titles)
            axes.set_title(TARGETS[target], fontsize=9, loc="left")
        every[0].set_ylabel("accuracy of a linear probe")
        figure.supxlabel("layer; the last one is the classifier's last hidden layer", fontsize=8)
        figure.legend(*every[0].get_legend_handles_labels(), frameon=False, loc="outside upper left", fontsize=8)
        return svg_text(figure)


def _panel(axes: Axes, table: pd.DataFrame, titles: Mapping[str, str]) -> None:
    layers = list(_layers(table))
    for number, (name, title) in enumerate(titles.items()):
        means = [mean_over_folds(_accuracies(table, name, layer)).estimate for layer in layers]
        axes.plot(layers, means, "o-", color=_COLOURS[number % len(_COLOURS)], label=title, markersize=3, linewidth=1.2)
    axes.axhline(_chance(table), color="0.5", linewidth=0.8, linestyle=":", label="the commonest class")
    axes.set_xticks(layers, [str(layer) for layer in layers], fontsize=7)
    axes.set_ylim(0, 1.02)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", linewidth=0.4, color="0.85")
