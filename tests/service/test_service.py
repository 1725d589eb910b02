"""The service as a client meets it."""

import io
import json
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
import soundfile
import torch

import hamiltone.service
from hamiltone.networks import Recognizer
from hamiltone.service import Predictor, ServiceError, ServiceLimits, about_model, read_token
from hamiltone.service._server import open_to_all

pytest.importorskip("fastapi", reason="the extra serve is not installed")


def sound(seconds: float, rate: int = 16000, seed: int = 0) -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(seed).normal(0, 0.1, round(seconds * rate))
    soundfile.write(file, noise, rate, format="WAV")
    return file.getvalue()


@pytest.fixture(scope="module")
def client(server):
    with httpx.Client(base_url=server.address, timeout=60) as client:
        yield client


@pytest.mark.parametrize("seconds", [0.4, 4.0, 9.3])
def test_an_answer_is_the_predictor_s(client: httpx.Client, model: Path, tmp_path: Path, seconds: float) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(sound(seconds, 22050))
    expected = Predictor(model).predict(path)
    for answer in (
        client.post("/v1/predict", files={"file": ("talk.wav", path.read_bytes())}),
        client.post("/v1/predict", content=path.read_bytes(), headers={"Content-Type": "audio/wav"}),
    ):
        content = answer.json()
        assert answer.status_code == 200
        assert (content["label"], content["notes"]) == (expected.label, list(expected.notes))
        assert [frame["label"] for frame in content["frames"]] == [frame.label for frame in expected.frames]
        assert (content["start"], content["end"], content["speaker"]) == (0, expected.end, None)
        assert content["scores"] == pytest.approx(expected.scores, abs=1e-5)
        assert [(frame["start"], frame["end"]) for frame in content["frames"]] == [
            (frame.start, frame.end) for frame in expected.frames
        ]
        assert "detail" not in content
    assert content["path"] == "recording"
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + path.read_bytes()
    headers = {"Content-Type": "Multipart/Form-Data; boundary=b"}
    answer = client.post("/v1/predict", content=form + b"\r\n--b--\r\n", headers=headers).json()
    assert answer == content | {"path": "a.wav"}


def test_a_name_that_no_utf_8_holds_is_changed(client: httpx.Client) -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="+2AA-.wav"\r\n\r\n' + sound(0.5)
    headers = {"Content-Type": "multipart/form-data; boundary=b; charset=utf-7"}
    answer = client.post("/v1/predict", content=form + b"\r\n--b--\r\n", headers=headers)
    assert (answer.status_code, answer.json()["path"]) == (200, "?.wav")


def test_windows_overlap_on_request(client: httpx.Client) -> None:
    answers = {hop: client.post("/v1/predict", content=sound(7), params={"hop": hop}).json() for hop in (1.5, 4)}
    starts = {hop: [frame["start"] for frame in answer["frames"]] for hop, answer in answers.items()}
    assert starts == {1.5: [0, 1.5, 3], 4: [0, 4]}
    assert answers[1.5]["scores"] == pytest.approx(answers[4]["scores"], abs=1e-6)


