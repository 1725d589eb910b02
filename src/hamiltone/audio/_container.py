"""Containers of sound: a file's kind, and whether it is whole, by its structure.

libsndfile shortens a truncated WAV, AIFF or Ogg file without a word, and reads a WAV whose writer never learned the
length (size 0) as empty. The few headers that tell are therefore walked here; nothing is decoded.
"""

import io
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["WAV", "AIFF", "FLAC", "OGG", "MP3", ""]

# Sizes that a writer leaves which cannot seek back: FFmpeg, sox and arecord into a pipe, with or without the header's
# length subtracted.
_UNKNOWN_SIZES = (range(0x7FFF_F000, 0x8000_0001), range(0xFFFF_F000, 0x1_0000_0000))
_UNKNOWN = 0xFFFF_FFFF

_UNCOMPRESSED_AIFC = {b"NONE", b"twos", b"sowt", b"raw ", b"in24", b"in32", b"fl32", b"FL32", b"fl64", b"FL64"}
_COMPRESSED_AIFC = {b"ulaw": 1, b"ULAW": 1, b"alaw": 1, b"ALAW": 1, b"ima4": 34}
"""Bytes per channel of what COMM counts as a frame."""

_OGG_LAST_PAGE = 0x04


@dataclass(frozen=True)
class Container:
    """A file's kind by content ("" where nothing is recognised), its fault, and what its header should say instead.

    Attributes:
        kind: the container.
        fault: why the file is not whole, "" where it is or where the structure does not tell.
        correction: (position, bytes) to be read in place of the header's own, or None.
        least_frames: samples per channel that the file certainly holds when every page decodes (Ogg only, else 0), in
            the codec's own time: 48 kHz for Opus.
    """

    kind: Kind
    fault: str = ""
    correction: tuple[int, bytes] | None = None
    least_frames: int = 0


def examine(file: io.FileIO) -> Container:
    """Look at the structure of an open file; its position afterwards is 0."""
    length = os.fstat(file.fileno()).st_size
    head = _read_at(file, 0, 12)
    if head[:4] in {b"RIFF", b"RIFX", b"RF64"} and head[8:12] == b"WAVE":
        container = _examine_wav(file, length, head)
    elif head[:4] == b"FORM" and head[8:12] in {b"AIFF", b"AIFC"}:
        container = _examine_aiff(file, length)
    elif head[:4] == b"OggS":
        container = _examine_ogg(file, length)
    elif head[:4] == b"fLaC":
        container = Container("FLAC")
    elif head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0):
        container = Container("MP3")
    else:
        container = Container("")
    file.seek(0)
    return container


class Corrected:
    """An open file, read with some of its bytes replaced: what soundfile needs of a file object, no more."""

    def __init__(self, file: io.FileIO, position: int, replacement: bytes) -> None:
        self._file, self._position, self._replacement = file, position, replacement
        self.seek, self.tell = file.seek, file.tell

    def read(self, count: int) -> bytes:
        """Up to ``count`` bytes from the present position."""
        start = self._file.tell()
        content = bytearray(self._file.read(count) or b"")
        first = max(start, self._position)
        last = min(start + len(content), self._position + len(self._replacement))
        if first < last:
            content[first - start : last - start] = self._replacement[first - self._position : last - self._position]
        return bytes(content)


def _examine_wav(file: io.FileIO, length: int, head: bytes) -> Container:
    order = ">" if head[:4] == b"RIFX" else "<"
    (riff_size,) = struct.unpack(order + "I", head[4:8])
    block, long_size = 1, None
    for name, position, size in _chunks(file, length, order):
        if name == b"fmt ":
            (block,) = struct.unpack(order + "H", _read_at(file, position + 12, 2).ljust(2, b"\0"))
        elif name == b"ds64":
            (long_size,) = struct.unpack("<Q", _read_at(file, position + 8, 8).ljust(8, b"\0"))
        elif name == b"data":
            available = length - position
            promised = long_size if size == _UNKNOWN and long_size is not None else size
            # A closed file of size 0 is empty; one whose whole length was never filled in goes on to its end.
            if promised == 0 and available > 0 and riff_size + 8 != length:
                return Container("WAV", correction=(position - 4, struct.pack(order + "I", _UNKNOWN)))
            if any(promised in sizes for sizes in _UNKNOWN_SIZES):
                return Container("WAV")
            return Container("WAV", fault=_shortage(promised, available, block))
    return Container("WAV")


def _examine_aiff(file: io.FileIO, length: int) -> Container:
    promised = block = 0
    for name, position, size in _chunks(file, length, ">"):
        if name == b"COMM":
            channels, frames, bits = struct.unpack(">HIH", _read_at(file, position, 8).ljust(8, b"\0"))
            compression = _read_at(file, position + 18, 4) if size >= 22 else b"NONE"
            sample = (bits + 7) // 8 if compression in _UNCOMPRESSED_AIFC else _COMPRESSED_AIFC.get(compression, 0)
            block = channels * sample
            promised = frames * block
        elif name == b"SSND":
            # The chunk begins with two numbers of 4 bytes, the sound follows. Its size is the second choice: some
            # writers, libsndfile among them, count the pad byte.
            return Container("AIFF", fault=_shortage(promised or size - 9, length - position - 8, block))
    return Container("AIFF")


def _examine_ogg(file: io.FileIO, length: int) -> Container:
    position, flags, first, last = 0, 0, 0, 0
    while (header := _read_at(file, position, 27))[:4] == b"OggS" and len(header) == 27:
        flags = header[5]
        (granule,) = struct.unpack("<q", header[6:14])
        lacing = _read_at(file, position + 27, header[26])
        position += 27 + len(lacing) + sum(lacing)
        if len(lacing) < header[26] or position > length:
            return Container("OGG", fault="truncated: its last Ogg page is incomplete")
        if granule > 0:
            first, last = first or granule, granule
    if not flags & _OGG_LAST_PAGE:
        return Container("OGG", fault="truncated or damaged: its last whole Ogg page is not marked as the end")
    return Container("OGG", least_frames=max(0, last - first))


def _chunks(file: io.FileIO, length: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """The chunks of a RIFF or IFF file: name, position of the content, promised size."""
    position = 12
    while position + 8 <= length:
        name, size = struct.unpack(order + "4sI", _read_at(file, position, 8))
        yield name, position + 8, size
        position += 8 + size + size % 2


def _shortage(promised: int, available: int, block: int) -> str:
    # Counted in whole blocks: a missing pad byte or an incomplete last block takes no sample away.
    block = max(1, block)
    if promised // block <= max(0, available) // block:
        return ""
    return f"truncated: its header promises {promised} bytes of sound, {max(0, available)} are there"


def _read_at(file: io.FileIO, position: int, count: int) -> bytes:
    file.seek(position)
    return file.read(count) or b""
