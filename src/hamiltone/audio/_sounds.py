"""Sounds: what is decoded piece by piece, in mono, from one file or from several recordings within it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soxr
from jaxtyping import Float32

from ._errors import AudioError

_PIECE_VALUES = 1 << 18
"""Values (frames x channels) that are decoded at a time: what bounds the memory of a stream."""

_CANCELLED = 0.1
"""Channels cancel where their mean has less than so much of the power that the mean of unlike channels has."""


_LOOKED_AT = 7
"""Every so many samples are enough to see a power."""


class Sound(ABC):
    """A recording, read onwards in mono.

    Attributes:
        rate: samples per second.
        frames: samples per channel, or None where only decoding tells.
        seekable: whether ``seek`` lands on the sample.
    """

    rate: int
    frames: int | None
    seekable: bool = False

    def seek(self, frame: int) -> None:
        """Move to a frame, where ``seekable``."""
        raise NotImplementedError

    @abstractmethod
    def read(self, frames: int | None) -> Float32[np.ndarray, "sample"]:
        """Decode a piece of bounded size, of at most ``frames`` frames; empty at the end.

        Raises:
            AudioError: it breaks off before its end, cannot be decoded, or holds NaN or infinities.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of what it holds open."""


class ChannelSound(Sound):
    """A sound that is decoded channel by channel; what decodes it gives blocks.

    Args:
        path: the file, for messages.
        rate: samples per second.
        channels: how many.
        frames: samples per channel, or None where only decoding tells.
        seekable: whether ``seek`` lands on the sample.
    """

    def __init__(self, path: Path, rate: int, channels: int, frames: int | None, *, seekable: bool = False) -> None:
        self.path, self.rate, self.frames, self.seekable = path, rate, frames, seekable
        self._piece = max(1, _PIECE_VALUES // channels)
        self._position = 0

    def seek(self, frame: int) -> None:
        """Move to a frame."""
        self._seek(frame)
        self._position = frame

    def read(self, frames: int | None) -> Float32[np.ndarray, "sample"]:
        """As ``Sound``."""
        wanted = self._piece if frames is None else min(self._piece, frames)
        if self.frames is not None:
            wanted = min(wanted, self.frames - self._position)
        block = self._block(wanted) if wanted > 0 else np.zeros((0, 1), np.float32)
        if len(block) < wanted and self.frames is not None:
            raise AudioError(f"{self.path}: truncated or damaged: it breaks off before the end that its header gives")
        self._position += len(block)
        mono = mixed(block)
        if not np.isfinite(mono).all():
            raise AudioError(f"{self.path}: holds samples that are no finite numbers (NaN or infinity)")
        return mono

    @abstractmethod
    def _block(self, frames: int) -> Float32[np.ndarray, "frame channel"]:
        """Decode so many frames; fewer at the end only."""

    def _seek(self, frame: int) -> None:
        raise NotImplementedError


class Chain(Sound):
    """Recordings that lie behind one another in a file, as one: at the rate of the first.

    Args:
        openers: each opens one of them.
    """

    def __init__(self, openers: Sequence[Callable[[], Sound]]) -> None:
        self._openers = openers
        self.rate, self.frames = self._length()
        self._next = 0
        self._sound: Sound | None = None
        self._resampler: soxr.ResampleStream | None = None
        self._rest = np.zeros(0, np.float32)

    def _length(self) -> tuple[int, int | None]:
        known = []
        for opener in self._openers:
            sound = opener()
            known.append((sound.rate, sound.frames))
            sound.close()
        rate = known[0][0]
        if any(other != rate or frames is None for other, frames in known):
            return rate, None
        return rate, sum(frames or 0 for _, frames in known)

    def read(self, frames: int | None) -> Float32[np.ndarray, "sample"]:
        """As ``Sound``."""
        piece = self._rest if len(self._rest) else self._following(frames)
        stop = len(piece) if frames is None else frames
        self._rest = piece[stop:]
        return piece[:stop]

    def _following(self, frames: int | None) -> Float32[np.ndarray, "sample"]:
        """The next piece, at the rate of the first recording; longer than asked for where it is resampled."""
        while True:
            if self._sound is None:
                if self._next == len(self._openers):
                    return np.zeros(0, np.float32)
                self._sound = self._openers[self._next]()
                self._next += 1
                alike = self._sound.rate == self.rate
                self._resampler = None if alike else soxr.ResampleStream(self._sound.rate, self.rate, 1)
            piece = self._sound.read(frames if self._resampler is None else None)
            ended = not len(piece)
            if self._resampler is not None:
                piece = self._resampler.resample_chunk(piece, last=ended)
            if ended:
                self.close()
            if len(piece):
                return piece

    def close(self) -> None:
        """Let go of what it holds open."""
        if self._sound is not None:
            self._sound.close()
            self._sound = None


def mixed(block: Float32[np.ndarray, "frame channel"]) -> Float32[np.ndarray, "frame"]:
    """A block's channels as one: their mean, with those turned over that would take the others away.

    Channels cancel where the power of their mean, above its offset, is below a tenth of what the mean of channels that
    have nothing in common would have (with two channels: where they correlate with less than about -0.9). Those that
    correlate negatively with the first that has half of the greatest power are turned over then.
    """
    channels = block.shape[1]
    if channels == 1 or not len(block):
        return block[:, 0]
    with np.errstate(invalid="ignore", over="ignore"):
        mean = block.mean(axis=1, dtype=np.float64)
        power = block[::_LOOKED_AT].var(axis=0, dtype=np.float64)
        if not mean[::_LOOKED_AT].var() < _CANCELLED / channels * power.mean():
            return mean.astype(np.float32)
        # The first of the loud ones, so that it is the same channel in one piece after the other.
        loud = block[:, np.argmax(2 * power >= power.max())].astype(np.float64)
        signs = np.where((loud - loud.mean()) @ block < 0, -1.0, 1.0)
        return (block * signs).mean(axis=1).astype(np.float32)
