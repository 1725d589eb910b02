"""Segments of recordings, as a diariser finds them: who speaks from when to when (RTTM, or a table)."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from hamiltone.audio import SAMPLE_RATE, AudioError
from hamiltone.files import MISSING

from ._errors import ServiceError
from ._tables import delimiter, table_rows, text_lines

_END_TOLERANCE = 0.5  # seconds: diarisers round, and pad what they find
_LATEST = 1e9  # seconds: no recording lasts for 30 years
_COLUMNS = ("start", "end")


@dataclass(frozen=True)
class Segment:
    """A range of a recording, in seconds, and who speaks in it (None: not told)."""

    start: float
    end: float
    speaker: str | None = None


def read_segments(
    file: Path | str, recordings: Sequence[Path], *, unnamed: Callable[[str], None] | None = None
) -> dict[Path, list[Segment]]:
    """Segments by recording, in the order of the file.

    RTTM has a line ``SPEAKER FILE CHANNEL START DURATION <NA> <NA> SPEAKER ...`` for each. A table has a heading with
    ``start``, ``end`` and perhaps ``speaker`` and ``recording``, separated by commas, semicolons or tabs. A recording
    is found by its name, with its suffix or without; where there is one alone, and one alone is named, it is that.

    Args:
        file: the segments.
        recordings: what they may be of.
        unnamed: is told, in a line, of each recording that has no segment, and the others serve, if there are some;
            None: it is an error.

    Raises:
        ServiceError: the file cannot be read or is neither, a line of it is wrong, or a recording has no segment.
    """
    file = Path(file)
    lines = text_lines(file, "segments")
    lines = [line if line.strip() and not line.startswith(";;") else "" for line in lines]  # RTTM's comments
    heading = next((line for line in lines if line), "")
    is_table = {*_COLUMNS} <= {cell.strip(' "').lower() for cell in heading.split(delimiter([heading]))}
    rttm = not is_table and any(line.split()[0] in ("SPEAKER", "SPKR-INFO") for line in lines if line)
    named = list(_rttm_segments(file, lines) if rttm else _table_segments(file, lines)) if any(lines) else []
    if not named:
        raise ServiceError(f"{file}: holds no segment")
    names = {name for name, _ in named}
    _check_names(file, names, recordings)
    by_name: dict[str, list[tuple[int, Segment]]] = {}
    for place, (name, segment) in enumerate(named):
        by_name.setdefault(name, []).append((place, segment))
    alone = len(recordings) == len(names) == 1
    found: dict[Path, list[Segment]] = {}
    lacking = []
    for recording in recordings:
        own = names if alone else _names_of(recording)
        # In the order of the file, whatever the names.
        if its := [
            segment for _, segment in sorted((one for name in own for one in by_name.get(name, ())), key=_place)
        ]:
            found[recording] = its
        else:
            lacking.append(f"{file}: has no segment of {recording}, only of {', '.join(sorted(names)[:5])}")
    if lacking and (unnamed is None or not found):
        raise ServiceError(lacking[0])
    for line in lacking:
        assert unnamed is not None
        unnamed(line)
    return found


def _place(numbered: tuple[int, Segment]) -> int:
    return numbered[0]


def _names_of(recording: Path) -> set[str]:
    """What a table may call it; nothing, where it is the only one."""
    return {recording.name, recording.stem, str(recording), ""}


def _check_names(file: Path, names: Iterable[str], recordings: Sequence[Path]) -> None:
    """See that each name is that of one recording at most."""
    called: dict[str, dict[Path, None]] = {}
    for recording in recordings:
        for name in _names_of(recording):
            called.setdefault(name, {})[recording] = None
    for name in sorted(names):
        meant = [*called.get(name, ())]
        if len(meant) > 1:
            told = f"{name} may be {meant[0]} or {meant[1]}" if name else f"{len(meant)} recordings, and it names none"
            raise ServiceError(f"{file}: {told}; take one of them, or name each by its path in a column recording")


def cut_segments(
    blocks: Iterable[Float32[np.ndarray, "_"]], segments: Sequence[Segment], path: Path | str
) -> Iterator[tuple[Segment, Float32[np.ndarray, " sample"]]]:
    """Segments of a stream at 16 kHz with their samples, as soon as their ends are there; it is walked through once.

    Raises:
        AudioError: the stream ends before a segment does (which may do so by 0.5 s).
    """
    waiting = sorted(segments, key=lambda segment: segment.end)
    pieces: dict[int, list[np.ndarray]] = {number: [] for number in range(len(waiting))}
    first = done = 0
    for block in blocks:
        last = first + len(block)
        for number in range(done, len(waiting)):
            start, stop = _samples(waiting[number])
            if start < last and stop > first:
                pieces[number].append(block[max(0, start - first) : stop - first])
        while done < len(waiting) and _samples(waiting[done])[1] <= last:
            yield waiting[done], np.concatenate(pieces.pop(done))
            done += 1
        first = last
    for number in range(done, len(waiting)):
        segment = waiting[number]
        if segment.end > first / SAMPLE_RATE + _END_TOLERANCE or not pieces[number]:
            raise AudioError(
                f"{path}: the segment from {segment.start:g} to {segment.end:g} s ends behind the recording, which has "
                f"{first / SAMPLE_RATE:.2f} s; are these the segments of another one?"
            )
        yield segment, np.concatenate(pieces[number])


def _samples(segment: Segment) -> tuple[int, int]:
    start = round(segment.start * SAMPLE_RATE)
    return start, max(start + 1, round(segment.end * SAMPLE_RATE))


def _rttm_segments(file: Path, lines: Sequence[str]) -> Iterator[tuple[str, Segment]]:
    for number, line in enumerate(lines, 1):
        kind, *fields = line.split() or [""]
        if kind != "SPEAKER":
            continue
        if len(fields) < 7:
            raise ServiceError(f"{file}, line {number}: has {len(fields) + 1} fields, where RTTM has 8 to 10")
        start, duration = (_seconds(file, number, text) for text in fields[2:4])
        yield fields[0], _segment(file, number, start, start + duration, fields[6])


def _table_segments(file: Path, lines: Sequence[str]) -> Iterator[tuple[str, Segment]]:
    decimal_commas = delimiter(lines) != ","  # where a comma can be nothing but a decimal one
    for number, row in table_rows(file, lines, "segments, which are no RTTM,", _COLUMNS):
        texts = [row[name] for name in _COLUMNS]
        if decimal_commas:
            texts = [text.replace(",", ".") for text in texts]
        start, end = (_seconds(file, number, text) for text in texts)
        yield row.get("recording", ""), _segment(file, number, start, end, row.get("speaker", ""))


def _seconds(file: Path, number: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < _LATEST:
        raise ServiceError(f"{file}, line {number}: {text!r} is no time in seconds")
    return value


def _segment(file: Path, number: int, start: float, end: float, speaker: str) -> Segment:
    if not start < end:
        raise ServiceError(f"{file}, line {number}: the segment from {start:g} to {end:g} s holds no sound")
    return Segment(start, end, None if speaker in MISSING else speaker)
