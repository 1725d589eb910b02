"""Ranges of a file: one that is looked at, and several that are read as one file."""

import io
import os
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

Piece = bytes | tuple[int, int]
"""Bytes to be read in the place of the file's own, or a range of the file: (start, stop)."""


class View:
    """What of an open file lies from ``start`` to its end; positions count from there.

    Attributes:
        length: in bytes.
    """

    def __init__(self, file: io.FileIO, start: int = 0) -> None:
        self._file, self._start = file, start
        self.length = max(0, os.fstat(file.fileno()).st_size - start)

    def at(self, position: int, count: int) -> bytes:
        """Up to ``count`` bytes from a position."""
        self._file.seek(self._start + position)
        return self._file.read(count) or b""

    def behind(self, position: int) -> "View":
        """What lies from a position on."""
        return View(self._file, self._start + position)

    def piece(self, start: int, stop: int | None = None) -> tuple[int, int]:
        """A range of the view as one of the file; ``stop`` None: to the end."""
        return self._start + start, self._start + (self.length if stop is None else stop)

    @property
    def whole(self) -> bool:
        """Whether it is the file from its beginning on."""
        return self._start == 0


class Splice:
    """Pieces of an open file, read as if they were a file: what soundfile and PyAV need of a file object, no more.

    Args:
        file: the open file.
        pieces: what follows one another.
        length: what it says to be its length, if not the true one. The last 128 bytes before that end are zeros.
    """

    def __init__(self, file: io.FileIO, pieces: Sequence[Piece], length: int | None = None) -> None:
        self._file, self._pieces = file, pieces
        sizes = (len(piece) if isinstance(piece, bytes) else piece[1] - piece[0] for piece in pieces)
        *self._starts, self._end = accumulate(sizes, initial=0)
        self._length = self._end if length is None else length
        self._position = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As a file's."""
        self._position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        return self._position

    def tell(self) -> int:
        """As a file's."""
        return self._position

    def read(self, count: int = -1) -> bytes:
        """Up to ``count`` bytes from the present position; all that follow if negative."""
        if self._position >= self._end:
            # Where libmpg123 looks for a tag when it learns the length.
            content = bytes(min(max(count, 0), self._length - self._position)) if self._near_false_end else b""
            self._position += len(content)
            return content
        stop = self._end if count < 0 else min(self._end, self._position + count)
        parts = []
        while self._position < stop:
            index = bisect_right(self._starts, self._position) - 1
            parts.append(self._of_piece(index, self._position - self._starts[index], stop - self._position))
            if not parts[-1]:  # the file has become shorter meanwhile
                break
            self._position += len(parts[-1])
        return b"".join(parts)

    @property
    def _near_false_end(self) -> bool:
        return self._length > self._end and self._length - 128 <= self._position < self._length

    def _of_piece(self, index: int, skipped: int, count: int) -> bytes:
        piece = self._pieces[index]
        if isinstance(piece, bytes):
            return piece[skipped : skipped + count]
        self._file.seek(piece[0] + skipped)
        return self._file.read(min(count, piece[1] - piece[0] - skipped)) or b""
