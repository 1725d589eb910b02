"""RIFF and its kin (WAV, Wave64, AVI, AIFF, CAF): where the sound begins, how much is promised and how much there."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ._mpeg import examine_mpeg
from ._parts import Part, Structure
from ._view import Piece, View

# Sizes that a writer leaves which cannot seek back: FFmpeg, sox and arecord into a pipe, with or without the header's
# length subtracted, of WAV and of AIFF.
_UNKNOWN_SIZES = (range(0x7FFF_F000, 0x8000_0001), range(0xFFFF_F000, 0x1_0000_0000))
_UNKNOWN_AIFF = (range(0x7EFF_F000, 0x7F00_0001), *_UNKNOWN_SIZES)
_UNKNOWN = 0xFFFF_FFFF

WAV_MARKS = {b"RIFF", b"RIFX", b"RF64", b"BW64"}
_EXTENSIBLE, _MPEG = 0xFFFE, {0x50, 0x55}
_READ_BY_LIBSNDFILE = {0x01, 0x02, 0x03, 0x06, 0x07, 0x11, 0x31}
"""Format tags: PCM, MS ADPCM, float, A-law, mu-law, IMA ADPCM, GSM 6.10."""

_UNCOMPRESSED_AIFC = {b"NONE", b"twos", b"sowt", b"raw ", b"in24", b"in32", b"fl32", b"FL32", b"fl64", b"FL64"}
_COMPRESSED_AIFC = {b"ulaw": 1, b"ULAW": 1, b"alaw": 1, b"ALAW": 1, b"ima4": 34}
"""Bytes per channel of what COMM counts as a frame."""

_PADDING = 1 << 16
"""So many zeros behind the sound are the padding of a sector or a page; more are silence."""

_MOST_PARTS = 10_000
"""WAV files that one file may hold, one behind the other: far more than anybody joins, few enough to be looked at."""

_TAGS = (b"TAG", b"ID3", b"APETAG", b"LYRICS")
_KNOWN_CHUNKS = {
    b"LIST",
    b"id3 ",
    b"ID3 ",
    b"JUNK",
    b"junk",
    b"fact",
    b"cue ",
    b"bext",
    b"iXML",
    b"smpl",
    b"PEAK",
    b"_PMX",
}


@dataclass
class _Wav:
    """What a WAV's chunks told before its sound."""

    order: str
    tag: int = 1
    block: int = 1
    long_size: int | None = None
    long_size_at: int = 0


def examine_wav(view: View) -> Structure:
    """Walk through the chunks up to the sound and look at what follows it, which may be another WAV, and so on."""
    parts: list[Part] = []
    while True:
        found, end = _examine_one(view)
        if end is None or found.fault:
            return replace(found, parts=(*parts, *found.parts))
        parts += found.parts
        if len(parts) == _MOST_PARTS:
            return Structure(f"holds more than {_MOST_PARTS} WAV files, one behind the other: part it")
        view = view.behind(end)


def _examine_one(view: View) -> tuple[Structure, int | None]:
    """What the first WAV is, and where another one begins behind it, if one does."""
    head = view.at(0, 12)
    wav = _Wav(">" if head[:4] == b"RIFX" else "<")
    (riff_size,) = struct.unpack(wav.order + "I", head[4:8])
    for name, position, size in _chunks(view, wav.order):
        if name == b"fmt ":
            _note_format(wav, view.at(position, min(size, 40)))
        elif name == b"ds64":
            (wav.long_size,) = struct.unpack("<Q", view.at(position + 8, 8).ljust(8, b"\0"))
            wav.long_size_at = position + 8
        elif name == b"data":
            return _examine_data(view, wav, position, size, riff_size)
    return Structure(parts=_parts(view, [])), None


def _note_format(wav: _Wav, content: bytes) -> None:
    content = content.ljust(40, b"\0")
    wav.tag, wav.block = struct.unpack(wav.order + "H10xH", content[:14])
    if wav.tag == _EXTENSIBLE:
        (wav.tag,) = struct.unpack(wav.order + "H", content[24:26])


def _examine_data(view: View, wav: _Wav, position: int, size: int, riff_size: int) -> tuple[Structure, int | None]:
    available = view.length - position
    is_long = size == _UNKNOWN and wav.long_size is not None
    promised = wav.long_size if is_long and wav.long_size is not None else size
    unknown = any(promised in sizes for sizes in _UNKNOWN_SIZES)
    # A closed file of size 0 is empty; one whose whole length was never filled in goes on to its end.
    never_filled = promised == 0 and available > 0 and riff_size + 8 != view.length
    if not unknown and not never_filled and (fault := _shortage(promised, available, wav.block)):
        return Structure(fault), None
    goes_on = unknown or never_filled or _is_sound_behind(view, position + promised, promised, wav.block)
    if wav.tag in _MPEG:
        found = examine_mpeg(view.behind(position), 0, None if goes_on else promised)
        return found or Structure("damaged: its header promises MPEG sound, none begins there"), None
    if wav.tag not in _READ_BY_LIBSNDFILE:
        return Structure(parts=(Part((view.piece(0),)),), demuxer="wav"), None
    corrections = [(0, 4, b"RF64")] if view.at(0, 4) == b"BW64" else []
    if goes_on and is_long:
        corrections.append((wav.long_size_at, wav.long_size_at + 8, struct.pack("<Q", available)))
    elif goes_on and available > _UNKNOWN and wav.order == "<":
        corrections.append((0, 12, _long_head(available)))
        corrections.append((position - 4, position, struct.pack("<I", _UNKNOWN)))
    elif goes_on and not unknown:
        corrections.append((position - 4, position, struct.pack(wav.order + "I", _UNKNOWN)))
    end = position + promised + promised % 2
    if not goes_on and _is_wav(view.at(end, 12)):
        return Structure(parts=_parts(view, corrections, end)), end
    return Structure(parts=_parts(view, corrections)), None