def test_what_is_refused_and_how(client: httpx.Client) -> None:
    cases = [
        ({"content": b"no sound at all"}, 415, "audio_format"),
        ({"content": sound(1)[:2000]}, 422, "audio_damaged"),
        ({"content": b""}, 400, "no_recording"),
        ({"files": {"file": ("empty.wav", b"")}}, 400, "no_recording"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, 400, "malformed"),
        ({"content": b"x", "headers": {"Content-Type": "Multipart/Form-Data; boundary=b"}}, 400, "malformed"),
        ({"content": sound(31)}, 413, "audio_length"),
        ({"content": bytes(3 << 20)}, 413, "too_large"),
        ({"content": iter([bytes(1 << 20)] * 3)}, 413, "too_large"),
        ({"content": sound(1), "params": {"hop": 5}}, 422, "invalid"),
        ({"content": sound(1), "params": {"hop": "nan"}}, 422, "invalid"),
        ({"content": sound(1), "params": {"detail": "perhaps"}}, 422, "invalid"),
        ({"content": sound(1), "params": {"details": "true"}}, 422, "invalid"),
    ]
    silence = io.BytesIO()
    soundfile.write(silence, np.zeros(16000), 16000, format="WAV")
    cases.append(({"content": silence.getvalue()}, 422, "audio_silent"))
    for request, status, code in cases:
        answer = client.post("/v1/predict", **request)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert answer.json()["message"]
    empty = client.post("/v1/predict", files={"file": ("empty.wav", b"")})
    assert empty.json()["message"] == "recording: is empty (0 bytes)"
    assert client.get("/nothing").status_code == 404
    assert client.put("/v1/predict").status_code == 405
    assert client.get("/healthz").json() == {"status": "ok"}
    head = client.head("/healthz")
    assert (head.status_code, head.content) == (200, b"")


def test_the_model_is_described(client: httpx.Client, model: Path) -> None:
    about = client.get("/v1/model").json()
    assert about.items() >= about_model(model).items()
    assert about["labels"] == ["calm", "angry", "sad"]
    assert about["trained_on"] == "ravdess (no clips at all)"
    assert "non-commercial" in about["licence"]
    assert about["results"] == ["test uar 0.250"]
    assert (about["seconds"], about["megabytes"]) == (30, 2)


