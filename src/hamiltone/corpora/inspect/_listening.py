"""Measurement of one recording in pieces: rate, length, level, clipping, and a hash of its sound."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from hamiltone.audio import Level, opened

_FULL_SCALE = 0.999
_ROW = 3  # so many samples in a row at full scale are no coincidence


@dataclass(frozen=True)
class Heard:
    """One recording.

    Attributes:
        rate: samples per second, as stored.
        seconds: its length.
        peak: its largest value above its offset; 1 is full scale.
        clipped: how many samples stand at full scale, in rows of three or more; channels are averaged.
        sound: hash of rate and samples: equal for the same sound in another container.
    """

    rate: int
    seconds: float
    peak: float
    clipped: int
    sound: bytes


def listen(path: str) -> Heard:
    """Read a recording from beginning to end, in pieces: memory does not grow with its length.

    Raises:
        AudioError: it cannot be read.
    """
    with opened(Path(path)) as recording:
        digest = hashlib.sha256(str(recording.rate).encode())
        level, samples, clipped, row = Level(), 0, 0, 0
        for piece in recording.pieces(recording.frames):
            digest.update(piece.astype("<f4").tobytes())
            samples += len(piece)
            level.add(piece)
            found, row = clipped_samples(piece, row)
            clipped += found
        return Heard(recording.rate, samples / recording.rate, level.peak, clipped, digest.digest())


def clipped_samples(piece: Float32[np.ndarray, " sample"], row: int) -> tuple[int, int]:
    """How many samples of a piece stand in long rows at full scale, and how long the row at its end is, up to 3.

    ``row`` is how long the row before the piece was; its samples count as soon as the row has become long.
    """
    full = np.concatenate([np.ones(row, bool), np.abs(piece) >= _FULL_SCALE])
    edges = np.flatnonzero(np.diff(full, prepend=False, append=False))
    starts, stops = edges[::2], edges[1::2]
    lengths = stops - starts
    counted = int(lengths[lengths >= _ROW].sum())
    last = int(lengths[-1]) if len(stops) and stops[-1] == len(full) else 0
    return counted - (row if row >= _ROW else 0), min(last, _ROW)
