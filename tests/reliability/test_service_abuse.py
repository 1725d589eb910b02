"""The service under load and abuse: it stays up, keeps its limits, and no request sees another's data."""

import asyncio
import contextlib
import io
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
import soundfile

from hamiltone.networks import Recognizer, SpectrogramFront, save_bundle, vgg
from hamiltone.service import Predictor, ServiceLimits
from hamiltone.speech import Spectrogram
from tests.service._decoders import living_decoders
from tests.service.conftest import Server, serving

pytest.importorskip("fastapi", reason="the extra serve is not installed")
schemathesis = pytest.importorskip("schemathesis", reason="schemathesis (the extra test) is not installed")

TOKEN = "0123456789abcdef"
HEADERS = {
    "content-security-policy": "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}


def tone(seconds: float, seed: int) -> bytes:
    """Sound that no other has."""
    file = io.BytesIO()
    samples = np.random.default_rng(seed).normal(0, 0.05 + 0.002 * seed, round(seconds * 16000))
    samples *= np.linspace(0.1, 1, len(samples)) ** (1 + seed % 5)
    soundfile.write(file, samples, 16000, format="WAV")
    return file.getvalue()


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    import torch

    torch.manual_seed(0)
    front = SpectrogramFront(Spectrogram(scale="decibel", normalisation="none"))
    network = vgg(11, "real", 3, width=1 / 64, hidden=8, input_shape=front.shape)
    return Recognizer(front, network, ["calm", "angry", "sad"]).eval()


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the service makes its own folder for what it is sent."""
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def address(recognizer: Recognizer, uploads: Path) -> Iterator[str]:
    limits = ServiceLimits(
        concurrency=4, queue=40, per_client=40, upload_timeout=2.0, decode_timeout=10, megabytes=1, seconds=30
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(uploads))
        with serving(recognizer, limits) as address:
            yield address


def place_of(address: str) -> tuple[str, int]:
    host, port = address.removeprefix("http://").split(":")
    return host, int(port)


def inside(address: str) -> float:
    """Requests that hold a place."""
    text = httpx.get(f"{address}/metrics", timeout=60).text
    return float(next(line.split()[1] for line in text.splitlines() if line.startswith("hamiltone_recordings_inside")))


def until_empty(address: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while inside(address):
        assert time.monotonic() < deadline, "a place is never given back"
        time.sleep(0.05)


def serves(address: str) -> None:
    answer = httpx.post(f"{address}/v1/predict", content=tone(1, 0), timeout=60)
    assert answer.status_code == 200, answer.text


def described(app: Any, examples: int) -> None:
    """Requests that schemathesis makes of the description, fitting and not: the answers are as described."""
    from hypothesis import HealthCheck, given, settings
    from schemathesis.core.failures import FailureGroup
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    slow = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
        for found in app.get_all_operations():
            operation = found.ok()
            if mode is schemathesis.GenerationMode.NEGATIVE and operation.path != "/v1/predict":
                continue  # they take nothing that could be wrong

            @given(case=operation.as_strategy(generation_mode=mode))
            @settings(max_examples=examples, deadline=None, suppress_health_check=slow, database=None)
            def answered(case: Any) -> None:
                try:
                    answer = case.call(timeout=60)
                    # Bytes that fit the description are seldom a recording.
                    case.validate_response(answer, excluded_checks=[positive_data_acceptance])
                except FailureGroup as group:
                    raise AssertionError("\n".join(str(failure) for failure in group.exceptions)) from None
                if answer.status_code >= 400:
                    assert set(answer.json()) == {"code", "message"}

            answered()


def test_answers_are_as_described(address: str) -> None:
    described(schemathesis.openapi.from_url(f"{address}/openapi.json"), 12)
    serves(address)


@pytest.mark.soak
def test_many_answers_are_as_described(address: str, record_property) -> None:
    described(schemathesis.openapi.from_url(f"{address}/openapi.json"), 300)
    serves(address)
    until_empty(address)
    record_property("requests of schemathesis for each operation and mode", 300)


@pytest.mark.parametrize(
    "path", ["/", "/main.js", "/healthz", "/v1/model", "/openapi.json", "/metrics", "/no", "/v1/predict"]
)
def test_every_answer_has_the_headers_of_a_careful_page(address: str, path: str) -> None:
    answer = httpx.get(address + path, timeout=60)
    for name, part in HEADERS.items():
        assert part in answer.headers[name], name
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


OUTSIDE = [
    *("/../conftest.py", "/..%2f..%2fpyproject.toml", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/....//etc/passwd"),
    *("/..\\..\\etc\\passwd", "/%00", "/main.js%00.html", "/page/../_http.py", "/%252e%252e/etc/passwd", "/etc/passwd"),
    *("/static/../../_server.py", "/..;/x", "/.%2e/_http.py", "/C:/windows/win.ini", "/file:///etc/passwd", "/%ff%fe"),
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_file_of_the_machine_can_be_named(address: str, path: str) -> None:
    """Sent as it is: a client would tidy it."""
    with socket.create_connection(place_of(address), timeout=30) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    status = int(answer.split()[1])
    assert status in {400, 404, 405, 422}, answer[:300]
    assert b"root:" not in answer
    assert b"import" not in answer


def sent_as(address: str, name: str) -> httpx.Response:
    """The answer to a recording in a form, under a file's name that no client has tidied."""
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n' % name.encode()
    return httpx.post(
        f"{address}/v1/predict",
        content=form + tone(0.5, 1) + b"\r\n--b--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=b"},
        timeout=60,
    )


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..\\x", "x\0y", "a" * 200, "b" * 201, "\x1b[2J", "con", ".", "é.wav"]
)
def test_a_file_s_name_is_a_word_and_no_path(address: str, uploads: Path, name: str) -> None:
    """It is given back as it was sent, 200 characters of it, and names nothing on this machine."""
    before = set(uploads.parent.rglob("*"))
    answer = sent_as(address, name)
    assert (answer.status_code, answer.json()["path"]) == (200, name[:200])
    assert set(uploads.parent.rglob("*")) == before
    body = httpx.post(f"{address}/v1/predict", json={"path": name}, timeout=60)
    assert (body.status_code, body.json()["code"]) == (415, "audio_format")
    assert "passwd" not in body.json()["message"]


