"""Windows of a recording: those that a line of time is made of, and those that the overall scores are the mean of.

The overall scores never depend on the hop: they are the mean over windows of 4 s side by side, as in an evaluation.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, tee
from operator import itemgetter

import numpy as np
from jaxtyping import Float32

from hamiltone.audio import FRAME_SAMPLES, SAMPLE_RATE, FrameRule, stream_frames

from ._errors import ServiceError
from ._sound import clipped_share, is_steady

FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE
"""Seconds of a window."""

HOP = 1.0
"""Seconds from the beginning of a window to that of the next, in every room where none is asked for."""

LEAST_HOP = 0.5
"""The smallest hop; neighbours of less say the same, and cost the more."""


@dataclass(frozen=True)
class Window:
    """Where a window lies, in samples, and what its sound is.

    Attributes:
        start: its first sample.
        stop: the sample behind its last; a short one is zero-padded for the model.
        listed: whether it is one of the line of time, which the hop decides.
        counted: whether the overall scores count it.
        speech: whether there may be speech in it.
        clipped: the share of samples at its limit.
    """

    start: int
    stop: int
    listed: bool
    counted: bool
    speech: bool
    clipped: float


def hop_samples(hop: float) -> int:
    """A hop in samples.

    Raises:
        ServiceError: a hop outside its range.
    """
    if not LEAST_HOP <= hop <= FRAME_SECONDS:
        raise ServiceError(f"a hop of {hop:g} s: choose one from {LEAST_HOP:g} to {FRAME_SECONDS:g} s")
    return round(hop * SAMPLE_RATE)


def stream_windows(
    blocks: Iterable[Float32[np.ndarray, "_"]], *, rule: FrameRule, hop: int
) -> Iterator[tuple[Window, Float32[np.ndarray, "_"]]]:
    """The windows of a stream in the order of their beginnings, each once, with their samples; in bounded memory.

    Args:
        blocks: consecutive parts of a recording at 16 kHz.
        rule: what becomes of a short last window (see ``hamiltone.audio.frame_bounds``).
        hop: in samples.
    """
    steps = {hop, FRAME_SAMPLES}
    found = (_placed(part, rule, step) for part, step in zip(tee(blocks, len(steps)), steps, strict=True))
    for start, same in groupby(heapq.merge(*found, key=itemgetter(0)), key=itemgetter(0)):
        windows = list(same)
        reached, samples = {step for _, step, _ in windows}, windows[0][2]
        window = Window(
            start=start,
            stop=start + len(samples),
            listed=hop in reached,
            counted=FRAME_SAMPLES in reached,
            speech=not is_steady(samples),
            clipped=clipped_share(samples),
        )
        yield window, samples


def _placed(
    blocks: Iterable[Float32[np.ndarray, "_"]], rule: FrameRule, step: int
) -> Iterator[tuple[int, int, Float32[np.ndarray, "_"]]]:
    """Windows of one step: the first sample, the step, the samples."""
    for index, samples in enumerate(stream_frames(blocks, rule=rule, hop=step)):
        yield index * step, step, samples
