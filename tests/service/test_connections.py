"""Clients that stand still: their connections are ended, and only theirs."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

uvicorn = pytest.importorskip("uvicorn", reason="the extra serve is not installed")

PATIENCE = 0.4
SOON = 30.0
BLOCK = bytes(1 << 16)
BLOCKS = 600  # more than a system's buffers hold


def with_server(
    app: Callable[..., Awaitable[None]],
    story: Callable[[int], Awaitable[None]],
    most: int = 99,
    patience: float = PATIENCE,
) -> None:
    from hamiltone.service._connections import timed_protocol

    protocol = timed_protocol(patience, most)

    async def run() -> None:
        server = uvicorn.Server(
            uvicorn.Config(app, http=protocol, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        )
        with socket.create_server(("127.0.0.1", 0)) as listener:
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            while not server.started:
                await asyncio.sleep(0.01)
            try:
                async with asyncio.timeout(SOON):
                    await story(listener.getsockname()[1])
            finally:
                server.should_exit = True
                await serving

    asyncio.run(run())


async def counting(scope: dict[str, Any], receive: Callable, send: Callable) -> None:
    """Says how many bytes the body had."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
    await send({"type": "http.response.body", "body": str(size).encode()})


@pytest.mark.parametrize("first", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_a_header_that_does_not_end_is_not_waited_for(first: bytes) -> None:
    """Also where a byte comes now and then, and behind an answer, at the second request of a connection."""

    async def story(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(first)
        reading = asyncio.create_task(reader.read())
        while not reading.done():
            writer.write(b"X")
            await asyncio.sleep(PATIENCE / 8)
        answer = b"" if isinstance(reading.exception(), ConnectionError) else reading.result()
        assert answer.startswith(b"HTTP/1.1 200") == first.endswith(b"\r\n\r\n")
        writer.close()

    with_server(counting, story)


def test_a_slow_body_is_the_application_s_to_bound_and_a_connection_serves_again() -> None:
    async def story(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n")
            for _ in range(8):
                await asyncio.sleep(PATIENCE / 4)
                writer.write(b"x")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            assert await reader.readexactly(1) == b"8"
        writer.close()

    with_server(counting, story)


def test_a_body_that_was_answered_before_its_end_is_not_waited_for() -> None:
    """A byte now and then, which ends uvicorn's own waiting, prolongs nothing."""

    async def refusing(scope: dict[str, Any], receive: Callable, send: Callable) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def story(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 401")
        reading = asyncio.create_task(reader.read())
        while not reading.done():
            writer.write(b"x")
            await asyncio.sleep(PATIENCE / 8)
        writer.close()

    with_server(refusing, story)


def test_no_request_leaves_the_protocol_that_counts_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    from hamiltone.service import ServiceLimits
    from hamiltone.service._connections import timed_protocol
    from hamiltone.service._server import _uvicorn_server

    config = _uvicorn_server(counting, ServiceLimits(), timed_protocol(PATIENCE)).config
    config.load()
    assert config.ws_protocol_class is None


@pytest.mark.parametrize("reads", [True, False])
def test_who_does_not_read_an_answer_is_cut_off_and_who_reads_gets_it_all(reads: bool) -> None:
    sent: list[int] = []
    ended = asyncio.Event()

    async def long(scope: dict[str, Any], receive: Callable, send: Callable) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(BLOCKS):
            await send({"type": "http.response.body", "body": BLOCK, "more_body": True})
            sent.append(1)
        await send({"type": "http.response.body"})
        ended.set()

    async def story(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        if reads:
            body = await reader.read()
            assert body.count(b"\0") == len(BLOCK) * BLOCKS
        await ended.wait()  # what is sent to a connection that was cut goes nowhere, and holds nobody up
        writer.close()

    with_server(long, story)
    assert len(sent) == BLOCKS


async def asked(port: int, address: str) -> bool:
    """Whether a client of an address of this machine gets an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    try:
        return (await reader.read()).startswith(b"HTTP/1.1 200")
    except ConnectionError:
        return False
    finally:
        writer.close()


async def silent(port: int, address: str, count: int) -> list[asyncio.StreamWriter]:
    """Connections of an address on which nothing is said."""
    return [(await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0)))[1] for _ in range(count)]


def test_one_address_cannot_take_all_connections() -> None:
    async def story(port: int) -> None:
        many = await silent(port, "127.0.0.2", 5)
        assert await asked(port, "127.0.0.1")
        assert not await asked(port, "127.0.0.2")
        for writer in many:
            writer.close()
        while not await asked(port, "127.0.0.2"):  # until the server has seen that they have ended
            await asyncio.sleep(PATIENCE / 8)

    with_server(counting, story, most=2, patience=2 * SOON)


def test_connections_that_were_cut_count_no_more() -> None:
    async def story(port: int) -> None:
        many = await silent(port, "127.0.0.2", 5)
        while not await asked(port, "127.0.0.2"):
            await asyncio.sleep(PATIENCE / 8)
        for writer in many:  # which were open for as long
            writer.close()

    with_server(counting, story, most=2)
