"""Loading and resampling: files to waveforms of 16 kHz, mono, float32.

Decoding is libsndfile's (soundfile) or FFmpeg's (PyAV), resampling is soxr's in its streaming form, for whole files and
for blocks alike: both walk through the same pieces, so a stream's concatenation is bit for bit what ``load_audio``
gives.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soxr
from jaxtyping import Float32

from ._decoding import Recording, opened
from ._errors import AudioError, AudioLengthError
from ._isolation import decode_apart

SAMPLE_RATE = 16000
"""Hz; the rate of every waveform in this package."""

_LOUDEST = 1e10
"""Times full scale: what integers that nobody has scaled reach, and far below what a power or its sum can hold."""

_END_TOLERANCE = 0.01
"""Seconds by which a segment's end may lie behind the file's: tables of segments are rounded."""


def load_audio(
    path: str | os.PathLike[str],
    *,
    maximum_seconds: float | None = 3600.0,
    start: float | None = None,
    end: float | None = None,
    isolate: bool = False,
) -> Float32[np.ndarray, "sample"]:
    """Read a recording as 16 kHz mono.

    The content decides what the file is, whatever its suffix: WAV, FLAC, OGG (Vorbis, Opus), MP3 and AIFF, and with
    PyAV (the extra ``media``) M4A, MP4, WebM, Matroska, AAC, AMR and more (docs/recordings.md). Channels are averaged,
    those in opposite phase turned over before; values beyond +-1 (float files, MP3) are kept.

    Args:
        path: the file.
        maximum_seconds: the longest duration that is accepted, of the segment if one is chosen; None: any.
        start: where the segment begins, in seconds; None: at the beginning. WAV, AIFF and FLAC are decoded from there
            on; all others always from their beginning, because seeking in them is not exact.
        end: where the segment ends, in seconds (up to 0.01 s behind the file's end is taken as the end); None: at
            the end. A segment is resampled by itself, as if it were a file.
        isolate: decode in a process of its own, with 1 GiB of memory and a minute for each recording, as is due to
            files of strangers: one that makes the decoder crash or hang is an ``AudioError``. The first call takes half
            a second more.

    Returns:
        The waveform, float32, one sample at least.

    Raises:
        AudioError: the file is missing, a folder, unreadable, empty, without samples, truncated, damaged, no audio
            file, of an absurd rate (below 1 or above 768 kHz), too long, holds NaN or infinities, or has no such
            segment.
        ValueError: ``maximum_seconds`` is not positive.
    """
    _check_positive("maximum_seconds", maximum_seconds)
    if isolate:
        return decode_apart(Path(path), maximum_seconds, start, end)
    return np.concatenate(list(_resampled(Path(path), maximum_seconds, start, end)))


def stream_audio(
    path: str | os.PathLike[str], *, block_seconds: float = 30.0, maximum_seconds: float | None = None
) -> Iterator[Float32[np.ndarray, "sample"]]:
    """Read a recording as 16 kHz mono, block by block: the memory that it takes does not depend on its length.

    The blocks' concatenation equals what ``load_audio`` gives, bit for bit.

    Args:
        path: the file, as for ``load_audio``.
        block_seconds: the duration of a block; the last one is shorter as a rule, and never empty.
        maximum_seconds: the longest duration that is accepted; None: any.

    Returns:
        An iterator over waveforms, float32.

    Raises:
        AudioError: as ``load_audio``, when the iteration reaches the fault. A file that breaks off shows it before
            the first block where its structure tells (WAV, AIFF, OGG), otherwise only where it breaks off.
        ValueError: ``block_seconds`` or ``maximum_seconds`` is not positive (at once).
    """
    _check_positive("block_seconds", block_seconds)
    _check_positive("maximum_seconds", maximum_seconds)
    return _reblocked(_resampled(Path(path), maximum_seconds, None, None), max(1, round(block_seconds * SAMPLE_RATE)))


def check_values(samples: Float32[np.ndarray, "_"], name: Path | str) -> None:
    """See that samples can be those of a sound.

    Raises:
        AudioError: NaN, or values beyond 1e10 times full scale; ``name`` is what they are called there.
    """
    if not (np.abs(samples) <= _LOUDEST).all():  # written so that NaN fails
        raise AudioError(f"{name}: holds values beyond {_LOUDEST:g} times full scale: that is no sound")


def audio_duration(path: str | os.PathLike[str]) -> float:
    """A recording's duration in seconds, from its header; decoded only where the header does not tell it.

    Raises:
        AudioError: as ``load_audio``, as far as it shows without decoding.
    """
    with opened(Path(path)) as recording:
        return (recording.frames or _counted(recording)) / recording.rate


def _counted(recording: Recording) -> int:
    frames = sum(len(piece) for piece in recording.pieces(None))
    if frames == 0:
        raise AudioError(f"{recording.path}: holds no samples")
    return frames


def _resampled(
    path: Path, maximum_seconds: float | None, start: float | None, end: float | None
) -> Iterator[Float32[np.ndarray, "sample"]]:
    """The recording, or its segment, at 16 kHz, in pieces of any length but 0."""
    with opened(path) as recording:
        frames = recording.frames
        if frames is None and (start is not None or end is not None):
            with opened(path) as counted:
                frames = _counted(counted)
        if frames is not None:
            first, last = _segment(path, frames / recording.rate, recording.rate, start, end)
            frames = min(last, frames) - first
            _check_limit(path, frames / recording.rate, maximum_seconds)
            if first:
                recording.go_to(first)
        empty = True
        for part in _at_sample_rate(_limited(recording, frames, maximum_seconds), recording.rate):
            check_values(part, path)
            if len(part):
                empty = False
                yield part
        if empty:
            raise AudioError(f"{path}: holds no samples, or less than one at {SAMPLE_RATE} Hz")


def _segment(path: Path, seconds: float, rate: int, start: float | None, end: float | None) -> tuple[int, int]:
    """A segment's bounds in frames of the file."""
    start, end = start or 0.0, seconds if end is None else end
    # Written so that NaN fails.
    if not 0 <= start < seconds:
        raise AudioError(f"{path}: the segment's start, {start:g} s, is not within the file's {seconds:g} s")
    if not 0 <= end <= seconds + _END_TOLERANCE:
        raise AudioError(f"{path}: the segment's end, {end:g} s, is not within the file's {seconds:g} s")
    first, last = round(start * rate), round(end * rate)
    if first >= last:
        raise AudioError(
            f"{path}: the segment from {start:g} s to {end:g} s holds no sample; its start must lie before its end"
        )
    return first, last


def _limited(
    recording: Recording, frames: int | None, maximum_seconds: float | None
) -> Iterator[Float32[np.ndarray, "sample"]]:
    decoded = 0
    for piece in recording.pieces(frames):
        decoded += len(piece)
        _check_limit(recording.path, decoded / recording.rate, maximum_seconds)
        yield piece


def _at_sample_rate(
    pieces: Iterator[Float32[np.ndarray, "sample"]], rate: int
) -> Iterator[Float32[np.ndarray, "sample"]]:
    if rate == SAMPLE_RATE:
        yield from pieces
        return
    resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    for piece in pieces:
        yield resampler.resample_chunk(piece)
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _reblocked(parts: Iterator[Float32[np.ndarray, "sample"]], samples: int) -> Iterator[Float32[np.ndarray, "sample"]]:
    """The same samples in blocks of equal length, the last one shorter."""
    block, filled = np.empty(samples, np.float32), 0
    for part in parts:
        taken = 0
        while taken < len(part):
            count = min(samples - filled, len(part) - taken)
            block[filled : filled + count] = part[taken : taken + count]
            filled, taken = filled + count, taken + count
            if filled == samples:
                yield block
                block, filled = np.empty(samples, np.float32), 0
    if filled:
        yield block[:filled]


def _check_limit(path: Path, seconds: float, maximum_seconds: float | None) -> None:
    if maximum_seconds is not None and seconds > maximum_seconds:
        raise AudioLengthError(
            f"{path}: longer than the limit of {maximum_seconds:g} s; raise the limit or cut the recording"
        )


def _check_positive(name: str, value: float | None) -> None:
    if value is not None and not value > 0:
        raise ValueError(f"{name} must be positive, not {value}")
