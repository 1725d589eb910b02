"""Ogg and FLAC: whether the last page is there, and the links of a chain."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ._parts import Part, Structure
from ._view import View

_FIRST_PAGE, _LAST_PAGE = 0x02, 0x04
_READ_BY_LIBSNDFILE = (b"\x01vorbis", b"OpusHead")

_FLAC_STARTS = (b"fLaC\x00\x00\x00\x22", b"fLaC\x80\x00\x00\x22")
"""The mark and the head of the block that must follow it: no 8 bytes that sound would hold by chance."""

_BLOCK = 1 << 20


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
    """Find further streams behind the first."""
    starts = [0, *_flac_starts(view)]
    if view.whole and len(starts) == 1:
        return Structure()
    pieces = [view.piece(start, stop) for start, stop in zip(starts, [*starts[1:], None], strict=True)]
    return Structure(parts=tuple(Part((piece,)) for piece in pieces))


def _flac_starts(view: View) -> Iterator[int]:
    """Where streams begin behind the first one's metadata, which may hold anything."""
    position = 4
    while len(head := view.at(position, 4)) == 4:
        position += 4 + int.from_bytes(head[1:], "big")
        if head[0] & 0x80:
            break
    overlap = len(_FLAC_STARTS[0]) - 1
    while len(block := view.at(position, _BLOCK + overlap)) > overlap:
        yield from sorted(position + found for mark in _FLAC_STARTS for found in _found(block, mark))
        position += _BLOCK


def _found(block: bytes, mark: bytes) -> Iterator[int]:
    found = block.find(mark)
    while found >= 0:
        yield found
        found = block.find(mark, found + 1)
