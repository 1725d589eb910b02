"""A downloader for pooch that goes on where an earlier one broke off, waits for nobody forever, and tells how far."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import requests
import urllib3

from ..utterances import CorpusError, Report
from ._free_space import check_room

_TIMEOUT = (15.0, 60.0)  # seconds to connect, and without a byte
_TRIES = 6  # in a row that bring less than _PROGRESS
_PROGRESS = 1 << 20
_WAIT = 1.0  # seconds before the second try; twice as many before each later one
_BLOCK = 1 << 16
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_MIB = 1 << 20


class _BrokenOff(Exception):
    """A try that may succeed when it is made again; the message says what happened."""


class ResumingDownloader:
    """Fetches a URL into a partial file, and hands it over when it is whole; pooch then checks the checksum.

    What a broken try has brought stays in the partial file, also over the end of the process; the next one asks for
    the rest (Range), or begins anew where the server does not know that. A try ends after 60 s without a byte; six
    tries in a row that bring less than 1 MiB are the last.

    Args:
        partial: the partial file.
        size: how many bytes the whole has; None where nobody knows.
        room: how many bytes must be free for what becomes of a file of so many bytes.
        report: told of progress.
    """

    def __init__(
        self, partial: Path, size: int | None, room: Callable[[int], int], report: Report | None = None
    ) -> None:
        self._partial, self._known, self._room, self._report = partial, size, room, report

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> None:  # noqa: ARG002
        """Fetch ``url`` to ``output_file``, as pooch asks for it.

        Raises:
            CorpusError: the server refuses, has a file of another size, or breaks off too often; too little free space.
        """
        failed = 0
        while True:
            before = self._size()
            try:
                self._fetch_rest(url, before)
                break
            except _BrokenOff as error:
                failed = 1 if self._size() - before >= _PROGRESS else failed + 1
                if failed >= _TRIES:
                    kept = f", {self._size() / _MIB:.0f} MiB are kept" if self._size() else ""
                    raise CorpusError(
                        f"{url}: {error} ({failed} tries{kept}); the same command goes on, or name a --mirror"
                    ) from error
                if self._report is not None:
                    self._report(f"{error}; asking again, {failed + 1} of {_TRIES}", self._size(), self._known or 0)
                time.sleep(_WAIT * 2 ** (failed - 1))
        self._partial.replace(output_file)

    def _size(self) -> int:
        return self._partial.stat().st_size if self._partial.exists() else 0

    def _fetch_rest(self, url: str, begin: int) -> None:
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={begin}-"} if begin else {})
        try:
            with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
                if answer.status_code == 416:
                    if answer.headers.get("Content-Range") == f"bytes */{begin}":
                        return  # nothing was left to fetch
                    self._partial.unlink()
                    raise _BrokenOff("what there was of the file did not fit")
                if answer.status_code in _PASSING:
                    raise _BrokenOff(f"the server answers {answer.status_code} ({answer.reason})")
                if answer.status_code not in (200, 206):
                    raise CorpusError(
                        f"{url}: the server answers {answer.status_code} ({answer.reason}); name a --mirror that has it"
                    )
                begin = begin if answer.status_code == 206 else 0
                total = _total(answer, begin) or self._known or 0
                if self._known not in (None, total):
                    raise CorpusError(f"{url}: has {total} bytes instead of {self._known}: this is another file")
                self._check_room(total, begin)
                with self._partial.open("ab" if begin else "wb") as file:
                    self._copy(answer, file, begin, total)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _BrokenOff(_problem_of(error)) from error

    def _copy(self, answer: requests.Response, file: BinaryIO, begin: int, total: int) -> None:
        done = begin
        # Not read(), which loses what has come when the rest does not.
        while block := answer.raw.read1(_BLOCK, decode_content=False):
            file.write(block)
            done += len(block)
            if total and done > total:
                raise CorpusError(f"{answer.url}: has more than {total} bytes: this is another file")
            if self._report is not None:
                self._report("fetching", done, total)
        if total and done < total:
            raise _BrokenOff(f"the connection ended after {done} of {total} bytes")

    def _check_room(self, total: int, begin: int) -> None:
        check_room(self._partial.parent, max(0, total - begin) + self._room(total))


def _total(answer: requests.Response, begin: int) -> int:
    """How many bytes the whole file has; 0 where the server does not tell."""
    if begin:
        match = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != begin:
            raise _BrokenOff("the server sends another part than was asked for")
        return 0 if match[2] == "*" else int(match[2])
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else 0


def _problem_of(error: Exception) -> str:
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return "the server does not answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection to the server"
    if isinstance(error, urllib3.exceptions.ProtocolError):
        return "the connection broke off"
    return f"the download failed ({type(error).__name__})"