def test_a_file_s_name_is_no_book(address: str) -> None:
    answer = sent_as(address, "a" * 5000)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


def test_a_file_without_a_name_is_a_recording(address: str) -> None:
    answer = sent_as(address, "")
    assert (answer.status_code, answer.json()["path"]) == (200, "recording")


def raw(address: str, head: str, *parts: bytes, pause: float = 0.0, reads: bool = True) -> bytes:
    """What is answered to bytes as they are; nothing if the connection is cut."""
    connection = socket.create_connection(place_of(address), timeout=60)
    with connection, contextlib.suppress(ConnectionError):
        with contextlib.suppress(ConnectionError):  # the answer may be there before all is sent
            connection.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: x\r\n" + head.encode() + b"\r\n")
            for part in parts:
                time.sleep(pause)
                connection.sendall(part)
        if reads:
            return connection.recv(1 << 16)
    return b""


LIES = {
    "more than the limit": ("Content-Length: 9999999999\r\n", [b"RIFF"], b" 413 "),
    "beyond all numbers": (f"Content-Length: {'9' * 5000}\r\n", [b"RIFF"], b" 400 "),
    "negative": ("Content-Length: -1\r\n", [b"RIFF"], b" 400 "),
    "two lengths": ("Content-Length: 4\r\nContent-Length: 5\r\n", [b"RIFFx"], b" 400 "),
    "length and chunks": ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", [b"0\r\n\r\n"], b" 400 "),
    "chunks of another size": ("Transfer-Encoding: chunked\r\n", [b"ffffffffffffffff\r\n" + b"RIFF"], b" 408 "),
    "no hexadecimal size": ("Transfer-Encoding: chunked\r\n", [b"zz\r\nRIFF\r\n"], b" 400 "),
    "chunks without end": ("Transfer-Encoding: chunked\r\n", [b"10000\r\n" + bytes(1 << 16) + b"\r\n"] * 20, b" 413 "),
    "a head without end": ("X: " + "x" * 200_000 + "\r\n", [], b" 400 "),
    "no such encoding": ("Transfer-Encoding: gzip\r\n", [b"RIFF"], b" 400 "),
    "compressed": ("Content-Encoding: gzip\r\nContent-Length: 4\r\n", [b"\x1f\x8b\x08\0"], b" 415 "),
}
MAY_BE_CUT = {"chunks without end", "a head without end"}  # what they send behind the answer can sweep it away


@pytest.mark.parametrize("lie", LIES)
def test_a_length_that_is_none_is_refused(address: str, lie: str) -> None:
    head, parts, expected = LIES[lie]
    answer = raw(address, head, *parts)
    assert expected in answer.split(b"\r\n")[0] or (lie in MAY_BE_CUT and not answer), answer[:200]
    until_empty(address)


