"""Recordings within a file: which of its bytes each one is."""

from dataclasses import dataclass

from ._view import Piece


@dataclass(frozen=True)
class Part:
    """A recording within a file.

    Attributes:
        pieces: what is to be read in the place of the file; empty: the file as it is.
        frames: samples per channel, where the structure tells them and the header does not; else None.
        least_frames: samples per channel that it certainly holds when every page decodes (Ogg only, else 0), in the
            codec's own time: 48 kHz for Opus.
    """

    pieces: tuple[Piece, ...] = ()
    frames: int | None = None
    least_frames: int = 0


@dataclass(frozen=True)
class Structure:
    """What a walk through a container found.

    Attributes:
        fault: why the file is not whole, or "".
        parts: its recordings.
        demuxer: FFmpeg's name of the format, where libsndfile does not read what is in it.
        is_mpeg: whether the parts are MPEG sound, whatever lies around them.
    """

    fault: str = ""
    parts: tuple[Part, ...] = (Part(),)
    demuxer: str = ""
    is_mpeg: bool = False
