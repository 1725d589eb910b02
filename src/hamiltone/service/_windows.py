"""Windows of a recording: those that a line of time is made of, and those that the overall scores are the mean of.

The overall scores never depend on the hop: they are the mean over windows of 4 s side by side, as in an evaluation.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from hamiltone.audio import FRAME_SAMPLES, LEAST_SAMPLES, SAMPLE_RATE, FrameRule

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
    ahead = dict.fromkeys({hop, FRAME_SAMPLES}, 0)  # where the next window of each step begins

    def window(start: int, samples: Float32[np.ndarray, "_"]) -> tuple[Window, Float32[np.ndarray, "_"]]:
        listed, counted = (ahead[step] == start for step in (hop, FRAME_SAMPLES))
        heard, share = not is_steady(samples), clipped_share(samples)
        return Window(start, start + len(samples), listed, counted, heard, share), samples

    first, rest = 0, np.zeros(0, np.float32)  # what is still needed, and where it begins
    for block in blocks:
        rest = np.concatenate([rest, block])
        while (start := min(ahead.values())) + FRAME_SAMPLES < first + len(rest):
            yield window(start, rest[start - first :][:FRAME_SAMPLES])
            ahead = {step: begin + step * (begin == start) for step, begin in ahead.items()}
        first, rest = start, rest[start - first :]
    for start in sorted({*ahead.values()}):  # the last of each step ends with the recording
        samples = rest[start - first :]
        if len(samples) and (start == 0 or len(samples) >= LEAST_SAMPLES[rule]):
            yield window(start, samples)