def test_what_is_sent_too_slowly_or_cut_gives_its_place_back(address: str) -> None:
    """A length that promises more than comes, bytes now and then, and clients that go away midway."""
    body = tone(1, 0)
    slow = raw(address, "Content-Length: 100000\r\n", *[b"R"] * 6, pause=0.5)
    assert b" 408 " in slow.split(b"\r\n")[0]
    for cut in (0, 10, len(body) // 2, len(body) - 1):
        raw(address, f"Content-Length: {len(body)}\r\n", body[:cut], reads=False)
    raw(address, f"Content-Length: {len(body)}\r\n", body, reads=False)  # gone before the answer
    until_empty(address)
    serves(address)


def many_at_once(address: str, predictor: Predictor, folder: Path, count: int, kinds: int) -> None:
    """Different recordings at once, beside as many idle connections of another address: each gets its own answer."""
    bodies = [tone(0.6 + 0.4 * number, number) for number in range(kinds)]
    expected = []
    for number, body in enumerate(bodies):
        (folder / "a.wav").write_bytes(body)
        expected.append(predictor.predict(folder / "a.wav"))
        assert expected[number].scores != expected[number - 1].scores or not number

    async def story() -> int:
        limits = httpx.Limits(max_connections=min(count, 200))
        async with httpx.AsyncClient(base_url=address, timeout=600, limits=limits) as client:

            async def one(number: int) -> int:
                kind = number % kinds
                files = {"file": (f"{number}.wav", bodies[kind])}
                while (answer := await client.post("/v1/predict", files=files)).status_code in {429, 503}:
                    await asyncio.sleep(0.2)
                assert answer.status_code == 200, answer.text
                content = answer.json()
                assert content["path"] == f"{number}.wav"
                assert content["end"] == expected[kind].end
                assert content["scores"] == pytest.approx(expected[kind].scores, abs=1e-5)
                return 1

            return sum(await asyncio.gather(*(one(number) for number in range(count))))

    idle = []
    try:
        for _ in range(count):
            idle.append(socket.create_connection(place_of(address), timeout=60, source_address=("127.0.0.2", 0)))
        assert asyncio.run(story()) == count
    finally:
        for connection in idle:
            connection.close()


def test_no_request_sees_another_s_answer(address: str, recognizer: Recognizer, tmp_path: Path) -> None:
    many_at_once(address, Predictor(recognizer), tmp_path, 30, 5)
    until_empty(address)


@pytest.mark.soak
def test_1_000_connections_and_memory_that_is_given_back(
    recognizer: Recognizer, tmp_path: Path, record_property
) -> None:
    save_bundle(recognizer, tmp_path / "model")
    predictor, server = Predictor(recognizer), Server(tmp_path / "model", "--timeout", "300", log=tmp_path / "log")
    try:
        process = psutil.Process(server.process.pid)
        many_at_once(server.address, predictor, tmp_path, 200, 20)
        before = process.memory_info().rss
        for _ in range(3):
            many_at_once(server.address, predictor, tmp_path, 1000, 20)
        until_empty(server.address, 60)
        grown = (process.memory_info().rss - before) >> 20
        deadline = time.monotonic() + 60
        while process.num_fds() > 60:
            assert time.monotonic() < deadline, f"{process.num_fds()} descriptors are open"
            time.sleep(0.2)
        assert grown < 100, f"{grown} MiB"
    finally:
        assert server.stop() == 0
    assert "Traceback" not in (tmp_path / "log").read_text()
    record_property("requests of 3 x 1,000 beside as many idle connections of another address", 3000)
    record_property("MiB that they left taken", max(0, grown))


def test_decoders_that_are_killed_are_replaced(recognizer: Recognizer) -> None:
    others = living_decoders()
    with serving(recognizer, ServiceLimits(decoders=2)) as address:
        for number in range(4):
            living = living_decoders() - others
            assert len(living) == (1 if number else 2)  # one is started again for each recording that needs it
            for worker in living:
                worker.kill()
            answer = httpx.post(f"{address}/v1/predict", content=tone(1, 0), timeout=60)
            assert answer.status_code in {200, 422}, answer.text
            serves(address)
        until_empty(address)
    assert living_decoders() <= others


def test_no_upload_is_left_and_none_is_others_to_read(address: str, uploads: Path) -> None:
    serves(address)
    until_empty(address)
    (folder,) = uploads.glob("hamiltone-serve-*")
    assert folder.stat().st_mode & 0o077 == 0
    assert not list(folder.iterdir())


def test_the_token_is_compared_in_constant_time(recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison sees every token, whatever its beginning, length or scheme, and no other one is made."""
    import hmac

    seen: list[bytes] = []
    compare: Callable[[bytes, bytes], bool] = hmac.compare_digest

    def watched(given: bytes, right: bytes) -> bool:
        seen.append(given)
        return compare(given, right)

    monkeypatch.setattr("hamiltone.service._http.hmac.compare_digest", watched)
    wrong = ["", "Bearer", "Bearer x", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer \xff"]
    with serving(recognizer, ServiceLimits(), TOKEN) as address:
        for header in wrong:
            answer = httpx.get(f"{address}/v1/model", headers={b"Authorization": header.encode("latin-1")})
            assert answer.status_code == 401
            assert TOKEN not in answer.text
        assert httpx.get(f"{address}/v1/model", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert len(seen) == len(wrong) + 1
