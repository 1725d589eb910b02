"""A small model, a synthetic voice, a running service, and Chromium, driven through its debugging pipe."""

import base64
import contextlib
import importlib.util
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from hamiltone.audio import FRAME_SAMPLES
from hamiltone.corpora.espeak import SPEAK
from hamiltone.networks import Derivatives, DerivativesFront, Recognizer, RHEmoEncoder, RHEmoFront, save_bundle, vgg
from hamiltone.service import ServiceLimits
from hamiltone.speech import Spectrogram

COMMAND = "from hamiltone._command import main; main()"
ON_3_AND_4 = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
for place, end in zip((3, 4), ends):
    os.dup2(end, place)
os.execvp(sys.argv[3], sys.argv[3:])
"""
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LABELS = ("calm", "angry", "sad")
PHRASES = [
    ("en-us+f3", "I did not expect you here, how wonderful to see you again!", 72, 80, 190),
    ("en-us+f3", "Well. It does not matter any more.", 38, 15, 120),
    ("en-us+f3", "No! I told you to leave it alone!", 60, 95, 230),
]


def make_recognizer(
    algebra: str = "quaternion",
    *,
    temperature: float = 1.0,
    unsure_below: float = 0.0,
    pool: str = "flatten",
    encoder: RHEmoEncoder | Derivatives | None = None,
    time_reversed: bool = False,
    width: float = 1 / 16,
) -> Recognizer:
    """A small recogniser that was not trained, whose scores are as far apart as a trained one's."""
    torch.manual_seed(0)
    frames = torch.randn(2, FRAME_SAMPLES)
    spectrogram = Spectrogram(scale="decibel", time_reversed=time_reversed).fit([frames])
    front = RHEmoFront(spectrogram, RHEmoEncoder()) if encoder is None else DerivativesFront(spectrogram)
    network = vgg(11, algebra, len(LABELS), width=width, hidden=16, input_shape=front.shape, pool=pool)
    recognizer = Recognizer(front, network, LABELS, temperature=temperature, unsure_below=unsure_below).eval()
    with torch.no_grad():
        last = network.classifier[-1]
        assert isinstance(last, torch.nn.Linear)
        last.weight.div_(recognizer(frames).std())
    return recognizer


@pytest.fixture(scope="session")
def recognizer_maker() -> Callable[..., Recognizer]:
    return make_recognizer


@pytest.fixture(scope="session")
def recognizer() -> Recognizer:
    return make_recognizer()


@pytest.fixture(scope="session")
def model(recognizer: Recognizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "model"
    facts = {"title": "tiny", "task": "emotion", "corpus": "ravdess", "corpus_note": "no clips at all"}
    licences = {"ravdess": "CC BY-NC-SA 4.0, non-commercial"}
    save_bundle(recognizer, folder, facts | {"results": ["test uar 0.250"], "licences": licences})
    return folder


@pytest.fixture(scope="session")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sentences of a synthetic voice, some ten seconds at eSpeak NG's own rate."""
    if importlib.util.find_spec("espeakng_loader") is None:
        pytest.skip("no synthetic voice: pip install 'hamiltone[synthetic]'")
    import espeakng_loader

    names = ("voice", "text", "pitch", "range", "rate")
    request = {
        "library": espeakng_loader.get_library_path(),
        "data": espeakng_loader.get_data_path(),
        "phrases": [dict(zip(names, phrase, strict=True)) for phrase in PHRASES],
    }
    spoken = subprocess.run(
        [sys.executable, SPEAK], input=json.dumps(request).encode(), capture_output=True, check=True
    )
    head, samples = spoken.stdout.split(b"\n", 1)
    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    soundfile.write(path, np.frombuffer(samples, np.int16), json.loads(head)["rate"])
    return path


class Server:
    """``hamiltone serve`` in a process of its own."""

    def __init__(self, model: Path, *options: str, log: Path, **environment: str) -> None:
        self.log = log
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", COMMAND, "serve", "--model", str(model), "--port", "0", *options],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, **environment},
            )
        assert self.process.stdout is not None
        with self.process.stdout as said:
            line = said.readline()
        assert line, log.read_text(encoding="utf-8")
        self.address = line.split()[1]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    running: list[Server] = []

    def start(model: Path, *options: str, **environment: str) -> Server:
        running.append(Server(model, *options, log=tmp_path_factory.mktemp("log") / "log", **environment))
        return running[-1]

    yield start
    for server in running:
        if server.process.poll() is None:
            server.stop()


@pytest.fixture(scope="session")
def server(serve: Callable[..., Server], model: Path) -> Server:
    return serve(model, "--seconds", "30", "--megabytes", "2")


