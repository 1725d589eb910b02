"""What the recorders of browsers write: Chromium's own, and Safari's as PyAV writes them, posted and chosen."""

import base64
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest

from hamiltone.audio import SAMPLE_RATE, load_audio

av = pytest.importorskip("av", reason="PyAV (the extra media) is not installed")

RECORD = """
(async (type) => {
  const context = new AudioContext();
  const [tone, tremor, loudness] = [context.createOscillator(), context.createOscillator(), context.createGain()];
  const target = context.createMediaStreamDestination();
  tremor.frequency.value = 3;
  tremor.connect(loudness.gain);
  tone.connect(loudness).connect(target);
  tone.start();
  tremor.start();
  const recorder = new MediaRecorder(target.stream, { mimeType: type });
  const parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  const done = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.start(250);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  recorder.stop();
  await done;
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
})
"""
ANSWER = "document.getElementById('result').hidden ? '' : document.getElementById('result').innerText"


@pytest.fixture(scope="module")
def browser(browse: Callable):
    return browse()


@pytest.fixture(params=["audio/webm;codecs=opus", "audio/mp4;codecs=opus", "safari"])
def recording(request: pytest.FixtureRequest, server, browser, tmp_path: Path) -> Path:
    if request.param == "safari":
        return as_safari_writes(tmp_path / "recording.mp4")
    browser.open(server.address)
    if not browser.evaluate(f"MediaRecorder.isTypeSupported({request.param!r})"):
        pytest.skip(f"this browser records no {request.param}")
    path = tmp_path / f"recording.{request.param[6:].partition(';')[0]}"
    path.write_bytes(base64.b64decode(browser.evaluate(f"{RECORD}({request.param!r})")))
    return path


def as_safari_writes(path: Path) -> Path:
    """AAC in fragments of a second behind an index that knows of none of them."""
    times = np.arange(2 * 48000) / 48000
    samples = 0.5 * np.sin(2 * np.pi * 440 * times) * np.sin(2 * np.pi * 3 * times)
    flags = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "1000000"}
    with av.open(str(path), "w", format="mp4", options=flags) as container:
        stream = container.add_stream("aac", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 48000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_the_service_and_its_page_hear_it(server, browser, recording: Path) -> None:
    seconds = len(load_audio(recording)) / SAMPLE_RATE
    assert 1 < seconds < 4
    answer = httpx.post(
        f"{server.address}/v1/predict", files={"file": (recording.name, recording.read_bytes())}, timeout=60
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["end"] == pytest.approx(seconds, abs=1e-3)
    browser.open(server.address)
    browser.wait_for("document.getElementById('place').textContent !== ''")
    browser.choose("#file", recording)
    assert recording.name in browser.wait_for(ANSWER)
