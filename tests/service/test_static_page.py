"""The page without a service: in Chromium, from a plain static server, against what the service says."""

import base64
import contextlib
import functools
import http.server
import json
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
import soxr
from typer.testing import CliRunner

import hamiltone.service
from hamiltone.audio import load_audio
from hamiltone.cli import app
from hamiltone.networks import Recognizer, save_bundle
from hamiltone.service import Predictor, ServiceError, export_page, model_folder
from hamiltone.service._pictures import Pictures


@pytest.fixture(scope="module")
def runtime() -> Path:
    folder = os.environ.get("HAMILTONE_ONNXRUNTIME_WEB")
    if not folder:
        pytest.skip("HAMILTONE_ONNXRUNTIME_WEB names no folder of onnxruntime-web")
    return Path(folder)


@pytest.fixture(scope="module")
def page(runtime: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "page"
    result = CliRunner().invoke(app, ["export", str(model), "--page", str(folder), "--runtime", str(runtime)])
    assert result.exit_code == 0, result.output
    return folder


class Plain(http.server.SimpleHTTPRequestHandler):
    """A static server that remembers what was asked of it."""

    asked: list[str]

    def log_message(self, format: str, *args: object) -> None:
        self.asked.append(f"{self.command} {self.path}")


@contextlib.contextmanager
def hosted(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The address of a static server of a folder, and what is asked of it."""
    asked: list[str] = []
    handler = functools.partial(type("Remembering", (Plain,), {"asked": asked}), directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", asked
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def site(page: Path) -> Iterator[tuple[str, list[str]]]:
    with hosted(page) as place:
        yield place


@pytest.fixture(scope="module")
def shipped_page(runtime: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_page(model_folder(), tmp_path_factory.mktemp("site") / "shipped", runtime=runtime)


@pytest.fixture(scope="module")
def heard(voice: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The voice at 16 kHz, so that no resampler stands between browser and service."""
    path = tmp_path_factory.mktemp("heard") / "heard.wav"
    soundfile.write(path, np.clip(load_audio(voice), -1, 1), 16000, subtype="FLOAT")
    return path


def analysed(browser, path: Path, **options: object) -> dict:
    """What the engine in the browser makes of a file."""
    text = base64.b64encode(path.read_bytes()).decode()
    return browser.evaluate(f"""(async () => {{
        const {{ createEngine }} = await import("/engine.js");
        window.engine ??= createEngine();
        const blob = new Blob([Uint8Array.from(atob({text!r}), (letter) => letter.charCodeAt(0))]);
        return window.engine.analyse(blob, {json.dumps(options)});
    }})()""")


@pytest.mark.parametrize("hop", [1.0, 4.0])
def test_the_browser_hears_what_the_service_hears(
    site, browse: Callable, model: Path, recognizer: Recognizer, heard: Path, hop: float
) -> None:
    address, _ = site
    browser = browse()
    browser.open(address)
    browser.wait_for("document.getElementById('place').textContent.includes('stays on this machine')")
    result = analysed(browser, heard, hop=hop, detail=True)
    expected = Predictor(model).predict(heard, hop=hop)
    assert result["label"] == expected.label
    assert result["scores"] == pytest.approx(expected.scores, abs=1e-4)
    whole = {name: result[name] for name in ("path", "speaker", "start", "end", "notes")}
    assert whole == {"path": "recording", "speaker": None, "start": 0, "end": expected.end, "notes": []}
    assert len(result["frames"]) == len(expected.frames)
    for one, other in zip(result["frames"], expected.frames, strict=True):
        assert (one["start"], one["end"], one["label"]) == (other.start, other.end, other.label)
        assert one["scores"] == pytest.approx(other.scores, abs=1e-4)
    pictures = Pictures(recognizer.front, load_audio(heard))
    for number in range(pictures.steps):
        pictures.step(number)
    drawn = pictures.as_json()
    assert result["detail"]["seconds"] == drawn["seconds"]
    for side in ("low", "high"):
        np.testing.assert_allclose(result["detail"]["waveform"][side], drawn["waveform"][side], atol=1e-3)
    assert len(result["detail"]["axes"]) == 4
    for one, other in zip(
        [result["detail"]["spectrogram"], *result["detail"]["axes"]],
        [drawn["spectrogram"], *drawn["axes"]],
        strict=True,
    ):
        assert (one["width"], one["height"]) == (other["width"], other["height"])
        bytes_of = [np.frombuffer(base64.b64decode(picture["data"]), np.uint8).astype(int) for picture in (one, other)]
        assert np.abs(bytes_of[0] - bytes_of[1]).max() <= 1
    assert browser.complaints() == []


def test_where_the_service_is_unsure_the_browser_is(
    runtime: Path, browse: Callable, recognizer_maker: Callable[..., Recognizer], heard: Path, tmp_path: Path
) -> None:
    save_bundle(recognizer_maker(unsure_below=0.6), tmp_path / "model")
    sound, _ = soundfile.read(heard, dtype="float32")
    noise = np.random.default_rng(0).normal(0, 0.1, 100_000).astype(np.float32)
    sounds = {"voice": sound, "noise": noise, "both": np.concatenate([noise, sound[:70_000]])}
    sounds |= {
        "moment": sound[16000:19000],
        "clipped": np.clip(sound, -0.02, 0.02),
        "word": np.pad(sound[:9000], 64000),
    }
    predictor = Predictor(tmp_path / "model")
    notes = []
    with hosted(export_page(tmp_path / "model", tmp_path / "page", runtime=runtime)) as (address, _):
        browser = browse()
        browser.open(address)
        for name, samples in sounds.items():
            path = tmp_path / f"{name}.wav"
            soundfile.write(path, samples, 16000, subtype="FLOAT")
            result, expected = analysed(browser, path), predictor.predict(path)
            assert (result["label"], tuple(result["notes"])) == (expected.label, expected.notes), name
            labels = [frame["label"] for frame in result["frames"]]
            assert labels == [frame.label for frame in expected.frames], name
            assert result["scores"] == pytest.approx(expected.scores, abs=1e-4)
            notes += expected.notes
    assert len(notes) >= 3
    assert browser.complaints() == []


def test_axes_have_the_columns_of_the_front(browse: Callable, tmp_path: Path) -> None:
    browser = browse()
    for folder in ("page", "static_page"):
        shutil.copytree(Path(hamiltone.service.__file__).with_name(folder), tmp_path, dirs_exist_ok=True)
    with hosted(tmp_path) as (address, _):
        browser.open(address)
        axes = browser.evaluate("""(async () => {
            const { draw } = await import("/pictures.js");
            const about = { rate: 16000, frame_samples: 64000, axes: ["a", "b", "c", "d"], columns: 10 };
            const features = [1, 2].map((value) => ({ dims: [1, 4, 10, 3], data: new Float32Array(120).fill(value) }));
            return draw(new Float32Array(96000), features, about).axes;
        })()""")
    assert [(axis["name"], axis["width"], axis["height"]) for axis in axes] == [(name, 15, 3) for name in "abcd"]
    assert np.frombuffer(base64.b64decode(axes[0]["data"]), np.uint8).tolist() == 3 * (10 * [128] + 5 * [255])


def test_recordings_of_other_rates_and_kinds_get_the_scores_of_predict(
    shipped_page: Path, browse: Callable, speech_data: Path, tmp_path: Path
) -> None:
    originals = sorted((speech_data / "original-layout" / "ravdess").glob("*/*.wav"))
    waveform, rate = soundfile.read(originals[0], dtype="float32")
    assert rate == 48000
    copies = []
    for other, suffix in (
        (48000, "flac"),
        (44100, "flac"),
        (44100, "ogg"),
        (44100, "mp3"),
        (24414, "wav"),
        (8000, "wav"),
    ):
        copies.append(tmp_path / f"{other}.{suffix}")
        soundfile.write(copies[-1], 0.9 * soxr.resample(waveform, rate, other), other)
    predictor = Predictor(model_folder())
    apart = {}
    with hosted(shipped_page) as (address, _):
        browser = browse()
        browser.open(address)
        for path in [*originals, *copies]:
            heard, expected = analysed(browser, path, hop=4)["scores"], predictor.predict(path).scores
            apart[path.name] = max(abs(heard[label] - expected[label]) for label in expected)
    assert max(apart.values()) < 0.005, apart
    assert browser.complaints() == []


def test_the_licence_goes_with_the_weights(shipped_page: Path, page: Path, browse: Callable) -> None:
    licence = (model_folder() / "LICENCE").read_text()
    link = "(document.querySelector('#licence a') ?? { href: null }).href"
    with hosted(shipped_page) as (address, _):
        browser = browse()
        browser.open(address)
        browser.wait_for("document.getElementById('place').textContent !== ''")
        assert browser.evaluate("document.getElementById('licence').textContent").startswith(licence.partition("\n")[0])
        assert httpx.get(browser.evaluate(link)).text == licence
    with hosted(page) as (address, _):  # of a model that was saved without one
        browser.open(address)
        browser.wait_for("document.getElementById('place').textContent !== ''")
        assert browser.evaluate("document.getElementById('licence').textContent") != ""
        assert browser.evaluate(link) is None


def test_a_recording_that_is_too_long_is_told_with_both_lengths(site, browse: Callable, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", 0.1 * np.sin(np.arange(605 * 8000) / 9), 8000)
    browser = browse()
    browser.open(site[0])
    browser.wait_for("document.getElementById('place').textContent !== ''")
    browser.choose("#file", tmp_path / "long.wav")
    browser.wait_for("!document.getElementById('message').hidden", 60)
    told = "long.wav: too long: 10 min 5 s; at most 10 min."
    assert browser.evaluate("document.getElementById('message').textContent").startswith(told)


def test_upload_and_microphone_send_nothing(site, browse: Callable, voice: Path) -> None:
    address, asked = site
    microphone = f"--use-file-for-fake-audio-capture={voice}"
    browser = browse("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", microphone)
    browser.open(address, width=390, height=844)
    browser.wait_for("document.getElementById('place').textContent.includes('stays on this machine')")
    before = len(asked)
    browser.choose("#file", voice)
    browser.wait_for("!document.getElementById('result').hidden && document.getElementById('busy').hidden")
    assert browser.evaluate("document.getElementById('about-file').textContent").startswith("voice.wav: ")
    browser.evaluate("document.getElementById('record').click()")
    browser.wait_for("document.querySelectorAll('#live-areas polygon').length > 0")
    browser.evaluate("document.getElementById('stop').click()")
    browser.wait_for("!document.getElementById('result').hidden && document.getElementById('busy').hidden")
    assert browser.evaluate("document.getElementById('about-file').textContent").startswith("microphone.wav: ")
    assert set(asked[before:]) <= {"GET /recorder-worklet.js"}
    assert all(line.startswith("GET ") for line in asked)
    blocked = "fetch('https://example.org/').then(() => 'sent', () => 'blocked')"
    assert browser.complaints() == []
    assert browser.evaluate(blocked) == "blocked"
    assert any("Content Security Policy" in text for text in browser.complaints())


def test_mistakes_are_told(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(ServiceError, match=r"holds letter\.txt, which is of no exported page"):
        export_page(model, tmp_path / "mine")
    with pytest.raises(ServiceError, match="no folder of onnxruntime-web"):
        export_page(model, tmp_path / "new", runtime=tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServiceError, match="install npm"):
        export_page(model, tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine"]


def test_an_older_page_is_replaced_and_nothing_else_is_lost(model: Path, tmp_path: Path) -> None:
    runtime, site = tmp_path / "runtime", tmp_path / "site"
    runtime.mkdir()
    for name in ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"):
        (runtime / name).touch()
    for _ in range(2):
        export_page(model, site, runtime=runtime)
    (site / ".git").mkdir()
    with pytest.raises(ServiceError, match=r"site: holds \.git, which is of no exported page, and would go"):
        export_page(model, site, runtime=runtime)
    assert (site / ".git").is_dir()


@pytest.mark.skipif(shutil.which("npm") is None, reason="no npm on the PATH")
def test_an_npm_that_cannot_fetch_is_told_with_its_reason(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{free}")
    monkeypatch.setenv("npm_config_fetch_retry_mintimeout", "1")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    with pytest.raises(ServiceError, match=r"npm cannot fetch onnxruntime-web@.*ECONNREFUSED.*--runtime"):
        export_page(model, tmp_path / "new")
    assert not (tmp_path / "new").exists()
