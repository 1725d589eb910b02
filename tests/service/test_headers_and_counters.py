"""What goes with every answer, and what the service counts."""

import io
from collections.abc import Callable

import httpx
import numpy as np
import pytest
import soundfile

from hamiltone.service import ServiceLimits

from ._decoders import living_decoders

pytest.importorskip("fastapi", reason="the extra serve is not installed")


def sound(seconds: float, rate: int = 16000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.random.default_rng(0).normal(0, 0.1, round(seconds * rate)), rate, format="WAV")
    return file.getvalue()


def counted(address: str, name: str) -> float:
    lines = httpx.get(f"{address}/metrics", timeout=60).text.splitlines()
    (value,) = [line.removeprefix(f"{name} ") for line in lines if line.startswith(f"{name} ")]
    return float(value)


def test_answers_are_kept_by_nobody_and_the_page_is_asked_for_anew(server) -> None:
    with httpx.Client(base_url=server.address, timeout=60) as client:
        for answer in (
            client.post("/v1/predict", content=sound(1)),
            client.post("/v1/predict", content=b"no sound"),
            client.get("/v1/predict"),
            client.get("/v1/model"),
        ):
            assert answer.headers["Cache-Control"] == "no-store", answer.request
        for path in ("/", "/main.js", "/nothing"):
            assert client.get(path).headers["Cache-Control"] == "no-cache", path


@pytest.mark.parametrize("path", ["/", "/main.js", "/v1/model", "/v1/predict", "/metrics", "/nothing"])
def test_the_page_may_use_the_microphone_and_no_other_site_may_embed_anything(server, path: str) -> None:
    headers = httpx.get(server.address + path, timeout=60).headers
    assert headers["Permissions-Policy"] == "camera=(), geolocation=(), microphone=(self)"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_seconds_of_speech_and_lost_decoders_are_counted(served: Callable) -> None:
    others = living_decoders()
    with served(ServiceLimits(decoders=1, decode_timeout=2)) as address:

        def counters() -> tuple[float, float]:
            return counted(address, "hamiltone_audio_seconds_total"), counted(address, "hamiltone_decoders_lost_total")

        def posted(content: bytes) -> int:
            return httpx.post(f"{address}/v1/predict", content=content, timeout=60).status_code

        assert counters() == (0, 0)
        assert [posted(sound(5)), posted(sound(2.5, 48000))] == [200, 200]
        assert counters() == (7.5, 0)  # seconds, whatever the rate and the windows
        assert posted(b"no sound") == 415
        assert counters() == (7.5, 0)
        (worker,) = living_decoders() - others
        worker.suspend()  # as one that loops without end
        assert posted(sound(1)) == 504
        assert counters() == (7.5, 1)