def test_the_description_of_the_interface(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()
    post = paths["paths"]["/v1/predict"]["post"]
    assert {"multipart/form-data", "audio/wav"} <= set(post["requestBody"]["content"])
    assert {"200", "413", "415", "422", "429", "503", "504"} <= set(post["responses"])
    assert paths["components"]["schemas"]["Answer"]["example"]["label"] == "happy"


def test_headers_counters_and_log(client: httpx.Client, server) -> None:
    client.post("/v1/predict", files={"file": ("secret-name.wav", sound(5))})
    page = client.get("/")
    policy = page.headers["Content-Security-Policy"]
    assert page.headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert "<script>" not in page.text
    assert "style=" not in page.text
    counters = client.get("/metrics").text
    assert 'hamiltone_requests_total{route="/v1/predict",status="200"}' in counters
    assert "hamiltone_batch_windows_bucket" in counters
    assert "process_resident_memory_bytes" in counters
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert any(line.get("windows") == 2 and line["status"] == 200 and line["bytes"] > 100000 for line in lines)
    assert "secret-name" not in server.log.read_text()
    assert "127.0.0.1" not in server.log.read_text()


def test_a_token_is_needed_where_one_is_set(served: Callable) -> None:
    with served(ServiceLimits(), "0123456789abcdef") as address, httpx.Client(base_url=address) as client:
        for headers in ({}, {"Authorization": "Bearer 0123456789abcdeX"}, {"Authorization": "Basic 0123456789abcdef"}):
            for answer in (
                client.post("/v1/predict", content=sound(1), headers=headers),
                client.get("/v1/model", headers=headers),
                client.get("/metrics", headers=headers),
            ):
                assert answer.status_code == 401
                assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert client.get("/healthz").status_code == 200
        right = {"Authorization": "Bearer 0123456789abcdef"}
        assert client.post("/v1/predict", content=sound(1), headers=right, timeout=60).status_code == 200
    with served(ServiceLimits(), "schlüssel-aus-worten") as address:
        right = {b"Authorization": "bearer schlüssel-aus-worten".encode()}
        assert httpx.get(f"{address}/v1/model", headers=right).status_code == 200
        wrong = {"Authorization": "bearer schlussel-aus-worten"}
        assert httpx.get(f"{address}/v1/model", headers=wrong).status_code == 401


def test_a_failure_of_its_own_is_told_and_logged(
    served: Callable, recognizer_maker: Callable[..., Recognizer], caplog: pytest.LogCaptureFixture
) -> None:
    broken = recognizer_maker()
    with served(ServiceLimits(), model=broken) as address:
        last = broken.network.last_hidden()
        assert isinstance(last, torch.nn.Linear)
        last.weight.data = last.weight.data[:, 1:]
        answer = httpx.post(f"{address}/v1/predict", content=sound(1), timeout=60)
        assert (answer.status_code, answer.json()["code"]) == (500, "failed")
        assert answer.headers["X-Request-ID"] in answer.json()["message"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert 'status="500"' in httpx.get(f"{address}/metrics").text
    (record,) = [record for record in caplog.records if record.message == "failed"]
    assert record.exc_info is not None


@pytest.mark.parametrize(
    ("host", "token", "told"), [("127.0.0.1", None, False), ("0.0.0.0", None, True), ("0.0.0.0", "x", False)]
)
def test_a_service_that_is_open_to_all_is_known(host: str, token: str | None, told: bool) -> None:
    with socket.socket() as place:
        place.bind((host, 0))
        assert open_to_all(place, token) == told


def test_mistakes_at_the_start_are_told(model: Path, tmp_path: Path) -> None:
    from hamiltone.service import serve

    with pytest.raises(ServiceError, match="characters"):
        serve(model, token="short")
    with pytest.raises(ServiceError, match="cannot be read"):
        read_token(tmp_path / "none", None)
    (tmp_path / "empty").touch()
    with pytest.raises(ServiceError, match="holds no token"):
        read_token(tmp_path / "empty", None)
    for empty in ("", " "):  # which is no wish to let anyone in
        with pytest.raises(ServiceError, match="HAMILTONE_TOKEN is set, but empty"):
            read_token(None, empty)
    assert read_token(None, None) is None
    assert read_token(None, "0123456789abcdef\n") == "0123456789abcdef"
    (tmp_path / "token").write_text("0123456789abcdef\n")
    assert read_token(tmp_path / "token", "another") == "0123456789abcdef"
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ServiceError, match="cannot listen there"):
        serve(model, port=taken.getsockname()[1])


def test_a_flood_is_turned_away_and_the_service_lives(served: Callable) -> None:
    body = sound(20)
    with served(ServiceLimits(concurrency=1, queue=3, per_client=100)) as address:

        def post(_number: int) -> tuple[int, str | None]:
            answer = httpx.post(f"{address}/v1/predict", content=body, params={"hop": 0.5}, timeout=60)
            return answer.status_code, answer.headers.get("Retry-After")

        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(post, range(16)))
        assert {status for status, _ in answers} == {200, 503}
        assert all(wait == "2" for status, wait in answers if status == 503)
        assert httpx.get(f"{address}/healthz").status_code == 200
        assert post(0)[0] == 200


def test_one_client_cannot_take_all_places(served: Callable) -> None:
    with served(ServiceLimits(per_client=1)) as address:
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as slow:  # a body that does not end
            slow.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nRIFF")
            deadline = time.monotonic() + 20
            while "hamiltone_recordings_inside 1.0" not in httpx.get(f"{address}/metrics").text:
                assert time.monotonic() < deadline
            answer = httpx.post(f"{address}/v1/predict", content=sound(1), timeout=60)
            assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
            assert answer.headers["Retry-After"] == "2"
        while (status := httpx.post(f"{address}/v1/predict", content=sound(1), timeout=60).status_code) == 429:
            assert time.monotonic() < deadline  # the place is free again when the client has gone
        assert status == 200


def test_too_slow_an_answer_is_504(served: Callable) -> None:
    with served(ServiceLimits(timeout=0.001, upload_timeout=30)) as address:
        answer = httpx.post(f"{address}/v1/predict", content=sound(20), timeout=60)
        assert (answer.status_code, answer.json()["code"]) == (504, "timeout")
        assert httpx.get(f"{address}/healthz").status_code == 200


