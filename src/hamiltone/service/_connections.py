"""Limits of connections: uvicorn itself waits for as long as a client likes, and lets one client take all of them."""

import asyncio
import sys
from collections import Counter
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


def timed_protocol(seconds: float, most: int = sys.maxsize) -> type[H11Protocol]:
    """A protocol for ``uvicorn.Config(http=...)`` with an end to waiting.

    An address may have ``most`` connections; further ones are cut, so that there are some for others.

    A client has ``seconds`` from connecting, or from the end of an answer, to the end of a request's header, as long to
    take each part of an answer, and to end a body that is answered already; then its connection is cut. The body of a
    request that waits for its answer is the application's to bound.
    """
    return type("TimedProtocol", (_TimedProtocol,), {"seconds": seconds, "most": most, "open": Counter()})


class _TimedProtocol(H11Protocol):
    seconds: float
    most: int
    open: Counter[str]

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._header: asyncio.TimerHandle | None = None
        self._answer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        self.open[self._address] += 1
        if self.open[self._address] > self.most:
            transport.abort()
            return
        self._await_header()

    def handle_events(self) -> None:
        super().handle_events()
        self._await_header()

    def _await_header(self) -> None:
        """Let the time run while a header, or an answered body, is incomplete; a byte now and then prolongs nothing."""
        answered = self.conn.our_state in (h11.DONE, h11.MUST_CLOSE) and self.conn.their_state is h11.SEND_BODY
        if self.conn.their_state is not h11.IDLE and not answered:
            self._header = _cancelled(self._header)
        elif self._header is None:
            self._header = self.loop.call_later(self.seconds, self.transport.abort)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing():
            self._await_header()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._answer = self._answer or self.loop.call_later(self.seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._answer = _cancelled(self._answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._header, self._answer = _cancelled(self._header), _cancelled(self._answer)
        self.open[self._address] -= 1
        if not self.open[self._address]:
            del self.open[self._address]
        super().connection_lost(exc)


def _cancelled(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
