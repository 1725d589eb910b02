"""The check of a corpus: what was found against what is published, and what is wrong with it."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd

from hamiltone.audio import AUDIO_SUFFIXES, OTHER_SUFFIXES, SILENT_PEAK, AudioError, left_out

from ..loaders import CORPORA, Whole, listed_corpus, speaker_advice
from ..splits import class_remarks, column_problems
from ..utterances import Report, Utterances
from ._listening import Heard, listen

SHORTEST_SECONDS = 0.1
"""Utterances that are shorter are told."""

LONGEST_SECONDS = 60.0
"""Utterances that are longer are told."""

_END_TOLERANCE = 0.01
_NAMES_TOLD = 12

_NEEDS = {
    "speaker": "can split by recording alone (split.kind=random)",
    "emotion": "has nothing to tell apart",
}
"""What a run can do with a column of one value."""

Kind = Literal["unreadable", "silent", "clipped", "short", "long", "odd rate", "duplicate"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What can be wrong with a recording."""


@dataclass(frozen=True)
class Count:
    """How many clips there are of one speaker or class, and how many are published; None where that is not known."""

    found: int
    published: int | None


@dataclass(frozen=True)
class Problem:
    """What is wrong with one recording, or one utterance of it; it is named below the corpus' folder."""

    kind: Kind
    name: str
    text: str


@dataclass(frozen=True)
class CorpusCheck:
    """What there is of a corpus.

    Attributes:
        corpus: the loader's name.
        root: the folder that was read.
        tree: how the corpus should lie there.
        note: what the loader has to say, and which files look like sound and are none of the recordings.
        clips: how many utterances.
        speakers: speaker -> clips.
        column: what ``classes`` counts: "emotion", or "word" of corpora without emotions.
        classes: class -> clips, in the corpus' order.
        seconds: how much sound, of the recordings that can be read.
        rates: samples per second -> recordings.
        missing: what is published and not there, a line each.
        problems: what is wrong with recordings.
        remarks: what is wrong with the labels, a line each.
    """

    corpus: str
    root: str
    tree: str
    note: str
    clips: Count
    speakers: dict[str, Count]
    column: str
    classes: dict[str, Count]
    seconds: float
    rates: dict[int, int]
    missing: tuple[str, ...]
    problems: tuple[Problem, ...]
    remarks: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is missing and all can be read."""
        return not self.missing and not self.of("unreadable")

    def of(self, kind: Kind) -> list[Problem]:
        """The problems of one kind."""
        return [problem for problem in self.problems if problem.kind == kind]

    def as_json(self) -> dict[str, Any]:
        """The same as JSON has it."""
        return asdict(self) | {"sound": self.sound}


def check_corpus(name: str, root: str | Path | None = None, *, report: Report | None = None) -> CorpusCheck:
    """Compare a corpus on the disk with what is published of it, and listen to every recording.

    Told are recordings that cannot be read, silent ones (peak below ``SILENT_PEAK``), clipped ones (three or more
    samples in a row at full scale), utterances shorter than 0.1 s or longer than 60 s, recordings of another rate than
    most, and recordings with the same sound; besides, recordings without a speaker, and a column ``split`` that cannot
    be split by. Recordings are read in pieces: memory does not grow with their length.

    Args:
        name: as for ``load_corpus``.
        root: as for ``load_corpus``.
        report: told of progress.

    Raises:
        CorpusError: as ``load_corpus``: there is no such corpus at all, or something in its tree is not its own. But
            recordings that are not there, and broken links, are told as unreadable.
    """
    utterances = listed_corpus(name, root)
    table, whole = utterances.table, CORPORA[name].published(utterances)
    paths = list(dict.fromkeys(table["path"]))
    heard: dict[str, Heard | AudioError] = {}
    for number, path in enumerate(paths, start=1):
        try:
            heard[path] = listen(path)
        except AudioError as error:
            heard[path] = error
        if report is not None:
            report("listening", number, len(paths))
    column = whole.column if whole else next((name for name in ("emotion", "word") if utterances.labels(name)), "")
    speakers = _counts(utterances, "speaker", whole.by_speaker if whole else {})
    classes = _counts(utterances, column, whole.by_class if whole else {}) if column else {}
    readable = [found for found in heard.values() if isinstance(found, Heard)]
    return CorpusCheck(
        corpus=name,
        root=str(utterances.root),
        tree=CORPORA[name].tree,
        note="; ".join(filter(None, [utterances.note, _left_out(utterances)])),
        clips=Count(len(utterances), whole.clips if whole else None),
        speakers=speakers,
        column=column,
        classes=classes,
        seconds=float(sum(found.seconds for found in readable)),
        rates=dict(Counter(found.rate for found in readable).most_common()),
        missing=tuple(_missing(utterances, whole, speakers, classes)),
        problems=tuple(_below_root(_problems(utterances, heard), utterances.root)),
        remarks=tuple(_remarks(utterances)),
    )


def _left_out(utterances: Utterances) -> str:
    """Which files below the corpus' folder look like sound and are none of its recordings, unless its loader told."""
    if not utterances.root.is_dir() or "left out" in utterances.note:
        return ""
    known = set(utterances.table["path"])
    found = [
        path
        for parent, _, names in os.walk(utterances.root)
        for path in map(Path(parent).joinpath, names)
        if path.suffix.lower() in AUDIO_SUFFIXES | OTHER_SUFFIXES and path.name[0] != "." and str(path) not in known
    ]
    return left_out(sorted(found), utterances.root)


