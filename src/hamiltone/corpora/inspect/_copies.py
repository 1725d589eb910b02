"""Copies among fingerprints: equal frames give candidates, which are compared bit by bit, then as sound."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import soxr
from jaxtyping import Float32

from hamiltone.audio import SAMPLE_RATE

from ..recordings import Segment
from ._fingerprints import HOP_SECONDS, Fingerprints

MOST_DIFFERENT = 0.2
"""The share of differing bits up to which two utterances may be copies."""

LEAST_CORRELATION = 0.92
"""The correlation of their waveforms below 4 kHz, at the best shift, from which they are."""

_LEAST_OVERLAP = 0.8  # of the shorter one's active frames
_LEAST_FRAMES = 10
_NEIGHBOURS = 16  # with how many others of an equal frame a frame is paired
_OFFSETS = 3  # how many of a pair's offsets are tried
_COMPARED_RATE = 8000
_FINER = 8  # between two samples, where a shift by less than one lies
_NEAR = 32


class Copy(NamedTuple):
    """The rows of two utterances with the same audio, or nearly (see ``Pair``)."""

    first: int
    second: int  # the higher number
    different: float
    shift_seconds: float


def find_copies(prints: Fingerprints, segments: Sequence[Segment]) -> list[Copy]:
    """Find the pairs of utterances of different recordings that are copies of one another, in the order of their rows.

    Short words by one speaker can have fingerprints that are as like as those of a copy in another format, so what the
    fingerprints find is compared as sound.

    Raises:
        AudioError: a recording that cannot be decoded.
    """
    first, second, offset = _candidates(prints)
    recording = np.unique([segment.path for segment in segments], return_inverse=True)[1]
    keep = recording[first] != recording[second]
    near: dict[tuple[int, int], Copy] = {}
    for one, other, shift in zip(first[keep].tolist(), second[keep].tolist(), offset[keep].tolist(), strict=True):
        found = compare(prints, one, other, shift)
        known = near.get((one, other))
        if found is not None and found <= MOST_DIFFERENT and (known is None or found < known.different):
            near[one, other] = Copy(one, other, found, shift * HOP_SECONDS)
    return [
        near[one, other]
        for one, other in sorted(near)
        if correlation(segments[one].load(), segments[other].load()) >= LEAST_CORRELATION
    ]


def compare(prints: Fingerprints, first: int, second: int, offset: int) -> float | None:
    """The share of differing bits where both are loud; None where too little of them lies side by side.

    Args:
        prints: of all utterances.
        first: the row of one.
        second: the row of the other.
        offset: by how many frames later the sound stands in the second.
    """
    one, other = (slice(*prints.first[row : row + 2].tolist()) for row in (first, second))
    start, stop = max(0, -offset), min(one.stop - one.start, other.stop - other.start - offset)
    if stop <= start:
        return None
    here = slice(one.start + start, one.start + stop)
    there = slice(other.start + start + offset, other.start + stop + offset)
    both = prints.active[here] & prints.active[there]
    count = int(both.sum())
    shorter = min(int(prints.active[one].sum()), int(prints.active[other].sum()))
    if count < max(_LEAST_FRAMES, _LEAST_OVERLAP * shorter):
        return None
    differing = np.bitwise_count(prints.bits[here][both] ^ prints.bits[there][both])
    return float(differing.sum(dtype=np.int64)) / (32 * count)


def correlation(first: Float32[np.ndarray, " first"], second: Float32[np.ndarray, " second"]) -> float:
    """How alike two waveforms at 16 kHz are, whatever their gain and polarity: 1 for a copy, 0 for unrelated sound.

    Both are brought to 8 kHz; the value is that of the shift with the largest product, to an eighth of a sample, over
    what then lies side by side.
    """
    import scipy.signal  # noqa: PLC0415 - slow to import

    one, other = (soxr.resample(waveform, SAMPLE_RATE, _COMPARED_RATE) for waveform in (first, second))
    products = scipy.signal.correlate(other.astype(np.float64), one.astype(np.float64), method="fft")
    peak = int(np.abs(products).argmax())
    largest = np.abs(scipy.signal.resample_poly(products[max(0, peak - _NEAR) : peak + _NEAR + 1], _FINER, 1)).max()
    shift = peak - (len(one) - 1)
    start, stop = max(0, -shift), min(len(one), len(other) - shift)
    here, there = (part.astype(np.float64) for part in (one[start:stop], other[start + shift : stop + shift]))
    energy = float(here @ here) * float(there @ there)
    return min(1.0, float(largest) / energy**0.5) if energy > 0 else 0.0


def _candidates(prints: Fingerprints) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of rows (the first is lower) and offsets at which frames are equal; of each pair the commonest offsets."""
    frames = np.flatnonzero(prints.active)
    frames = frames[np.argsort(prints.bits[frames], kind="stable")]
    bits = prints.bits[frames]
    row = np.searchsorted(prints.first, frames, side="right") - 1
    place = frames - prints.first[row]
    votes = []
    for step in range(1, _NEIGHBOURS + 1):
        equal = np.flatnonzero((bits[step:] == bits[:-step]) & (row[step:] != row[:-step]))
        votes.append(np.stack([row[equal], row[equal + step], place[equal + step] - place[equal]], axis=1))
    pairs, counts = np.unique(np.concatenate(votes), axis=0, return_counts=True)
    pairs = pairs[np.lexsort((-counts, pairs[:, 1], pairs[:, 0]))]
    fresh = np.ones(len(pairs), dtype=bool)
    fresh[1:] = (pairs[1:, :2] != pairs[:-1, :2]).any(axis=1)
    rank = np.arange(len(pairs)) - np.maximum.accumulate(np.where(fresh, np.arange(len(pairs)), 0))
    pairs = pairs[rank < _OFFSETS]
    return pairs[:, 0], pairs[:, 1], pairs[:, 2]
