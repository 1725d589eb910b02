"""Ogg and FLAC: whether the last page is there, the links of a chain, and FLAC whose header tells too little."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ._parts import Part, Structure
from ._view import Piece, View

_FIRST_PAGE, _LAST_PAGE = 0x02, 0x04
_READ_BY_LIBSNDFILE = (b"\x01vorbis", b"OpusHead")

_FLAC_STARTS = (b"fLaC\x00\x00\x00\x22", b"fLaC\x80\x00\x00\x22")
"""The mark and the head of the block that must follow it: no 8 bytes that sound would hold by chance."""

_BLOCK = 1 << 20

_FLAC_SAMPLES = (1 << 36) - 1
_FLAC_BEHIND = 1 << 16
"""Bytes of tags that may stand behind the last frame."""


@dataclass
class _Link:
    """A stream of Ogg pages from its beginning to its end."""

    start: int
    codec: bytes
    first: int = 0
    last: int = 0
    has_sound: bool = False
    ended: bool = False

    def granule(self, granule: int) -> None:
        """Take note of the time that a page has."""
        if granule > 0:
            self.first, self.last = self.first or granule, granule


def examine_ogg(view: View) -> Structure:
    """Walk through the pages."""
    links: list[_Link] = []
    position = 0
    while (header := view.at(position, 27))[:4] == b"OggS" and len(header) == 27:
        start, flags = position, header[5]
        lacing = view.at(position + 27, header[26])
        content = position + 27 + len(lacing)
        position = content + sum(lacing)
        if len(lacing) < header[26] or position > view.length:
            return Structure("truncated: its last Ogg page is incomplete")
        # Streams that lie beside one another all begin before the sound of any.
        if not links or (flags & _FIRST_PAGE and links[-1].has_sound):
            links.append(_Link(start, view.at(content, 8)))
        link = links[-1]
        link.has_sound |= not flags & _FIRST_PAGE
        link.ended = bool(flags & _LAST_PAGE)
        link.granule(struct.unpack("<q", header[6:14])[0])
    if not links or not links[-1].ended:
        return Structure("truncated or damaged: its last whole Ogg page is not marked as the end")
    if not all(link.codec.startswith(_READ_BY_LIBSNDFILE) for link in links):
        return Structure(parts=(Part((view.piece(0),)),), demuxer="ogg")
    stops = [link.start for link in links[1:]] + [None]
    whole = view.whole and len(links) == 1
    return Structure(
        parts=tuple(
            Part(() if whole else (view.piece(link.start, stop),), least_frames=max(0, link.last - link.first))
            for link, stop in zip(links, stops, strict=True)
        )
    )


def examine_flac(view: View) -> Structure:
    """Find further streams behind the first, and the true length of one whose header tells less."""
    starts = [0, *_flac_starts(view)]
    links = [_flac_pieces(view, *bounds) for bounds in zip(starts, [*starts[1:], view.length], strict=True)]
    if view.whole and links == [(view.piece(0),)]:
        return Structure()
    return Structure(parts=tuple(Part(pieces) for pieces in links))


def _flac_starts(view: View) -> Iterator[int]:
    """Where streams begin behind the first one's metadata, which may hold anything."""
    position = _flac_sound(view, 0)
    overlap = len(_FLAC_STARTS[0]) - 1
    while len(block := view.at(position, _BLOCK + overlap)) > overlap:
        yield from sorted(position + found for mark in _FLAC_STARTS for found in _found(block, mark))
        position += _BLOCK


def _flac_sound(view: View, start: int) -> int:
    """Where the frames of a stream begin, behind its metadata."""
    position = start + 4
    while len(head := view.at(position, 4)) == 4:
        position += 4 + int.from_bytes(head[1:], "big")
        if head[0] & 0x80:
            break
    return position


def _flac_pieces(view: View, start: int, stop: int) -> tuple[Piece, ...]:
    """A stream, with the number of its samples put right where its header tells some, but fewer than there are."""
    number_at = start + 18  # the last 36 bits of 8 bytes
    told = int.from_bytes(view.at(number_at, 8), "big")
    samples = told & _FLAC_SAMPLES
    there = _flac_length(view, start, stop) if samples else 0
    if there <= samples:
        return (view.piece(start, stop),)
    right = (told - samples + min(there, _FLAC_SAMPLES)).to_bytes(8, "big")
    return view.piece(start, number_at), right, view.piece(number_at + 8, stop)


def _flac_length(view: View, start: int, stop: int) -> int:
    """The samples of a stream up to the end of its last frame; 0 where none is found."""
    block, longest = (int.from_bytes(view.at(start + at, size), "big") for at, size in ((10, 2), (15, 3)))
    sound = _flac_sound(view, start)
    first = view.at(sound, 4)
    begin = max(sound, stop - (longest or _BLOCK) - _FLAC_BEHIND)
    tail = view.at(begin, stop - begin)
    found = len(tail)
    while len(first) == 4 and (found := tail.rfind(first[:2], 0, found + 1)) >= 0:
        if end := _flac_frame_end(tail[found : found + 16], first, block):
            return end
    return 0


def _flac_frame_end(head: bytes, first: bytes, block: int) -> int:
    """The sample behind a frame, by its first bytes; 0 where they are no frame of the stream that ``first`` begins."""
    if len(head) < 6 or any((head[at] ^ first[at]) & 15 for at in (2, 3)):  # rate, bits of a sample
        return 0
    size, length = head[2] >> 4, max(1, 8 - (head[4] ^ 0xFF).bit_length())
    number = head[4] & 0x7F >> length if length > 1 else head[4]
    for byte in head[5 : 4 + length]:
        number = number << 6 | byte & 0x3F
    behind = 4 + length + {6: 1, 7: 2}.get(size, 0)
    if size in (6, 7):
        samples = 1 + int.from_bytes(head[4 + length : behind], "big")
    else:
        samples = 256 << size - 8 if size >= 8 else 192 if size == 1 else 576 << max(0, size - 2)
    behind += {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if size == 0 or len(head) <= behind or _crc8(head[: behind + 1]):
        return 0
    return samples + (number if head[1] & 1 else number * block)


def _crc8(content: bytes) -> int:
    """FLAC's check of a frame's head (polynomial 0x07): 0 with the check itself behind what it is of."""
    value = 0
    for byte in content:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ (0x07 if value & 0x80 else 0)) & 0xFF
    return value


def _found(block: bytes, mark: bytes) -> Iterator[int]:
    found = block.find(mark)
    while found >= 0:
        yield found
        found = block.find(mark, found + 1)