def test_too_slow_a_body_is_408(served: Callable) -> None:
    with served(ServiceLimits(upload_timeout=1)) as address:
        with closing(HTTPConnection(address.removeprefix("http://"), timeout=60)) as connection:
            connection.putrequest("POST", "/v1/predict")
            connection.putheader("Content-Length", "1000")
            connection.endheaders(b"RIFF")  # together with the header, whose time is as short
            answer = connection.getresponse()
            assert (answer.status, json.load(answer)["code"]) == (408, "upload_timeout")
        assert httpx.get(f"{address}/healthz").status_code == 200


def test_a_told_end_finishes_what_runs_and_leaves_nothing(serve: Callable, model: Path) -> None:
    server = serve(model)
    answers: list[httpx.Response] = []
    work = {"content": sound(60), "params": {"hop": 0.5}, "timeout": 60}
    posting = threading.Thread(target=lambda: answers.append(httpx.post(f"{server.address}/v1/predict", **work)))
    posting.start()
    deadline = time.monotonic() + 30
    while "hamiltone_recordings_inside 1.0" not in httpx.get(f"{server.address}/metrics").text:
        assert time.monotonic() < deadline
    children = psutil.Process(server.process.pid).children()
    assert len(children) == 2  # the decoders
    server.process.send_signal(signal.SIGTERM)
    posting.join()
    assert answers[0].status_code == 200
    assert len(answers[0].json()["frames"]) == 113
    assert server.process.wait(60) == 0
    assert not any(child.is_running() for child in children)


def test_recordings_as_distributed(client: httpx.Client, model: Path, speech_data: Path) -> None:
    predictor = Predictor(model)
    for path in sorted((speech_data / "original-layout").rglob("*.wav"))[::4]:
        answer = client.post("/v1/predict", files={"file": (path.name, path.read_bytes())}).json()
        assert answer["scores"] == pytest.approx(predictor.predict(path).scores, abs=1e-5)


def test_a_second_interruption_is_told_to_those_who_wait(serve: Callable, model: Path) -> None:
    server = serve(model, "--batch", "1")
    work = {"content": sound(500), "params": {"hop": 0.5}, "timeout": 60}
    with ThreadPoolExecutor(1) as pool:
        posted = pool.submit(httpx.post, f"{server.address}/v1/predict", **work)
        deadline = time.monotonic() + 30
        while "hamiltone_recordings_inside 1.0" not in httpx.get(f"{server.address}/metrics").text:
            assert time.monotonic() < deadline
        for _ in range(2):
            server.process.send_signal(signal.SIGINT)
            time.sleep(0.5)
        answer = posted.result()
    assert (answer.status_code, answer.json()["code"]) == (503, "ended")
    assert "the service was ended" in answer.json()["message"]
    assert server.process.wait(60) == 0
    assert "Traceback" not in server.log.read_text()


RUNNING = """
import asyncio, sys, threading, urllib.request
from hamiltone.service import serve
def ready(address):
    print(urllib.request.urlopen(address + "/healthz").status, flush=True)
def ask(address):
    threading.Thread(target=ready, args=(address,)).start()
async def cell():
    serve(sys.argv[1], port=0, ready=ask)
    print("ended", flush=True)
asyncio.run(cell())
"""


def test_a_cell_of_a_notebook_serves_until_it_is_interrupted(model: Path) -> None:
    script = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n{RUNNING}"
    command = [sys.executable, "-c", script, str(model)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "200\n"
        process.send_signal(signal.SIGINT)
        told, errors = process.communicate(timeout=60)
    assert (told, process.returncode) == ("ended\n", 0), errors


def test_a_thread_serves_until_another_ends_it(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hamiltone.service._server.write_json_lines", lambda: None)  # the log is that of the tests
    until, addresses = threading.Event(), queue.Queue[str]()
    options = {"port": 0, "ready": addresses.put, "until": until}
    thread = threading.Thread(target=hamiltone.service.serve, args=(model,), kwargs=options)
    thread.start()
    assert httpx.get(f"{addresses.get(timeout=60)}/healthz").status_code == 200
    until.set()
    thread.join(60)
    assert not thread.is_alive()
