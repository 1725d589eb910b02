"""Decoding: a file that its structure shows to be whole, by libsndfile where it reads the format, else by FFmpeg."""

import io
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import soundfile
import soxr
from jaxtyping import Float32

from hamiltone.files import decoded_text

from ._container import Container, examine
from ._errors import AudioError, AudioFormatError
from ._parts import Part
from ._sndfile import SndfileSound
from ._sounds import Chain, Sound
from ._view import Splice

LOWEST_RATE, HIGHEST_RATE = 1000, 768_000

_RULES = 2
"""Counts the changes of what this package makes of the same file."""

_READ_OF_TEXT = 1024

_READ = "WAV, FLAC, OGG, Opus, MP3, AIFF; with PyAV M4A, MP4, WebM, Matroska, AAC, AMR, WMA"


class Recording:
    """An open sound file, read onwards in mono.

    Attributes:
        path: the file, for messages.
        rate: samples per second.
        frames: samples per channel, or None where only decoding tells.
    """

    def __init__(self, path: Path, sound: Sound) -> None:
        self.path = path
        self.rate = sound.rate
        self.frames = sound.frames
        self._sound = sound

    def go_to(self, frame: int) -> None:
        """Move to a frame; what lies before is decoded only where the format cannot seek to the sample."""
        if self._sound.seekable:
            self._sound.seek(frame)
            return
        for _ in self.pieces(frame):
            pass

    def pieces(self, frames: int | None) -> Iterator[Float32[np.ndarray, "sample"]]:
        """Decode the next ``frames`` frames, or all that follow if None, in pieces of bounded size.

        Raises:
            AudioError: the sound breaks off before, cannot be decoded, or holds NaN or infinities.
        """
        left = frames
        while left is None or left > 0:
            piece = self._sound.read(left)
            if not len(piece):
                return
            if left is not None:
                left -= len(piece)
            yield piece


def decoder_versions() -> dict[str, str | int]:
    """What a decoded recording depends on beside its file: for keys of what is stored."""
    try:
        media = version("av")
    except PackageNotFoundError:
        media = ""
    return {
        "rules": _RULES,
        "libsndfile": soundfile.__libsndfile_version__,
        "soxr": soxr.__version__,
        "av": media,
    }


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
        if not container.kind and _is_text(file):
            raise AudioFormatError(f"{path}: is no audio file, but a text")
        if not container.kind:
            raise AudioFormatError(f"{path}: is no audio file that is read here ({_READ})")
        openers = [partial(_opened_sound, path, file, container, part) for part in container.parts]
        with closing(openers[0]() if len(openers) == 1 else Chain(openers)) as sound:
            yield Recording(path, sound)


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


def _is_text(file: io.FileIO) -> bool:
    """Whether a file begins with characters that people read; the last one may be cut."""
    head = file.read(_READ_OF_TEXT) or b""
    for missing in range(min(4, len(head))):
        with suppress(UnicodeDecodeError):
            return all(sign.isprintable() or sign.isspace() for sign in decoded_text(head[: len(head) - missing]))
    return False


def _opened_sound(path: Path, file: io.FileIO, container: Container, part: Part) -> Sound:
    if container.kind == "MEDIA":
        sound = _opened_media(path, Splice(file, part.pieces), container)
    else:
        sound = SndfileSound(path, file, container, part)
    if LOWEST_RATE <= sound.rate <= HIGHEST_RATE:
        return sound
    sound.close()
    raise AudioError(f"{path}: a rate of {sound.rate} Hz is not read, only {LOWEST_RATE} to {HIGHEST_RATE} Hz")


def _opened_media(path: Path, source: Splice, container: Container) -> Sound:
    try:
        media = import_module("._media", __package__)
    except ModuleNotFoundError as error:
        raise AudioFormatError(
            f"{path}: {container.name} is read with PyAV ({error.name} is missing): pip install 'hamiltone[media]'"
        ) from None
    return media.MediaSound(path, source, container.demuxer, container.name)
