"""Decoding: libsndfile's, with every fault as an error of one line."""

import io
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import soundfile
from jaxtyping import Float32

from ._container import Container, Corrected, examine
from ._errors import AudioError, AudioFormatError

LOWEST_RATE, HIGHEST_RATE = 1000, 768_000

_PIECE_VALUES = 1 << 18
"""Values (frames x channels) that are decoded at a time: what bounds the memory of a stream."""

_LONGEST_KNOWN = 1 << 62
"""libsndfile gives the largest integer as the length of a FLAC file whose header does not tell it."""

_OPUS_RATE = 48000

_standard_error = threading.Lock()


class Recording:
    """An open sound file, read onwards in mono.

    Attributes:
        path: the file, for messages.
        rate: samples per second.
        frames: samples per channel as the header has it, or None where it does not say.
    """

    def __init__(self, path: Path, sound: "_Sequential", container: Container) -> None:
        self.path = path
        self.rate = sound.samplerate
        self.frames = sound.frames if sound.frames < _LONGEST_KNOWN else None
        self._sound = sound
        # libsndfile 1.2 lands on wrong samples in the last pages of Vorbis, and after a seek in MP3 the first frame
        # lacks the bits that earlier ones carry for it.
        self._seekable = container.kind not in {"OGG", "MP3"} and soundfile.SoundFile.seekable(sound)
        self._piece = max(1, _PIECE_VALUES // sound.channels)
        self._quiet = _silenced if sound.subtype.startswith("MPEG") else nullcontext

    def go_to(self, frame: int) -> None:
        """Move to a frame; what lies before is decoded only where the format cannot seek to the sample."""
        if self._seekable and self.frames is not None:
            with self._guarded():
                self._sound.seek(frame)
            return
        for _ in self.pieces(frame):
            pass

    def pieces(self, frames: int | None) -> Iterator[Float32[np.ndarray, "sample"]]:
        """Decode the next ``frames`` frames, or all that follow if None, in pieces of bounded size.

        Raises:
            AudioError: the sound breaks off before, cannot be decoded, or holds NaN or infinities.
        """
        decoded = 0
        while frames is None or decoded < frames:
            wanted = self._piece if frames is None else min(self._piece, frames - decoded)
            piece = self._read(wanted)
            if len(piece) < wanted and frames is not None:
                raise AudioError(
                    f"{self.path}: truncated or damaged: it breaks off before the end that its header gives"
                )
            decoded += len(piece)
            yield piece
            if len(piece) < wanted:
                return

    def _read(self, frames: int) -> Float32[np.ndarray, "sample"]:
        with self._guarded():
            block = self._sound.read(frames, dtype="float32", always_2d=True)
        if block.shape[1] == 1:
            mono = block[:, 0]
        else:
            with np.errstate(invalid="ignore"):
                mono = block.mean(axis=1, dtype=np.float64).astype(np.float32)
        if not np.isfinite(mono).all():
            raise AudioError(f"{self.path}: holds samples that are no finite numbers (NaN or infinity)")
        return mono

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


@contextmanager
def opened(path: Path) -> Iterator[Recording]:
    """Open a sound file that its structure shows to be whole.

    Raises:
        AudioError: as ``load_audio``, as far as it shows without decoding.
    """
    with _opened_bytes(path) as file:
        container = examine(file)
        if container.fault:
            raise AudioError(f"{path}: {container.fault}")
        with _opened_sound(path, file, container) as sound:
            if not LOWEST_RATE <= sound.samplerate <= HIGHEST_RATE:
                raise AudioError(
                    f"{path}: a rate of {sound.samplerate} Hz is not read, only {LOWEST_RATE} to {HIGHEST_RATE} Hz"
                )
            if sound.frames == 0:
                raise AudioError(f"{path}: holds no samples")
            least = container.least_frames * (sound.samplerate / _OPUS_RATE if sound.subtype == "OPUS" else 1)
            if sound.frames < int(least):
                raise AudioError(
                    f"{path}: damaged: only {sound.frames} of at least {int(least)} samples can be decoded"
                )
            yield Recording(path, sound, container)


@contextmanager
def _opened_bytes(path: Path) -> Iterator[io.FileIO]:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise AudioError(f"{path}: is a folder, not a sound file")
        if not stat.S_ISREG(status.st_mode):
            raise AudioError(f"{path}: is no regular file (a device or a pipe); save the sound to a file first")
        file = io.FileIO(path)
    except FileNotFoundError:
        raise AudioError(f"{path}: no such file") from None
    except PermissionError:
        raise AudioError(f"{path}: not readable: permission denied") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot be opened: {error.strerror}") from None
    except ValueError as error:
        raise AudioError(f"{str(path)!r}: is no possible path: {error}") from None
    with file:
        if status.st_size == 0:
            raise AudioError(f"{path}: is empty (0 bytes)")
        yield file


def _opened_sound(path: Path, file: io.FileIO, container: Container) -> _Sequential:
    if not container.kind:
        raise AudioFormatError(f"{path}: is no audio file that is read here (WAV, FLAC, OGG, Opus, MP3, AIFF)")
    # By descriptor, not by name: libsndfile would trust a suffix (.raw, .vox) where it should look at the content.
    source = file.fileno()
    if container.correction is not None:
        source = cast("BinaryIO", Corrected(file, *container.correction))
    try:
        with _silenced() if container.kind == "MP3" else nullcontext():
            return _Sequential(source, closefd=False)
    except soundfile.LibsndfileError as error:
        reason = "no MPEG sound found" if container.kind == "MP3" else _reason(error)
        raise AudioError(f"{path}: damaged, truncated or no {container.kind} file ({reason})") from None


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
