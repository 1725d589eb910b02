"""Files of alignments: the two public forms of LibriSpeech's, for any corpus."""

import math
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from ..recordings import name_text, read_text
from ..utterances import CorpusError, composed

_CONDENSED = ".alignment.txt"
_TEXTGRID = ".TextGrid"
_LINE = re.compile(r'(\S.*?)\s+"([^"]*)"\s+"([^"]*)"')
_TOKEN = re.compile(r'"(?:[^"]|"")*"|(?<!\S)[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?(?!\S)|<exists>')
_SILENCES = frozenset({"", "sil", "sp", "spn"})
_CHAPTER = re.compile(r"(\d+-\d+)-\d+")


class Word(NamedTuple):
    """One word of a recording: from ``start`` to ``end``, in seconds; lower case."""

    word: str
    start: float
    end: float


class CondensedLine(NamedTuple):
    """One recording's line: words ("" is silence) in upper case as a rule, and their ends in seconds."""

    utterance: str
    words: tuple[str, ...]
    ends: tuple[float, ...]

    def __str__(self) -> str:
        ends = ",".join(f"{end:.3f}" for end in self.ends)
        return f'{self.utterance} "{",".join(self.words)}" "{ends}"'


def condensed_name(corpus: str, utterance: str) -> str:
    """The name of the file that has an utterance's line: one for each of LibriSpeech's chapters, else one for all."""
    chapter = _CHAPTER.fullmatch(utterance)
    return (chapter[1] if chapter else corpus) + _CONDENSED


class Alignments:
    """The alignments that lie anywhere below a folder, beside the recordings or in a folder of their own.

    Two forms are read: condensed, ``SPEAKER-CHAPTER.alignment.txt`` (of other corpora ``CORPUS.alignment.txt``) with
    lines ``UTTERANCE "W1,W2,,..." "t1,t2,..."`` (an empty word is silence, times are ends); and one TextGrid per
    recording, ``UTTERANCE.TextGrid`` with a tier "words", as the Montreal Forced Aligner writes it. A recording that
    has both is read from the condensed form, whose words are those of the transcript.
    """

    def __init__(self, corpus: str, folder: Path) -> None:
        self._corpus = corpus
        self._grids: dict[str, Path] = {}
        self._files: dict[str, Path] = {}
        self._read: tuple[str, dict[str, list[Word]]] = ("", {})
        # One place per name: where a tree holds the alignments twice, the first in alphabetical order is read.
        for parent, folders, files in os.walk(folder, onerror=_refuse):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(files):
                if name.startswith("."):
                    continue
                if name.endswith(_CONDENSED):
                    self._files.setdefault(name_text(name), Path(parent, name))
                elif name.endswith(_TEXTGRID):
                    self._grids.setdefault(name_text(name.removesuffix(_TEXTGRID)), Path(parent, name))

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._grids or self._files)

    def of(self, utterance: str) -> list[Word] | None:
        """The words of a recording, in order; None where it is not aligned.

        Raises:
            CorpusError: an alignment that cannot be read or is of neither form.
        """
        name = condensed_name(self._corpus, utterance)
        if self._read[0] != name:
            path = self._files.get(name)
            lines = () if path is None else condensed_lines(self._corpus, path)
            self._read = (name, {line.utterance: _timed(line, where) for where, line in lines})
        words = self._read[1].get(utterance)
        if words is None and utterance in self._grids:
            words = _textgrid(self._corpus, self._grids[utterance])
        return words


def _refuse(error: OSError) -> None:
    raise CorpusError(f"{error.filename} cannot be read ({error.strerror}): change its permissions") from error


def condensed_lines(corpus: str, path: Path) -> Iterator[tuple[str, CondensedLine]]:
    """The lines of a condensed file, each with its place for errors.

    Raises:
        CorpusError: the file cannot be read, or a line is of another form.
    """
    for number, line in enumerate(read_text(corpus, path).splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{corpus}: {path} line {number}"
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise CorpusError(f'{where} is not \'UTTERANCE "W1,W2,,..." "t1,t2,..."\': fetch it again')
        words, times = match[2].split(","), match[3].split(",")
        if len(words) != len(times):
            raise CorpusError(f"{where} has {len(words)} words but {len(times)} times: fetch it again")
        yield where, CondensedLine(composed(match[1]), tuple(words), tuple(_seconds(time, where) for time in times))


def _timed(line: CondensedLine, where: str) -> list[Word]:
    return _spoken(zip(line.words, (0.0, *line.ends), line.ends, strict=False), where)


def _textgrid(corpus: str, path: Path) -> list[Word]:
    """Read the tier of words: Praat takes free-standing numbers, quoted texts and flags, and skips all else."""
    where = f"{corpus}: {path}"
    tokens = (match[0] for match in _TOKEN.finditer(read_text(corpus, path)))

    def take(kind: Callable[[str], bool]) -> str:
        token = next(tokens, None)
        if token is None or not kind(token):
            raise CorpusError(f"{where} is no TextGrid with a tier of words: fetch it again")
        return token

    def number(token: str) -> bool:
        return token[0] not in '"<'

    def quoted(token: str) -> bool:
        return token[0] == '"'

    def count() -> int:
        return int(take(lambda token: token.isdecimal() and len(token) < 10))

    for kind in (quoted, quoted, number, number, "<exists>".__eq__):
        take(kind)
    for _ in range(count()):
        intervals = take(quoted) == '"IntervalTier"'
        name = take(quoted)[1:-1].lower()
        for _ in ("from", "to"):
            take(number)
        if intervals and (name == "words" or name.endswith("- words")):
            rows = [(take(number), take(number), take(quoted)[1:-1]) for _ in range(count())]
            timed = ((word, _seconds(start, where), _seconds(end, where)) for start, end, word in rows)
            return _spoken(timed, where)
        for _ in range(count()):
            for kind in (number, number, quoted) if intervals else (number, quoted):
                take(kind)
    raise CorpusError(f"{where} has no tier of words: fetch it again")


def _seconds(time: str, where: str) -> float:
    try:
        seconds = float(time)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise CorpusError(f"{where}: {time!r} is no time in seconds: fetch it again")
    return seconds


def _spoken(timed: Iterator[tuple[str, float, float]], where: str) -> list[Word]:
    """Leave out silence, what was not understood (``<unk>``), and words without duration."""
    words, before = [], 0.0
    for text, start, end in timed:
        if end < start or start < before:
            raise CorpusError(
                f"{where}: the times go back from {max(start, before)} s to {min(start, end)} s: fetch it again"
            )
        before = end
        word = text.strip().lower()
        if word not in _SILENCES and not word.startswith("<") and end > start:
            words.append(Word(word, start, end))
    return words
