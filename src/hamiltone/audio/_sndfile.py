"""libsndfile's decoding, with every fault as an error of one line."""

import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import soundfile
from jaxtyping import Float32

from ._container import Container
from ._errors import AudioError
from ._parts import Part
from ._sounds import ChannelSound
from ._view import Splice

_LONGEST_KNOWN = 1 << 62
"""libsndfile gives the largest integer as the length of a FLAC file whose header does not tell it."""

_NO_END = 1 << 40
"""Bytes that MPEG sound is said to have, so that libmpg123's estimate of its length never ends it too soon."""

_OPUS_RATE = 48000

_standard_error = threading.Lock()
if hasattr(os, "register_at_fork"):
    # A process that is forked while the lock is held would wait for it for ever, and have no standard error.
    os.register_at_fork(
        before=_standard_error.acquire,
        after_in_parent=_standard_error.release,
        after_in_child=_standard_error.release,
    )


class SndfileSound(ChannelSound):
    """A recording that libsndfile reads.

    Args:
        path: the file's name, for messages.
        file: the open file.
        container: what it is.
        part: the recording within it.

    Raises:
        AudioError: it cannot be opened, or holds no samples.
    """

    def __init__(self, path: Path, file: io.FileIO, container: Container, part: Part) -> None:
        is_mpeg = container.kind == "MP3"
        self._quiet = _silenced if is_mpeg else nullcontext
        # By descriptor, not by name: libsndfile would trust a suffix (.raw, .vox) where it should look at the content.
        file.seek(0)
        source = file.fileno()
        if part.pieces:
            length = None if part.frames is None else _NO_END
            source = cast("BinaryIO", Splice(file, part.pieces, length))
        try:
            with self._quiet():
                self._file = _Sequential(source, closefd=False)
        except soundfile.LibsndfileError as error:
            reason = "no MPEG sound found" if is_mpeg else _reason(error)
            raise AudioError(f"{path}: damaged, truncated or no {container.name} file ({reason})") from None
        frames = self._file.frames if part.frames is None else part.frames
        # libsndfile 1.2 lands on wrong samples in the last pages of Vorbis, and after a seek in MP3 the first frame
        # lacks the bits that earlier ones carry for it.
        seekable = container.kind not in {"OGG", "MP3"} and soundfile.SoundFile.seekable(self._file)
        known = frames if frames < _LONGEST_KNOWN else None
        super().__init__(
            path, self._file.samplerate, self._file.channels, known, seekable=seekable and known is not None
        )
        self._check_length(frames, part.least_frames)

    def _check_length(self, frames: int, least_frames: int) -> None:
        if frames == 0:
            self.close()
            raise AudioError(f"{self.path}: holds no samples")
        least = int(least_frames * (self.rate / _OPUS_RATE if self._file.subtype == "OPUS" else 1))
        if frames < least:
            self.close()
            raise AudioError(f"{self.path}: damaged: only {frames} of at least {least} samples can be decoded")

    def close(self) -> None:
        """Let go of what it holds open."""
        with self._quiet():
            self._file.close()

    def _block(self, frames: int) -> Float32[np.ndarray, "frame channel"]:
        with self._guarded():
            return self._file.read(frames, dtype="float32", always_2d=True)

    def _seek(self, frame: int) -> None:
        with self._guarded():
            self._file.seek(frame)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            with self._quiet():
                yield
        except soundfile.LibsndfileError as error:
            raise AudioError(f"{self.path}: damaged or truncated ({_reason(error)})") from None
        except OSError as error:
            raise AudioError(f"{self.path}: cannot be read: {error.strerror}") from None


class _Sequential(soundfile.SoundFile):
    """A sound file that is read onwards only.

    soundfile seeks after each read of a seekable file to where it is already: slow for compressed formats, and an
    error for FLAC of unknown length.
    """

    def seekable(self) -> bool:
        return False


def _reason(error: soundfile.LibsndfileError) -> str:
    return error.error_string.removeprefix("Error : ").rstrip(".")


@contextmanager
def _silenced() -> Iterator[None]:
    """Close the standard error for libmpg123, which writes its remarks there, past libsndfile and past Python.

    It counts for the whole process and is therefore held for single calls on MP3 files only.
    """
    with _standard_error:
        try:
            kept = os.dup(2)
        except OSError:  # there is none
            yield
            return
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
