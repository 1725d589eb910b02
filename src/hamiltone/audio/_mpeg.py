"""MPEG sound (layers I to III): a walk over the heads of its frames.

It tells MPEG sound from what begins alike, how much of it is there whatever a header estimates, and where another
recording begins.

Source: ISO/IEC 11172-3 and 13818-3, 2.4.1.3 (the head of a frame).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from ._parts import Part, Structure
from ._view import Piece, View

_HEAD = re.compile(rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff][\x10-\xeb]")

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_KILOBITS = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""By whether the version is 1, and by layer."""

_IN_A_ROW = 3
"""So many frames of one form that follow one another are no coincidence."""

_MARKS = (b"Xing", b"Info")
_BLOCK, _HEAD_BYTES = 1 << 16, 64


class _Frame(NamedTuple):
    """A frame's head: its size in bytes, its samples per channel, and what may not change within a recording."""

    size: int
    samples: int
    form: tuple[int, int, int, bool]

    @property
    def count_at(self) -> int:
        """Where an encoder leaves the number of frames, in a first frame that holds no sound."""
        version, _, _, mono = self.form
        return 4 + ((17 if mono else 32) if version == 3 else (9 if mono else 17))


@dataclass
class _Stretch:
    """Frames of one form that follow one another without a gap.

    ``announced`` is the number of frames that a first frame without sound promises, which is none of ``frames``: None
    where there is no such frame, 0 where it does not say.
    """

    start: int
    stop: int
    frame: _Frame
    announced: int | None = None
    frames: int = 0


@dataclass
class _Recording:
    """Stretches that are one recording."""

    stretches: list[_Stretch] = field(default_factory=list)

    @property
    def frames(self) -> int:
        return sum(stretch.frames for stretch in self.stretches)


def examine_mpeg(view: View, searched: int, length: int | None = None) -> Structure | None:
    """Walk over the frames; None where no MPEG sound begins in the first ``searched`` bytes.

    Args:
        view: what is looked at.
        searched: so far behind its beginning the first frame may lie.
        length: where the sound ends; None: with the view.
    """
    source = _Source(view, view.length if length is None else min(length, view.length))
    start = source.next_frame(0, searched)
    if start is None:
        return None
    recordings = _recordings(source, start)
    if not recordings:
        return None
    for recording in recordings:
        announced = recording.stretches[0].announced
        if announced and recording.frames < announced:
            return Structure(
                f"truncated or damaged: its header promises {announced} frames of sound, {recording.frames} are there",
                is_mpeg=True,
            )
    only = recordings[0].stretches
    if view.whole and len(recordings) == len(only) == 1 and only[0].announced and start == 0:
        return Structure(is_mpeg=True)
    return Structure(parts=tuple(_part(view, recording) for recording in recordings), is_mpeg=True)


def _part(view: View, recording: _Recording) -> Part:
    pieces: tuple[Piece, ...] = tuple(view.piece(stretch.start, stretch.stop) for stretch in recording.stretches)
    first = recording.stretches[0]
    if first.announced:  # its encoder says there, too, what it added at both ends
        return Part(pieces)
    return Part(pieces, frames=recording.frames * first.frame.samples)


def _recordings(source: "_Source", start: int) -> list[_Recording]:
    recordings: list[_Recording] = []
    for stretch in _stretches(source, start):
        if not stretch.frames and not stretch.announced:
            continue
        known = recordings[-1].stretches if recordings else []
        same = known and stretch.announced is None and stretch.frame.form == known[0].frame.form
        if not same or (known[0].announced and recordings[-1].frames >= known[0].announced):
            recordings.append(_Recording())
        recordings[-1].stretches.append(stretch)
    return recordings


def _stretches(source: "_Source", start: int) -> Iterator[_Stretch]:
    position: int | None = start
    stretch: _Stretch | None = None
    while position is not None:
        frame = source.frame(position)
        if frame is None or position + frame.size > source.length:
            if stretch is not None:
                yield stretch
            stretch = None
            position = source.next_frame(position + 1, source.length)
            continue
        announced = source.announced(position, frame)
        whole = stretch is not None and stretch.announced is not None and 0 < stretch.announced <= stretch.frames
        if stretch is None or announced is not None or whole or frame.form != stretch.frame.form:
            if stretch is not None:
                yield stretch
            # A first frame that does not say how many there are is left out: it holds no sound.
            stretch = _Stretch(position if announced != 0 else position + frame.size, 0, frame, announced)
        position += frame.size
        stretch.stop = position
        stretch.frames += announced is None
    if stretch is not None:
        yield stretch


class _Source:
    """The bytes of a view, a block of them at a time."""

    def __init__(self, view: View, length: int) -> None:
        self.length = length
        self._view = view
        self._block, self._start = b"", 0
        self._has_marks = False

    def frame(self, position: int) -> _Frame | None:
        """The frame that begins at a position, or None."""
        at = self._loaded(position)
        head = self._block[at : at + 4]
        if len(head) < 4 or head[0] != 0xFF:
            return None
        return _frame(head[1], head[2], head[3] >> 6 == 3)

    def announced(self, position: int, frame: _Frame) -> int | None:
        """The number of frames that a first frame without sound gives; 0 if it gives none, None for other frames."""
        at = self._loaded(position) + frame.count_at
        if not self._has_marks or frame.form[1] != 3:
            return None
        for start in (at, at + 2):  # a checksum in front of it is counted by some
            mark, flags, count = self._block[start : start + 4], self._block[start + 7], self._block[start + 8 :][:4]
            if mark in _MARKS:
                return int.from_bytes(count, "big") if flags & 1 else 0
        return None

    def next_frame(self, position: int, last: int) -> int | None:
        """The first position from this one to ``last`` where frames in a row begin, or a few up to the end."""
        while position <= min(last, self.length - 4):
            at = self._loaded(position)
            found = _HEAD.search(self._block, at)
            if found is None:
                position = max(position + 1, self._start + len(self._block) - 2)
                continue
            position = self._start + found.start()
            if position <= last and self._in_a_row(position):
                return position
            position += 1
        return None

    def _in_a_row(self, position: int) -> bool:
        form = None
        for _ in range(_IN_A_ROW):
            frame = self.frame(position)
            if frame is None or form not in {None, frame.form} or position + frame.size > self.length:
                return form is not None and position == self.length
            form = frame.form
            position += frame.size
        return True

    def _loaded(self, position: int) -> int:
        """Where a position lies in the block, which has what a frame's head tells from there on."""
        if not self._start <= position <= self._start + len(self._block) - _HEAD_BYTES:
            count = max(0, min(_BLOCK, self.length - position))
            self._start, self._block = position, self._view.at(position, count).ljust(_HEAD_BYTES, b"\0")
            self._has_marks = any(mark in self._block for mark in _MARKS)
        return position - self._start


@cache
def _frame(second: int, third: int, mono: bool) -> _Frame | None:
    version, layer = second >> 3 & 3, 4 - (second >> 1 & 3)
    index, rate_index, padding = third >> 4, third >> 2 & 3, third >> 1 & 1
    if second < 0xE0 or version == 1 or layer == 4 or index in {0, 15} or rate_index == 3:
        return None
    rate = _RATES[version][rate_index]
    bits = 1000 * _KILOBITS[version == 3, layer][index - 1]
    if layer == 1:
        return _Frame(4 * (12 * bits // rate + padding), 384, (version, layer, rate, mono))
    samples = 576 if layer == 3 and version != 3 else 1152
    return _Frame(samples // 8 * bits // rate + padding, samples, (version, layer, rate, mono))