def _counts(utterances: Utterances, column: str, whole: Mapping[str, int]) -> dict[str, Count]:
    found = Counter(utterances.table[column].dropna().tolist())
    labels = dict.fromkeys([*whole, *utterances.labels(column)])
    return {label: Count(found[label], whole.get(label)) for label in labels}


def _missing(
    utterances: Utterances, whole: Whole | None, speakers: Mapping[str, Count], classes: Mapping[str, Count]
) -> Iterator[str]:
    if whole is None:
        if utterances.part:
            yield f"a part (there are {utterances.part})"
        return
    if len(utterances) < whole.clips:
        yield _lacking(len(utterances), whole.clips, "clips")
    present = sum(count.found > 0 for count in speakers.values())
    if present < whole.speakers:
        absent = [speaker for speaker, count in speakers.items() if count.found == 0]
        told = f": there is nothing of {_listed(absent)}" if absent else ""
        yield f"{_lacking(present, whole.speakers, whole.people)}{told}"
    there = {speaker: count for speaker, count in speakers.items() if count.found}
    for kind, counts in ((whole.people, there), (f"{whole.column} classes", classes)):
        fewer = [
            f"{count.published - count.found} of {count.published} of {label}"
            for label, count in counts.items()
            if count.published is not None and count.found < count.published
        ]
        if fewer:
            yield f"clips of {len(fewer)} {kind}: {_listed(fewer)}"


def _remarks(utterances: Utterances) -> Iterator[str]:
    nameless = int(utterances.table["speaker"].isna().to_numpy().sum())
    if nameless:
        who = (
            "no recording has a speaker"
            if nameless == len(utterances)
            else f"{nameless} of {len(utterances)} recordings have no speaker"
        )
        yield f"{who}: a run cannot split by speaker; {speaker_advice(utterances.corpus)}"
    for column in ("speaker", "emotion"):
        if len(labels := utterances.labels(column)) == 1:
            yield f"{column} is {labels[0]!r} throughout: a run {_NEEDS[column]}"
        yield from class_remarks(utterances, column)
    yield from column_problems(utterances)


def _lacking(found: int, published: int, what: str) -> str:
    return f"{published - found} of {published} {what} (there {'is' if found == 1 else 'are'} {found})"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMES_TOLD} more" if len(names) > _NAMES_TOLD else ""
    return ", ".join(names[:_NAMES_TOLD]) + more


def _problems(utterances: Utterances, heard: Mapping[str, Heard | AudioError]) -> Iterator[Problem]:
    rates = Counter(found.rate for found in heard.values() if isinstance(found, Heard))
    usual = max(rates, key=lambda rate: (rates[rate], rate), default=0)
    alike: dict[bytes, list[str]] = defaultdict(list)
    for path, found in heard.items():
        if isinstance(found, AudioError):
            yield Problem("unreadable", path, str(found).removeprefix(f"{path}: "))
            continue
        alike[found.sound].append(path)
        if found.peak < SILENT_PEAK:
            yield Problem("silent", path, f"peak {found.peak:.5f} of full scale")
        if found.clipped:
            yield Problem("clipped", path, f"{found.clipped} samples at full scale, in rows")
        if found.rate != usual:
            yield Problem("odd rate", path, f"{found.rate} Hz; most have {usual} Hz")
    for paths in alike.values():
        for path in paths[1:]:
            yield Problem("duplicate", path, f"the same sound as {paths[0]}")
    columns = [utterances.table[name].tolist() for name in ("utterance", "path", "start", "end")]
    for name, path, start, end in zip(*columns, strict=True):
        found = heard[path]
        if isinstance(found, Heard):
            whole = pd.isna(start) and pd.isna(end)
            yield from _length(path if whole else name, start, end, found.seconds)


def _length(name: str, start: float, end: float, seconds: float) -> Iterator[Problem]:
    """An utterance's bounds against its recording's length; NaN bounds are the recording's own."""
    start, end = 0.0 if pd.isna(start) else start, seconds if pd.isna(end) else end
    if start >= seconds or end > seconds + _END_TOLERANCE:
        text = f"lies from {start:g} to {end:g} s, but its recording ends at {seconds:g} s"
        yield Problem("unreadable", name, text)
    elif end - start < SHORTEST_SECONDS:
        yield Problem("short", name, f"{end - start:.3f} s")
    elif end - start > LONGEST_SECONDS:
        yield Problem("long", name, f"{end - start:.1f} s")


def _below_root(problems: Iterable[Problem], root: Path) -> list[Problem]:
    """The problems by kind, with names below the root instead of whole paths."""
    folder = f"{root if root.is_dir() else root.parent}/"
    short = [
        replace(problem, name=problem.name.removeprefix(folder), text=problem.text.replace(folder, ""))
        for problem in problems
    ]
    return sorted(short, key=lambda problem: (KINDS.index(problem.kind), problem.name))
