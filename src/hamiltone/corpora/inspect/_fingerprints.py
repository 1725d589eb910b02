"""Fingerprints of recordings: what stays the same when a recording is copied.

After J. Haitsma and T. Kalker, A highly robust audio fingerprinting system, ISMIR 2002: the sign of the difference of
energy between neighbouring bands, and of that difference between neighbouring frames. Gain, sample format, rate, mild
compression and small shifts leave most bits as they are; another take of the same sentence by one speaker does not.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from jaxtyping import Bool, Float32, Int64, UInt32

from hamiltone.audio import SAMPLE_RATE, decoder_versions, is_silent
from hamiltone.files import atomic_path, cache_folder, content_key

from ..recordings import Segment, recording_keys
from ..utterances import Report

HOP_SECONDS = 0.012
_RATE = 8000
_HOP = round(HOP_SECONDS * _RATE)
_WINDOW = 2048
_BANDS = 33
_LOWEST, _HIGHEST = 300.0, 3400.0  # Hz: there even in a copy at 8 kHz
_ACTIVE = 1e-4  # of the loudest frame's energy
_BATCH = 256
_VERSION = 3


@dataclass(frozen=True)
class Fingerprints:
    """The fingerprints of a set of utterances, end to end.

    Attributes:
        bits: 32 bits for each frame; a frame every 12 ms.
        active: whether a frame is loud enough (40 dB below the utterance's loudest) for its bits to count.
        first: where each utterance's frames begin, and at last where they end.
    """

    bits: UInt32[np.ndarray, " frame"]
    active: Bool[np.ndarray, " frame"]
    first: Int64[np.ndarray, " bounds"]


def fingerprints(segments: Sequence[Segment], report: Report) -> Fingerprints:
    """Take the fingerprint of each segment, or read what was taken before of the same recordings.

    Silent ones (``is_silent``) have no active frame: they are like nothing.

    Raises:
        CorpusError: a recording that cannot be read.
        AudioError: a recording that cannot be decoded, or has no such segment.
    """
    path = cache_folder("fingerprints") / f"{_key(segments, report)}.npz"
    known = _read(path)
    if known is not None:
        return known
    taken = []
    for number, segment in enumerate(segments, start=1):
        taken.append(fingerprint(segment.load()))
        report("taking fingerprints", number, len(segments))
    lengths = [len(bits) for bits, _ in taken]
    made = Fingerprints(
        bits=np.concatenate([np.zeros(0, np.uint32), *(bits for bits, _ in taken)]),
        active=np.concatenate([np.zeros(0, bool), *(active for _, active in taken)]),
        first=np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64),
    )
    with atomic_path(path) as draft, draft.open("wb") as file:
        np.savez(file, bits=made.bits, active=made.active, first=made.first)
    return made


def fingerprint(
    waveform: Float32[np.ndarray, " sample"],
) -> tuple[UInt32[np.ndarray, " frame"], Bool[np.ndarray, " frame"]]:
    """The fingerprint of a waveform at 16 kHz: 32 bits every 12 ms, and which frames are loud enough to count."""
    padded = np.pad(soxr.resample(waveform, SAMPLE_RATE, _RATE), _WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    energy = np.concatenate([_band_energy(frames[first : first + _BATCH]) for first in range(0, len(frames), _BATCH)])
    between_bands = energy[:, :-1] - energy[:, 1:]
    signs = between_bands[1:] - between_bands[:-1] > 0
    bits = np.packbits(signs, axis=1, bitorder="little").view("<u4")[:, 0].astype(np.uint32)
    loudness = energy[1:].sum(axis=1)
    active = loudness > _ACTIVE * loudness.max(initial=0.0)
    return bits, active & (not is_silent(waveform))


def _band_energy(frames: np.ndarray) -> np.ndarray:
    spectrum = np.fft.rfft(frames * _WEIGHTS, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    return np.add.reduceat(power[:, : _EDGES[-1]], _EDGES[:-1], axis=1)


_WEIGHTS = np.hanning(_WINDOW).astype(np.float32)
_EDGES = np.round(np.geomspace(_LOWEST, _HIGHEST, _BANDS + 1) * _WINDOW / _RATE).astype(np.int64)


def _key(segments: Sequence[Segment], report: Report) -> str:
    keys = recording_keys((segment.path for segment in segments), report)
    content = {
        "version": _VERSION,
        **decoder_versions(),
        "segments": [[keys[path], start, end] for path, start, end in segments],
    }
    return content_key(content)


def _read(path: Path) -> Fingerprints | None:
    try:
        with path.open("rb") as file, np.load(file) as stored:
            return Fingerprints(stored["bits"], stored["active"], stored["first"])
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None  # not there, or damaged: they are taken anew