@contextlib.contextmanager
def serving(recognizer: Recognizer, limits: ServiceLimits, token: str | None = None, **facts: object) -> Iterator[str]:
    """The application in a thread, without the import of everything in a new process; gives its address."""
    import uvicorn

    from hamiltone.service._connections import timed_protocol
    from hamiltone.service._http import create_app

    about = {"title": "", "labels": LABELS, "rate": 16000, "window": 4.0, "front": "rh-emo", "trained_on": ""}
    about |= {"hop": 1.0, "unsure_below": recognizer.unsure_below}
    about |= {"split": "", "results": [], "licence": "", "warning": "", "weights": "", "version": ""} | facts
    app = create_app(recognizer, about, limits, token)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(
            uvicorn.Config(app, http=timed_protocol(limits.upload_timeout), log_config=None, access_log=False)
        )
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
            assert thread.is_alive()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def served(recognizer: Recognizer) -> Callable[..., contextlib.AbstractContextManager[str]]:
    """``served(ServiceLimits(...), token, recognizer, front=...)`` runs the application for a block."""
    return lambda limits, token=None, model=recognizer, **facts: serving(model, limits, token, **facts)


def chromium() -> str | None:
    """Where Chromium is, whatever this machine calls it."""
    return next(filter(None, map(shutil.which, CHROMIUM)), None)


class Browser:
    """Headless Chromium with one page; commands of the DevTools protocol go through its debugging pipe."""

    def __init__(self, *flags: str) -> None:
        self.events: list[dict[str, Any]] = []
        self._folder = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        read, self._out = os.pipe()
        self._in, write = os.pipe()
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
        options += ["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"]
        options += ["--autoplay-policy=no-user-gesture-required", "--remote-debugging-pipe", "--hide-scrollbars"]
        options += [f"--user-data-dir={self._folder.name}", *flags, "about:blank"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", ON_3_AND_4, str(read), str(write), chromium() or "", *options],
            pass_fds=(read, write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(read)
        os.close(write)
        self._rest = b""
        self._number = 0
        self._session = ""
        try:
            target = self.send("Target.createTarget", url="about:blank")["targetId"]
            self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log", "DOM"):
                self.send(f"{domain}.enable")
        except BaseException:
            self.close()
            raise

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + 60
        while True:
            answer = self._receive(until)
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self.events.append(answer)

    def _receive(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(0, until - time.monotonic()))
            assert ready, "Chromium does not answer"
            block = os.read(self._in, 1 << 20)
            assert block, "Chromium has ended"
            self._rest += block
        message, self._rest = self._rest.split(b"\0", 1)
        return json.loads(message)

    def evaluate(self, expression: str) -> Any:
        result = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait_for(self, expression: str, seconds: float = 30) -> Any:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if value := self.evaluate(expression):
                return value
            time.sleep(0.05)
        raise AssertionError(f"never true: {expression}; {self.complaints()}")

    def open(self, address: str, width: int = 1200, height: int = 900, dark: bool = False) -> None:
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        features.append({"name": "prefers-reduced-motion", "value": "reduce"})
        self.send("Emulation.setEmulatedMedia", features=features)
        self.send("Page.navigate", url=address)
        self.wait_for(f"location.href.startsWith({address!r}) && document.readyState === 'complete'")

    def choose(self, selector: str, path: Path) -> None:
        found = self.send("Runtime.evaluate", expression=f"document.querySelector({selector!r})")
        self.send("DOM.setFileInputFiles", files=[str(path)], objectId=found["result"]["objectId"])

    def press(self, key: str, code: int) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def click(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def picture(self, path: Path) -> None:
        size = self.send("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(shot["data"]))

    def complaints(self) -> list[str]:
        """Errors of scripts, of the console, of the network and of the content security policy."""
        self.evaluate("0")  # what has happened has been told by now
        found = []
        for event in self.events:
            details = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(str(details["exceptionDetails"]))
            elif event.get("method") == "Log.entryAdded" and details["entry"]["level"] == "error":
                found.append(f"{details['entry']['text']} {details['entry'].get('url', '')}")
            elif event.get("method") == "Runtime.consoleAPICalled" and details["type"] in ("error", "assert"):
                found.append(str(details["args"]))
        return found

    def close(self) -> None:
        with contextlib.suppress(AssertionError, OSError):
            self._session = ""
            self.send("Browser.close")
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        os.close(self._in)
        os.close(self._out)
        self._folder.cleanup()


@pytest.fixture(scope="session")
def browse() -> Iterator[Callable[..., Browser]]:
    """Open a browser with further flags; all are closed at the end."""
    if chromium() is None:
        pytest.skip(f"none of {', '.join(CHROMIUM)} is on the PATH")
    opened: list[Browser] = []

    def start(*flags: str) -> Browser:
        opened.append(Browser(*flags))
        return opened[-1]

    yield start
    for browser in opened:
        browser.close()
