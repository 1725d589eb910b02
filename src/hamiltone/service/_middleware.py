"""What stands around every request: a bound on its body, headers, an answer to failures, one log line, the counters."""

import json
import logging
import time
import uuid
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ._limits import Refusal, ServiceLimits
from ._metrics import Metrics

_log = logging.getLogger("hamiltone.service")

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self' blob:; "
        "connect-src 'self'; worker-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class JsonLines(logging.Formatter):
    """A line of JSON for each event: when, how grave, what, and the numbers that go with it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        content: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        content |= getattr(record, "fields", {})
        if record.exc_info:
            content["traceback"] = self.formatException(record.exc_info)
        return json.dumps(content, ensure_ascii=False)


def note(level: int, event: str, **fields: Any) -> None:
    """Write an event to the log, with its numbers."""
    _log.log(level, event, extra={"fields": fields})


class Guard:
    """ASGI middleware around the whole application.

    The log tells route, status, times and sizes of a request: neither the sound, nor a file's name, nor an address.
    """

    def __init__(self, app: ASGIApp, limits: ServiceLimits, metrics: Metrics) -> None:
        self._app = app
        self._limits = limits
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        fields: dict[str, Any] = {"request": uuid.uuid4().hex[:12], "status": 500}
        scope.setdefault("state", {})["fields"] = fields
        answering = False

        async def guarded_send(message: Message) -> None:
            nonlocal answering
            answering = True
            if message["type"] == "http.response.start":
                fields["status"] = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store" if scope["path"].startswith("/v1/") else "no-cache")
                headers["X-Request-ID"] = fields["request"]
            await send(message)

        try:
            await self._app(scope, _bounded(receive, self._limits.body_bytes), guarded_send)
        except Exception:
            _log.exception("failed", extra={"fields": {"request": fields["request"]}})
            if answering:
                raise
            message = f"the service failed; its log says why, under {fields['request']}"
            await JSONResponse({"code": "failed", "message": message}, 500)(scope, receive, guarded_send)
        finally:
            # The route's own path, not the client's: what was asked for may name a file.
            route = getattr(scope.get("route"), "path", "") or "other"
            seconds = time.perf_counter() - started
            self._metrics.requests.labels(route, str(fields["status"])).inc()
            self._metrics.seconds.labels(route).observe(seconds)
            note(logging.INFO, "request", method=scope["method"], route=route, seconds=round(seconds, 4), **fields)


def _bounded(receive: Receive, most: int) -> Receive:
    """The same messages, and a refusal where the body grows too large, whatever its header says."""
    total = 0

    async def bounded() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > most:
            raise too_large(most)
        return message

    return bounded


def too_large(most: int) -> Refusal:
    """The answer to a body of more than ``most`` bytes."""
    return Refusal(413, "too_large", f"the request is larger than {most / (1 << 20):g} MiB; send a shorter recording")
