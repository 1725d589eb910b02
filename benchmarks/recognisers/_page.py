"""Page of the comparison: tables in Markdown, of what is done."""

from collections.abc import Mapping
from pathlib import Path

from hamiltone.files import atomic_write

from ..pages import markdown_table, put_between
from ._curve import curve_picture, curve_section, learning_curves
from ._folds import Places
from ._pace import read_pace
from ._picture import picture
from ._protocols import Protocol, read_protocols
from ._results import LOOKS, TRIALS, read_log
from ._scores import Difference, Measured, ProtocolScores, protocol_scores
from ._systems import read_systems
from ._text import interval_text

BEGIN, END = "<!-- tables of the recognisers -->", "<!-- end of the tables -->"
PICTURES = Path("pictures")
ORDER = ("ravdess8", "emodb7", "four", "loco")
"""Of the protocols on the page; others come after these."""

Titles = Mapping[str, str]


def write_page(places: Places, page: Path) -> None:
    """Put the tables into the page, and draw the picture beside it.

    Raises:
        HamiltoneError: results that do not fit each other, or a page without a place for the tables.
    """
    protocols, systems = read_protocols(places.protocols), read_systems(places.systems)
    names = sorted(protocols, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    scores = {}
    for name in names:
        measured = protocol_scores(places.results, name, corpora_of(protocols[name]), systems)
        if measured is not None:
            scores[name] = measured
    looks, trials = read_log(places.results, LOOKS), read_log(places.results, TRIALS)
    titles = {name: system.title for name, system in systems.items()}
    pace = read_pace(places.results)
    parts = [
        _section(name, protocols[name], one, titles, pace, [look for look in looks if look["protocol"] == name])
        for name, one in scores.items()
        if protocols[name].curve_of is None
    ]
    curves = {str(PICTURES / f"learning-curve-{one.protocol}.svg"): one for one in learning_curves(protocols, scores)}
    parts += [curve_section(one, path) for path, one in curves.items()]
    parts += [_looks(looks, titles), _trials(trials)]
    parts += ["## Which recordings\n", *(f"{line}.\n" for line in dict.fromkeys(one.corpus for one in scores.values()))]
    compared = {protocols[name].title: one for name, one in scores.items() if protocols[name].curve_of is None}
    drawn = {str(PICTURES / "recognisers.svg"): picture(compared)}
    drawn |= {path: curve_picture(one) for path, one in curves.items()}
    put_between(page, BEGIN, END, "\n".join(parts))
    for path, content in drawn.items():
        atomic_write(page.parent / path, content)


def corpora_of(protocol: Protocol) -> tuple[str, ...]:
    """The names of a protocol's corpora."""
    return tuple(part.name for part in protocol.corpus.parts) or (protocol.corpus.name,)


def _section(
    name: str,
    protocol: Protocol,
    scores: ProtocolScores,
    titles: Titles,
    pace: Mapping[str, float],
    looks: list[dict[str, str]],
) -> str:
    lines = [
        f"## {protocol.title}",
        "",
        f"`{name}`: {protocol.about} {scores.clips} clips of {scores.speakers} speakers test, in {scores.folds} folds, "
        f"each once. Configurations that were tested so far: {len(looks)}.",
        "",
        _results(scores),
    ]
    if scores.differences:
        lines += [_differences(scores.differences, titles)]
    lines += [_costs(scores.measured, pace)]
    told = {one.name for one in scores.measured}
    lines += [
        f"{'Not all told' if system in told else 'Not told'} yet: {titles[system]} ({count} trainings lack).\n"
        for system, count in scores.unfinished.items()
    ]
    return "\n".join(lines)


def _results(scores: ProtocolScores) -> str:
    groups = list(scores.measured[0].groups)
    several = scores.measured[0].mean is not None
    unanswered = any(one.unanswered for one in scores.measured)
    columns = ["system", "speaker's clips", "trainings", "UAR"]
    columns += [*(["mean of corpora"] if several else []), *groups, "ECE"]
    columns += ["no answer"] if unanswered else []
    rows = []
    for one in scores.measured:
        row = [one.system.title, "used" if one.system.per_speaker else "", str(len(one.seeds)), interval_text(one.uar)]
        row += [f"{one.mean:.3f}"] if one.mean is not None else []
        row += [interval_text(one.groups[group]) for group in groups]
        row += [f"{one.ece:.3f}"] + ([str(one.unanswered)] if unanswered else [])
        rows.append(row)
    return markdown_table(columns, rows, left=2)


def _differences(differences: tuple[Difference, ...], titles: Titles) -> str:
    rows = [
        [
            titles[one.name],
            titles[one.baseline],
            interval_text(one.interval, sign="+"),
            "" if one.p is None else f"{one.p:.4f}",
            "" if one.corrected is None else f"{one.corrected:.4f}",
        ]
        for one in differences
    ]
    return markdown_table(["system", "less", "UAR", "p", "p after Holm"], rows, left=2)


def _costs(measured: tuple[Measured, ...], pace: Mapping[str, float]) -> str:
    rows = [
        [
            one.system.title,
            f"{one.parameters:,.0f}",
            f"{one.model_bytes / 1e6:.3f}",
            f"{pace[one.name]:.4f}" if one.name in pace else "",
            f"{one.minutes:.1f}",
        ]
        for one in measured
    ]
    return markdown_table(["system", "parameters", "MB", "real-time factor", "CPU minutes of training a fold"], rows)


def _looks(looks: list[dict[str, str]], titles: Titles) -> str:
    told = [
        f"## How often the speakers who test were looked at\n\n{len(looks)} configurations, one a line. Further seeds "
        "of one are not counted, nor the [studies](evidence/index.md) on the same speakers, nor the trials below.\n"
    ]
    rows = [[titles.get(look["system"], look["system"]), look["protocol"], look["date"], look["why"]] for look in looks]
    return "\n".join([*told, markdown_table(["system", "protocol", "date", "why"], rows, left=4)] if rows else told)


def _trials(trials: list[dict[str, str]]) -> str:
    told = [
        f"## What was tried\n\n{len(trials)} trials, chosen among by speakers who validate. Where a note says that "
        "those who test were looked at, nothing was chosen by them.\n"
    ]
    rows = [[trial["what"], trial["note"], trial["validation"]] for trial in trials]
    return "\n".join([*told, markdown_table(["trial", "note", "UAR in validation"], rows, left=2)] if rows else told)