def _is_wav(head: bytes) -> bool:
    return head[:4] in WAV_MARKS and head[8:] == b"WAVE"


def _long_head(size: int) -> bytes:
    """What a WAV of 4 GiB and more begins with: EBU Tech 3306."""
    return b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<IQQQI", 28, size + 72, size, 0, 0)


def _parts(view: View, corrections: list[tuple[int, int, bytes]], end: int | None = None) -> tuple[Part]:
    """The file, up to its end or another, with some of its ranges replaced."""
    if view.whole and not corrections and end is None:
        return (Part(),)
    pieces: list[Piece] = []
    position = 0
    for start, stop, replacement in corrections:
        pieces += [view.piece(position, start), replacement]
        position = stop
    return (Part((*pieces, view.piece(position, end))),)


def _is_sound_behind(view: View, end: int, promised: int, block: int) -> bool:
    """Whether what follows the promised sound is more of it: no chunk, no tag, no padding, and a sample at least."""
    rest = view.length - end
    if rest < max(1, block) + 1:
        return False
    if rest % (1 << 32) == 0:  # a size that did not fit into its 32 bits
        return True
    for start in {end, end + promised % 2}:
        head = view.at(start, 8)
        if _is_wav(view.at(start, 12)) or head.startswith(_TAGS) or head[:4] in _KNOWN_CHUNKS:
            return False
        if head[:4].isascii() and head[:4].decode().isprintable() and _sizes(head) <= view.length - start:
            return False
    return rest > _PADDING or any(view.at(end, rest))


def _sizes(head: bytes) -> int:
    """The size of a chunk in either byte order, whichever is smaller, with its head."""
    return 8 + min(int.from_bytes(head[4:8], "little"), int.from_bytes(head[4:8], "big"))


def examine_aiff(view: View) -> Structure:
    """Walk through the chunks up to the sound."""
    promised = block = 0
    for name, position, size in _chunks(view, ">"):
        if name == b"COMM":
            channels, frames, bits = struct.unpack(">HIH", view.at(position, 8).ljust(8, b"\0"))
            compression = view.at(position + 18, 4) if size >= 22 else b"NONE"
            sample = (bits + 7) // 8 if compression in _UNCOMPRESSED_AIFC else _COMPRESSED_AIFC.get(compression, 0)
            block = channels * sample
            promised = frames * block
        elif name == b"SSND":
            # The chunk begins with two numbers of 4 bytes, the sound follows. Its size is the second choice: some
            # writers, libsndfile among them, count the pad byte.
            unknown = any(told in sizes for told in (promised, size) for sizes in _UNKNOWN_AIFF)
            fault = "" if unknown else _shortage(promised or size - 9, view.length - position - 8, block)
            return Structure(fault, parts=_parts(view, []))
    return Structure(parts=_parts(view, []))


def examine_avi(view: View) -> Structure:
    """See whether the file is as long as its head says."""
    return _media(view, "avi", 8 + int.from_bytes(view.at(4, 4), "little"))


def examine_w64(view: View) -> Structure:
    """See whether the file is as long as its head says."""
    return _media(view, "w64", int.from_bytes(view.at(16, 8), "little"))


def _media(view: View, demuxer: str, promised: int) -> Structure:
    fault = "truncated: it is shorter than its header says" if promised > view.length + 1 else ""
    return Structure(fault, (Part((view.piece(0),)),), demuxer)


def examine_caf(view: View) -> Structure:
    """Walk through the chunks up to the sound."""
    position, fault = 8, ""
    while position + 12 <= view.length:
        name, size = struct.unpack(">4sq", view.at(position, 12))
        position += 12
        if name == b"data":  # -1: to the end
            fault = _shortage(size, view.length - position, 1) if size > 0 else ""
        if size < 0:
            break
        position += size
    return Structure(fault, (Part((view.piece(0),)),), demuxer="caf")


def _chunks(view: View, order: str) -> Iterator[tuple[bytes, int, int]]:
    """The chunks of a RIFF or IFF file: name, position of the content, promised size."""
    position = 12
    while position + 8 <= view.length:
        name, size = struct.unpack(order + "4sI", view.at(position, 8))
        yield name, position + 8, size
        position += 8 + size + size % 2


def _shortage(promised: int, available: int, block: int) -> str:
    # Counted in whole blocks: a missing pad byte or an incomplete last block takes no sample away.
    block = max(1, block)
    if promised // block <= max(0, available) // block:
        return ""
    return f"truncated: its header promises {promised} bytes of sound, {max(0, available)} are there"
