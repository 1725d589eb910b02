"""Forced alignment of a corpus: word boundaries from transcripts, in LibriSpeech's condensed form."""

import csv
import errno
import io
import math
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from hamiltone.audio import AudioError, load_audio
from hamiltone.files import atomic_write, locked

from ..utterances import CorpusError, Report, Utterances
from ._alignment_files import CondensedLine, condensed_lines, condensed_name
from ._forced_aligner import Aligner, NotAligned, known_form, spoken_words
from ._pronunciation import pronunciations

NOT_ALIGNED = "not-aligned.csv"

_LONGEST_SECONDS = 300.0  # memory grows with the recording
_BLOCK = 100  # utterances between two writings
_PER_TASK = 5


@dataclass(frozen=True)
class WordAlignment:
    """What ``align_words`` has done.

    Attributes:
        folder: where the alignments lie.
        utterances: how many the corpus has.
        aligned: how many of them are aligned.
        before: how many of these were aligned before.
        not_aligned: the others, each with the reason.
    """

    folder: Path
    utterances: int
    aligned: int
    before: int
    not_aligned: Mapping[str, str]


class _Task(NamedTuple):
    """One utterance to align."""

    utterance: str
    path: str
    start: float  # NaN: the recording's own bound
    end: float
    words: list[str]


def align_words(
    utterances: Utterances, out: Path | None = None, *, processes: int = 1, report: Report | None = None
) -> WordAlignment:
    """Find where each word of English recordings begins and ends, from their transcripts (column ``text``).

    pocketsphinx (extra ``align``) places the words; words outside its dictionary are pronounced by eSpeak NG (extra
    ``synthetic``). The result does not depend on processes, on order, or on what was aligned before.

    Written are ``SPEAKER-CHAPTER.alignment.txt`` (for corpora other than LibriSpeech one ``CORPUS.alignment.txt``) with
    lines ``UTTERANCE "W1,W2,,..." "t1,t2,..."`` (an empty word is silence, times are ends in seconds, to 10 ms), in
    the order of the utterances; and ``not-aligned.csv``. Lines that are there already and hold the transcript's words
    are kept as they are, whoever made them: interrupted, the same call goes on.

    Args:
        utterances: what to align.
        out: the folder to write to; ``alignments`` in the corpus' folder when None.
        processes: how many work side by side.
        report: told of progress: what, done, total.

    Raises:
        CorpusError: pocketsphinx is not installed, no transcript at all, a language other than English, a folder that
            cannot be written, or alignments in it that cannot be read.
        ValueError: ``processes`` is below 1.
    """
    if processes < 1:
        raise ValueError(f"processes must be at least 1, not {processes}")
    if utterances.language:
        raise CorpusError(
            f"{utterances.corpus}: is {utterances.language}, and the aligner knows English alone: take another corpus"
        )
    table = utterances.table
    if not table["text"].notna().to_numpy().any():
        raise CorpusError(f"{utterances.corpus}: has no transcripts (column text) to align words of")
    root = utterances.root if utterances.root.is_dir() else utterances.root.parent
    folder = root / "alignments" if out is None else Path(out).expanduser().absolute()
    _make_folder(folder)
    with locked(folder):
        words, reasons, spoken = _vocabulary(table)
        tree = _AlignmentFolder(folder, root, utterances)
        rows = zip(*(table[name] for name in ("utterance", "path", "start", "end")), strict=True)
        chosen = [_Task(name, path, start, end, words[name]) for name, path, start, end in rows if name in words]
        tasks = [task for task in chosen if not tree.has(task.utterance, task.words)]
        try:
            for number, (utterance, answer) in enumerate(_aligned_lines(tasks, spoken, processes), start=1):
                if isinstance(answer, str):
                    reasons[utterance] = answer
                else:
                    tree.add(answer)
                if number % _BLOCK == 0:
                    tree.write()
                if report is not None:
                    report("aligning", number, len(tasks))
        finally:
            tree.write()
        reasons = {name: reasons[name] for name in table["utterance"] if name in reasons}
        atomic_write(folder / NOT_ALIGNED, _reasons_table(reasons))
    return WordAlignment(folder, len(table), len(table) - len(reasons), len(chosen) - len(tasks), reasons)


