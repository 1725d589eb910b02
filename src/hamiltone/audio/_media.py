"""FFmpeg's decoding (PyAV) of what phones, browsers, meetings and telephones record."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from jaxtyping import Float32

from ._errors import AudioError, AudioFormatError
from ._sounds import ChannelSound
from ._view import Splice

_SHORTAGE_SECONDS = 0.1
"""By which coded sound may be shorter than its container says: encoders count what they add at both ends."""

_FULL_SCALE = {"uint8": 128, "int16": 1 << 15, "int32": 1 << 31}
_TELLS_LENGTH = {"mov", "matroska", "asf", "caf", "avi", "flv", "nistsphere", "au", "wav", "w64", "ogg"}
"""Formats whose header has the length, and no estimate of it."""


class MediaSound(ChannelSound):
    """The sound of a media file: of several, the one that FFmpeg thinks best.

    Args:
        path: the file's name, for messages.
        source: the open file.
        demuxer: FFmpeg's name of the format. Only this one is tried: others open addresses that a file names.
        name: the format's name for people.

    Raises:
        AudioError: it cannot be opened, or holds no sound.
    """

    def __init__(self, path: Path, source: Splice, demuxer: str, name: str) -> None:
        self.path = path
        self._container: InputContainer | None = None
        with self._guarded(f"damaged, truncated or no {name} file"):
            self._container = av.open(source, mode="r", format=demuxer, metadata_errors="ignore")
        self._blocks = self._decoded(demuxer)
        try:
            rate, self._rest = next(self._blocks)
        except BaseException:
            self.close()
            raise
        super().__init__(path, rate, self._rest.shape[1], None)

    def close(self) -> None:
        """Let go of what it holds open."""
        if self._container is not None:
            self._container.close()

    def _block(self, frames: int) -> Float32[np.ndarray, "frame channel"]:
        blocks, count = [self._rest], len(self._rest)
        for rate, block in self._blocks if count < frames else ():
            if rate != self.rate or block.shape[1] != self._rest.shape[1]:
                raise AudioError(f"{self.path}: its rate or its number of channels changes midway; split it there")
            blocks.append(block)
            count += len(block)
            if count >= frames:
                break
        whole = np.concatenate(blocks)
        self._rest = whole[frames:]
        return whole[:frames]

    def _decoded(self, demuxer: str) -> Iterator[tuple[int, Float32[np.ndarray, "frame channel"]]]:
        """What the packets hold, with its rate."""
        assert self._container is not None
        stream = self._container.streams.best("audio")
        if not isinstance(stream, av.AudioStream):
            raise AudioError(f"{self.path}: holds no sound")
        if stream.codec_context is None:
            raise AudioFormatError(f"{self.path}: holds sound in a code that is not read here")
        stream.codec_context.thread_count = 1
        seconds, fault = 0.0, ""
        for packet in self._packets(stream):
            if fault and packet.size:  # the last packet may be cut, none before it
                raise AudioError(f"{self.path}: damaged ({fault})")
            try:
                frames = packet.decode()
            except FFmpegError as error:
                frames, fault = [], str(error.strerror)
            for frame in frames:
                seconds += frame.samples / frame.sample_rate
                yield frame.sample_rate, _values(frame, self.path)
        promised = _promised_seconds(self._container, stream) if demuxer in _TELLS_LENGTH else 0.0
        tolerance = 0.001 if stream.codec_context.name.startswith("pcm") else _SHORTAGE_SECONDS
        if seconds < promised - tolerance:
            raise AudioError(
                f"{self.path}: truncated or damaged: its header promises {promised:.2f} s of sound, "
                f"{seconds:.2f} s can be decoded"
            )
        if not seconds:
            raise AudioError(f"{self.path}: holds no samples")

    def _packets(self, stream: av.AudioStream) -> Iterator[av.Packet]:
        assert self._container is not None
        try:
            yield from self._container.demux(stream)
        except FFmpegError:  # it ends within a packet: what the header promises tells whether that matters
            return

    @contextmanager
    def _guarded(self, words: str) -> Iterator[None]:
        try:
            yield
        except FFmpegError as error:
            raise AudioError(f"{self.path}: {words} ({error.strerror})") from None


def _values(frame: av.AudioFrame, path: Path) -> Float32[np.ndarray, "frame channel"]:
    try:
        values = frame.to_ndarray()
    except ValueError:  # of 64-bit integers
        raise AudioFormatError(f"{path}: holds samples of a kind that is not read here ({frame.format.name})") from None
    values = values.T if frame.format.is_planar else values.reshape(frame.samples, -1)
    scale = _FULL_SCALE.get(str(values.dtype))
    if scale is None:
        return values.astype(np.float32)
    offset = scale if values.dtype == np.uint8 else 0
    return ((values.astype(np.float64) - offset) / scale).astype(np.float32)


def _promised_seconds(container: InputContainer, stream: av.AudioStream) -> float:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if len(container.streams) == 1 and container.duration is not None:
        return container.duration / av.time_base
    return 0.0
