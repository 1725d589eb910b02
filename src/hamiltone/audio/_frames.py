"""Frames of 4 s, the unit that every network here sees."""

from collections.abc import Iterable, Iterator
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Float32

from ._loading import SAMPLE_RATE

FRAME_SAMPLES = 4 * SAMPLE_RATE
"""Samples of a frame: 4 s at 16 kHz."""

SILENT_PEAK = 0.0005
"""Clips whose peak above their offset is below are silent: 66 dB under full scale, 16 steps of 16 bits. The quietest
clips of RAVDESS have 0.0045; the paper's rule is 0.005."""

FrameRule = Literal["drop_short", "keep", "drop"]
"""What becomes of an incomplete last frame of a clip that is longer than a frame."""

LEAST_SAMPLES: dict[FrameRule, int] = {"drop_short": SAMPLE_RATE, "keep": 0, "drop": FRAME_SAMPLES}
"""Samples that such a last frame must have to be kept, by rule."""


def frame_bounds(samples: int, *, rule: FrameRule = "drop_short", hop: int = FRAME_SAMPLES) -> list[tuple[int, int]]:
    """Where the frames of a clip begin and end.

    Frames begin every ``hop`` samples until one reaches the clip's end, so at most the last one is shorter than 4 s.
    A clip of 4 s or less is always exactly one frame.

    Args:
        samples: the clip's length.
        rule: the last frame of a longer clip, if it is incomplete, is dropped when shorter than 1 s ("drop_short"),
            always kept ("keep"), or always dropped ("drop").
        hop: samples from one frame's beginning to the next one's, 1 to 64,000; less than 64,000 makes frames overlap.

    Returns:
        (start, stop) in samples, ``stop`` at most ``samples``.

    Raises:
        ValueError: an empty clip, an unknown rule, or a hop outside its range.

    Source: docs/method.md, "From sound to four axes".
    """
    if samples < 1:
        raise ValueError(f"a clip of {samples} samples has no frames")
    if rule not in get_args(FrameRule):
        raise ValueError(f"rule must be one of {', '.join(get_args(FrameRule))}, not {rule!r}")
    _check_hop(hop)
    following = -(-max(0, samples - FRAME_SAMPLES) // hop)
    bounds = [(start, min(start + FRAME_SAMPLES, samples)) for start in range(0, following * hop + 1, hop)]
    if len(bounds) > 1 and bounds[-1][1] - bounds[-1][0] < LEAST_SAMPLES[rule]:
        bounds.pop()
    return bounds


def cut_frames(
    waveform: Float[np.ndarray, "sample"], *, rule: FrameRule = "drop_short", hop: int = FRAME_SAMPLES
) -> Float32[np.ndarray, "frame 64000"]:
    """A clip's frames, a short one zero-padded at its end.

    Args:
        waveform: the clip at 16 kHz.
        rule: as for ``frame_bounds``.
        hop: as for ``frame_bounds``.

    Returns:
        float32, (frame, 64000); a copy.

    Raises:
        ValueError: as ``frame_bounds``.
    """
    bounds = frame_bounds(len(waveform), rule=rule, hop=hop)
    frames = np.zeros((len(bounds), FRAME_SAMPLES), np.float32)
    for frame, (start, stop) in zip(frames, bounds, strict=True):
        frame[: stop - start] = waveform[start:stop]
    return frames


def stream_frames(
    blocks: Iterable[Float32[np.ndarray, "_"]], *, rule: FrameRule = "drop_short", hop: int = FRAME_SAMPLES
) -> Iterator[Float32[np.ndarray, "_"]]:
    """A stream's frames, unpadded: those that ``frame_bounds`` gives for the whole, in bounded memory.

    Args:
        blocks: consecutive parts of a clip at 16 kHz, of any lengths, as ``stream_audio`` gives them.
        rule: as for ``frame_bounds``.
        hop: as for ``frame_bounds``.

    Yields:
        float32 (sample,), of 64,000 samples but perhaps the last; nothing for an empty stream.

    Raises:
        ValueError: a hop outside its range.
    """
    _check_hop(hop)
    rest = np.zeros(0, np.float32)
    count = 0
    for block in blocks:
        rest = np.concatenate([rest, block])
        while len(rest) > FRAME_SAMPLES:
            yield rest[:FRAME_SAMPLES]
            count += 1
            rest = rest[hop:]
    if len(rest) and (count == 0 or len(rest) >= LEAST_SAMPLES[rule]):
        yield rest


class Level:
    """The level of a recording that comes in blocks.

    Attributes:
        peak: the largest distance from the mean of all that came, since a constant offset is no sound; 0.0 of nothing.
    """

    def __init__(self) -> None:
        self._samples = 0
        self._sum = 0.0
        self._lowest, self._highest = np.inf, -np.inf

    def add(self, block: Float[np.ndarray, "sample"]) -> None:
        """Take note of a block."""
        self._samples += len(block)
        self._sum += float(block.sum(dtype=np.float64))
        self._lowest = min(self._lowest, float(block.min(initial=np.inf)))
        self._highest = max(self._highest, float(block.max(initial=-np.inf)))

    @property
    def peak(self) -> float:
        """See the class."""
        if not self._samples:
            return 0.0
        offset = self._sum / self._samples
        return max(self._highest - offset, offset - self._lowest, 0.0)


def is_silent(waveform: Float[np.ndarray, "sample"], peak: float = SILENT_PEAK) -> bool:
    """Whether a clip's peak above its offset (``Level``) stays below ``peak``; an empty clip is silent."""
    level = Level()
    level.add(waveform)
    return level.peak < peak


def _check_hop(hop: int) -> None:
    if not 1 <= hop <= FRAME_SAMPLES:
        raise ValueError(f"hop must be 1 to {FRAME_SAMPLES} samples, not {hop}")
