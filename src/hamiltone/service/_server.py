"""The server process: its socket, token and signals."""

import asyncio
import ipaddress
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from hamiltone.errors import system_reason
from hamiltone.networks import load_recognizer

from ._errors import ServiceError
from ._limits import ServiceLimits
from ._log import log_event, write_json_lines
from ._model_facts import about_model

_LEAST_TOKEN = 16
# Clients forget an idle connection after five seconds or so; one that the service closes just then fails a request.
_IDLE_SECONDS = 20
_GLANCE_SECONDS = 0.1
_CONNECTIONS_EACH = 8  # of an address, for each request that it may have under way


def serve(
    model: Path | str,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    limits: ServiceLimits | None = None,
    token: str | None = None,
    threads: int | None = None,
    ready: Callable[[str], None] = lambda _address: None,
    until: threading.Event | None = None,
) -> None:
    """Serve a recogniser over HTTP, with its page at ``/``, until SIGTERM or an interruption.

    Requests that are under way then get their answers. The log goes to the standard error as lines of JSON. It may be
    called in any thread, and where a loop runs, as in a cell of a notebook, which is then busy until it is interrupted.

    Args:
        model: the folder of a saved recogniser.
        host: the address to listen at; only this machine reaches the default.
        port: 0: any free one.
        limits: what is let in; None: the defaults.
        token: the bearer token that requests must carry; None: anyone may ask.
        threads: of torch; None: its own choice.
        ready: told the service's address (``http://HOST:PORT``) when requests can be answered.
        until: ends the service, too, when another thread sets it.

    Raises:
        ServiceError: the extra ``serve`` is not installed, the token is too short, or the address cannot be had.
        BundleError: the folder holds no recogniser.
    """
    limits = limits or ServiceLimits()
    _check_token(token)
    try:
        http, connections = (import_module(name, __package__) for name in ("._http", "._connections"))
    except ModuleNotFoundError as error:
        raise ServiceError(f"the service needs {error.name}: pip install 'hamiltone[serve]'") from None
    if threads is not None:
        torch.set_num_threads(threads)
    listener = _listener(host, port)
    address = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
    app = http.create_app(load_recognizer(model), about_model(model), limits, token, lambda: ready(address))
    write_json_lines()
    if open_to_all(listener, token):
        log_event(logging.WARNING, "no token: whoever reaches this address may ask")
    protocol = connections.timed_protocol(limits.upload_timeout, _CONNECTIONS_EACH * limits.per_client)
    server = _uvicorn_server(app, limits, protocol)
    if until is not None:
        _end_when_set(server, until)
    with listener:
        try:
            _run(server, lambda: asyncio.run(server.serve(sockets=[listener])))
        except SystemExit:
            raise ServiceError("the service cannot start; the lines above say why") from None


def _uvicorn_server(app: Any, limits: ServiceLimits, protocol: Any) -> Any:
    import uvicorn  # noqa: PLC0415 - an extra

    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",  # else a request may leave the protocol that counts its connection
        timeout_keep_alive=_IDLE_SECONDS,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(limits.timeout) + 1,
        limit_concurrency=_most_connections(limits),
    )
    return uvicorn.Server(config)


def _run(server: Any, serve_until_end: Callable[[], None]) -> None:
    """Serve in this thread, or, where a loop runs in it already, in one of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        with _signals_to(_nothing):
            serve_until_end()
        return
    # The loop that waits here may have handlers of its own, which would wait, too.
    with ThreadPoolExecutor(1) as pool, _signals_to(server.handle_exit):
        serving = pool.submit(serve_until_end)
        while not serving.done():
            time.sleep(_GLANCE_SECONDS)
        serving.result()


def _end_when_set(server: Any, until: threading.Event) -> None:
    tick = server.on_tick

    async def on_tick(counter: int) -> bool:
        return await tick(counter) or until.is_set()

    server.on_tick = on_tick


def _most_connections(limits: ServiceLimits) -> int:
    """The last bound, far above that of admission: uvicorn answers a connection beyond it with a bare 503."""
    return 8 * (limits.concurrency + limits.queue) + 256


def open_to_all(listener: socket.socket, token: str | None) -> bool:
    """Whether other machines can ask without a token."""
    return token is None and not ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def read_token(file: Path | None, variable: str | None) -> str | None:
    """The token from a file, or else from the variable ``HAMILTONE_TOKEN``; None where there is neither.

    Raises:
        ServiceError: the file cannot be read or is empty, or the variable is empty.
    """
    if file is None:
        if variable is not None and not variable.strip():
            raise ServiceError("HAMILTONE_TOKEN is set, but empty: give it the token, or unset it to let anyone ask")
        return variable and variable.strip()
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ServiceError(f"{file}: the token cannot be read: {system_reason(error)}") from None
    if not token:
        raise ServiceError(f"{file}: holds no token")
    return token


def _check_token(token: str | None) -> None:
    if token is not None and len(token) < _LEAST_TOKEN:
        raise ServiceError(f"the token has {len(token)} characters; make one of at least {_LEAST_TOKEN} at random")


def _listener(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(place[:2], family=family)
    except (OSError, OverflowError) as error:
        raise ServiceError(f"{host}:{port}: cannot listen there ({error}); give another --host or --port") from None


@contextmanager
def _signals_to(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Let a handler have interruptions and requests to terminate, which the main thread alone gets."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, earlier in former.items():
            signal.signal(number, earlier)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Uvicorn ends on a signal and then raises it again for the sake of others: there are none here."""
