"""Containers of sound: a file's kind, whether it is whole, and the recordings in it, by its structure.

libsndfile shortens a truncated WAV, AIFF or Ogg file without a word, reads of a chain only its first link, estimates
the length of MPEG sound, and takes a WAV's length from its header alone. What tells is therefore walked here; nothing
is decoded.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

from ._mpeg import examine_mpeg
from ._parts import Part, Structure
from ._riff import WAV_MARKS, examine_aiff, examine_avi, examine_caf, examine_w64, examine_wav
from ._view import View
from ._xiph import examine_flac, examine_ogg

Kind = Literal["WAV", "AIFF", "FLAC", "OGG", "MP3", "MEDIA", ""]

_MEDIA = (
    (4, b"ftyp", "mov", "MP4"),
    (4, b"moov", "mov", "MP4"),
    (4, b"mdat", "mov", "MP4"),
    (0, b"\x1a\x45\xdf\xa3", "matroska", "Matroska or WebM"),
    (0, b"#!AMR", "amr", "AMR"),
    (0, bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), "asf", "WMA"),
    (0, b"FLV\x01", "flv", "FLV"),
    (0, b"NIST_1A", "nistsphere", "NIST SPHERE"),
    (0, b".snd", "au", "AU"),
)
"""Where a mark stands, the mark, FFmpeg's name of what reads it, ours."""

_WALKED: tuple[tuple[str, set[bytes], tuple[bytes, ...], Callable[[View], Structure]], ...] = (
    ("WAV", WAV_MARKS, (b"WAVE",), examine_wav),
    ("AIFF", {b"FORM"}, (b"AIFF", b"AIFC"), examine_aiff),
    ("AVI", {b"RIFF"}, (b"AVI ",), examine_avi),
    ("W64", {b"riff"}, (b"\xa5\xd6\x28\xdb",), examine_w64),
    ("CAF", {b"caff"}, (b"",), examine_caf),
    ("OGG", {b"OggS"}, (b"",), examine_ogg),
    ("FLAC", {b"fLaC"}, (b"",), examine_flac),
)
"""Kind, the marks that begin it, those that follow after 4 bytes, and what walks through it."""

_SEARCHED = 1 << 16
"""Bytes in which the first frame of MPEG sound is looked for, behind zeros or the rest of a frame that was cut."""


@dataclass(frozen=True)
class Container:
    """A file's kind by content ("" where nothing is recognised), its fault, and what is to be read of it.

    Attributes:
        kind: the container; "MEDIA" is what FFmpeg reads.
        fault: why the file is not whole, "" where it is or where the structure does not tell.
        parts: the recordings that lie behind one another in it, one as a rule.
        demuxer: FFmpeg's name of the format, for "MEDIA".
        name: the kind's name for people.
    """

    kind: Kind
    fault: str = ""
    parts: tuple[Part, ...] = (Part(),)
    demuxer: str = ""
    name: str = ""


def examine(file: io.FileIO) -> Container:
    """Look at the structure of an open file; its position afterwards is 0."""
    container = _examine(_behind_tags(View(file)))
    file.seek(0)
    return container


def _examine(view: View) -> Container:
    head = view.at(0, 16)
    for position, mark, demuxer, name in _MEDIA:
        if head[position : position + len(mark)] == mark:
            return _media(view, demuxer, name)
    for kind, marks, within, walk in _WALKED:
        if head[:4] in marks and head[8:12].startswith(within):
            return _made(kind, walk(view))
    if _is_adts(view):
        return _media(view, "aac", "AAC")
    structure = examine_mpeg(view, _SEARCHED)
    return Container("") if structure is None else _made("MP3", structure)


def _made(name: str, structure: Structure) -> Container:
    if structure.demuxer:
        return Container("MEDIA", structure.fault, structure.parts, structure.demuxer, f"{name} of this kind")
    kind = "MP3" if structure.is_mpeg else cast("Kind", name)
    return Container(kind, structure.fault, structure.parts, name=name)


def _media(view: View, demuxer: str, name: str) -> Container:
    return Container("MEDIA", parts=(Part((view.piece(0),)),), demuxer=demuxer, name=name)


def _behind_tags(view: View) -> View:
    """What follows the ID3v2 tags that begin a file."""
    while (head := view.at(0, 10))[:3] == b"ID3" and len(head) == 10:
        size = 0
        for byte in head[6:]:
            size = size << 7 | byte & 0x7F
        view = view.behind(10 + size + (10 if head[5] & 0x10 else 0))
    return view


def _is_adts(view: View) -> bool:
    """Whether three frames of AAC follow one another, or as many as there are."""
    position = 0
    for _ in range(3):
        head = view.at(position, 6)
        if position and position >= view.length:
            break
        if len(head) < 6 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or head[2] >> 2 & 15 > 12:
            return False
        position += max(7, (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5)
    return True
