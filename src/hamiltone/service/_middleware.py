"""Middleware of each request: a bound on its body, headers, an answer to failures, one log line, the counters."""

import asyncio
import logging
import time
import uuid
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ._limits import Refusal, ServiceLimits
from ._log import LOG, log_event
from ._metrics import Metrics

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


class RequestMiddleware:
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

        async def send_with_headers(message: Message) -> None:
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
            await self._app(scope, _bounded_receive(receive, self._limits.body_bytes), send_with_headers)
        except asyncio.CancelledError:  # a second interruption, or a request that outlasts the end
            if answering:
                raise
            message = "the service was ended before the answer was there; ask again when it runs"
            await JSONResponse({"code": "ended", "message": message}, 503)(scope, receive, send_with_headers)
        except Exception:
            LOG.exception("failed", extra={"fields": {"request": fields["request"]}})
            if answering:
                raise
            message = f"the service failed; its log says why, under {fields['request']}"
            await JSONResponse({"code": "failed", "message": message}, 500)(scope, receive, send_with_headers)
        finally:
            # The route's own path, not the client's: what was asked for may name a file.
            route = getattr(scope.get("route"), "path", "") or "other"
            seconds = time.perf_counter() - started
            self._metrics.requests.labels(route, str(fields["status"])).inc()
            self._metrics.seconds.labels(route).observe(seconds)
            log_event(logging.INFO, "request", method=scope["method"], route=route, seconds=round(seconds, 4), **fields)


def _bounded_receive(receive: Receive, most: int) -> Receive:
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