def _make_folder(folder: Path) -> None:
    """Make the folder, so that one that cannot be written is seen before the long work."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for place in (folder, folder.parent):  # beside the folder lies its lock
            if not os.access(place, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))
    except OSError as error:
        raise CorpusError(
            f"{folder}: the alignments cannot be written there ({error.strerror}): "
            "name another folder for them (out, --out)"
        ) from error


def _vocabulary(table: pd.DataFrame) -> tuple[dict[str, list[str]], dict[str, str], dict[str, str]]:
    """The words of each utterance that can be aligned, why the others cannot, and words to add to the dictionary."""
    aligner = Aligner()
    texts = {
        utterance: [] if pd.isna(text) else [known_form(word, aligner.knows) for word in spoken_words(text)]
        for utterance, text in zip(table["utterance"], table["text"], strict=True)
    }
    foreign = sorted({word for words in texts.values() for word in words if not aligner.knows(word)})
    spoken, silent = pronunciations(foreign)
    words, reasons = {}, {}
    for utterance, said in texts.items():
        mute = next((word for word in said if word in silent), None)
        if not said:
            reasons[utterance] = "has no transcript"
        elif mute is not None:
            reasons[utterance] = f"{mute} {silent[mute]}"
        else:
            words[utterance] = said
    return words, reasons, spoken


class _AlignmentFolder:
    """The condensed files of a folder: what they hold, and what is still to be written."""

    def __init__(self, folder: Path, root: Path, utterances: Utterances) -> None:
        self._files: dict[str, Path] = {}
        for utterance, path in zip(utterances.table["utterance"], utterances.table["path"], strict=True):
            name, beside = condensed_name(utterances.corpus, utterance), Path(path).parent
            # A chapter of LibriSpeech lies as its recordings do.
            chapter = name != condensed_name(utterances.corpus, "") and beside.is_relative_to(root)
            self._files[utterance] = folder / (beside.relative_to(root) if chapter else "") / name
        self._lines: dict[Path, dict[str, CondensedLine]] = {}
        for file in dict.fromkeys(self._files.values()):
            lines = condensed_lines(utterances.corpus, file) if file.is_file() else ()
            self._lines[file] = {line.utterance: line for _, line in lines}
        self._changed: set[Path] = set()

    def has(self, utterance: str, words: list[str]) -> bool:
        """Whether an utterance is aligned with these words."""
        line = self._lines[self._files[utterance]].get(utterance)
        return line is not None and [word.lower() for word in line.words if word] == words

    def add(self, line: CondensedLine) -> None:
        file = self._files[line.utterance]
        self._lines[file][line.utterance] = line
        self._changed.add(file)

    def write(self) -> None:
        for file in sorted(self._changed):
            lines = self._lines[file]
            atomic_write(file, "".join(f"{lines[utterance]}\n" for utterance in sorted(lines)))
        self._changed.clear()


def _aligned_lines(
    tasks: list[_Task], spoken: Mapping[str, str], processes: int
) -> Iterator[tuple[str, CondensedLine | str]]:
    """The line of each utterance, or why there is none."""
    if processes == 1 or len(tasks) < 2:
        aligner = Aligner(spoken)
        yield from ((task.utterance, _aligned_line(aligner, task)) for task in tasks)
        return
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _start_worker, (dict(spoken),))
    try:
        answers = pool.map(_line_in_worker, tasks, chunksize=_PER_TASK)
        yield from zip((task.utterance for task in tasks), answers, strict=True)
    finally:
        pool.shutdown(cancel_futures=True)


_worker_aligner: list[Aligner] = []
"""The aligner of a worker process."""


def _start_worker(spoken: dict[str, str]) -> None:
    _worker_aligner.append(Aligner(spoken))


def _line_in_worker(task: _Task) -> CondensedLine | str:
    return _aligned_line(_worker_aligner[0], task)


def _aligned_line(aligner: Aligner, task: _Task) -> CondensedLine | str:
    start, end = (None if math.isnan(bound) else bound for bound in (task.start, task.end))
    try:
        samples = load_audio(task.path, maximum_seconds=_LONGEST_SECONDS, start=start, end=end)
        placed = aligner.align(samples, task.words)
    except (AudioError, NotAligned) as error:
        return str(error)
    offset = start or 0.0
    before = [("", offset)] if offset else []
    words, ends = zip(*before, *((word.upper(), offset + end) for word, end in placed), strict=True)
    return CondensedLine(task.utterance, words, ends)


def _reasons_table(reasons: Mapping[str, str]) -> str:
    content = io.StringIO()
    rows = csv.writer(content, lineterminator="\n")
    rows.writerow(("utterance", "reason"))
    rows.writerows(reasons.items())
    return content.getvalue()
