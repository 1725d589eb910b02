"""The page in headless Chromium: upload, microphone, cursor, keyboard, phone, dark."""

import base64
import csv
import io
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from PIL import Image

import hamiltone.service
from hamiltone.audio import load_audio
from hamiltone.networks import Recognizer
from hamiltone.service import Predictor, ServiceLimits, csv_text

pytest.importorskip("fastapi", reason="the extra serve is not installed")

PAGE = Path(hamiltone.service.__file__).with_name("page")
MESSAGE = "document.getElementById('message').textContent"


SUMMARIES = ["SUMMARY", "cursor", "SUMMARY"]  # of the axes; of the table and of the facts


@pytest.fixture(scope="module")
def browser(browse: Callable, voice: Path):
    microphone = f"--use-file-for-fake-audio-capture={voice}"
    return browse("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", microphone)


def upload(browser, address: str, path: Path, **view) -> None:
    browser.events.clear()
    browser.open(address, **view)
    browser.wait_for("document.getElementById('place').textContent !== ''")
    browser.choose("#file", path)
    browser.wait_for("!document.getElementById('result').hidden && document.getElementById('busy').hidden")


def answer(address: str, path: Path, **query: float) -> dict:
    return httpx.post(f"{address}/v1/predict", content=path.read_bytes(), params=query, timeout=60).json()


def test_upload(server, browser, voice: Path) -> None:
    upload(browser, server.address, voice)
    expected = answer(server.address, voice, detail=True)
    best = sorted(expected["scores"], key=expected["scores"].get, reverse=True)
    assert best[0] in browser.evaluate("document.getElementById('verdict').textContent")
    bars = browser.evaluate("[...document.querySelectorAll('#bars li')].map((row) => row.textContent)")
    assert bars == [f"{label}{round(100 * expected['scores'][label])} %" for label in best]
    assert browser.evaluate("document.querySelectorAll('#areas polygon').length") == len(best)
    assert browser.evaluate("document.querySelectorAll('#table tbody tr').length") == 1 + len(expected["frames"])
    assert browser.evaluate("document.activeElement.id") == "verdict"
    alive = [f"axis-{i}" for i, axis in enumerate(expected["detail"]["axes"]) if axis["maximum"] > 0]
    assert alive
    assert not browser.evaluate("document.getElementById('inside').open")
    browser.evaluate("document.querySelector('#inside summary').click()")
    browser.wait_for("document.getElementById('axis-0').clientWidth > 0")
    browser.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    for canvas in ("waveform", "spectrogram", *alive):
        drawn = f"""(() => {{ const c = document.getElementById("{canvas}");
            return new Set(c.getContext("2d").getImageData(0, 0, c.width, c.height).data).size }})()"""
        assert browser.evaluate(drawn) > 5, canvas
    assert browser.complaints() == []


@pytest.mark.parametrize(
    ("front", "told"), [("rh-emo", "emotion, valence, arousal"), ("four-bands", "quaternions (r, i, j, k)")]
)
def test_axes_of_any_kind_of_front(served, browser, voice: Path, front: str, told: str) -> None:
    with served(ServiceLimits(), front=front) as address:
        upload(browser, address, voice)
        assert told in browser.evaluate("document.getElementById('axes-note').textContent")
        names = browser.evaluate("[...document.querySelectorAll('#axes small')].map((name) => name.textContent)")
        assert names == [axis["name"] for axis in answer(address, voice, detail=True)["detail"]["axes"]]


def test_the_cursor_goes_with_the_sound_and_the_sound_with_the_cursor(server, browser, voice: Path) -> None:
    upload(browser, server.address, voice)
    seconds = soundfile.info(voice).duration
    place = (
        "(() => { const r = document.getElementById('overlay').getBoundingClientRect(); return [r.x, r.y, r.width] })()"
    )
    browser.evaluate("document.getElementById('lanes').scrollIntoView()")
    x, y, width = browser.evaluate(place)
    browser.click(x + width / 2, y + 30)
    browser.wait_for(f"Math.abs(document.getElementById('audio').currentTime - {seconds / 2}) < 0.05")
    now = "Number(document.getElementById('cursor').getAttribute('aria-valuenow'))"
    assert browser.evaluate(now) == pytest.approx(seconds / 2, abs=0.05)
    browser.evaluate("document.getElementById('cursor').focus()")
    browser.press("ArrowRight", 39)
    assert browser.evaluate(now) == pytest.approx(seconds / 2 + 0.25, abs=0.05)
    browser.press("Home", 36)
    browser.wait_for("document.getElementById('audio').currentTime === 0")
    browser.evaluate("document.getElementById('audio').play()")
    browser.wait_for(f"{now} > 0.3")
    browser.evaluate("document.getElementById('audio').pause()")
    heard = browser.evaluate("document.getElementById('cursor').getAttribute('aria-valuetext')")
    assert heard.count("%") == 3
    assert browser.complaints() == []


def test_the_files_to_keep_are_those_of_the_command(server, browser, model: Path, voice: Path) -> None:
    upload(browser, server.address, voice)
    expected = answer(server.address, voice)
    caught = """(id) => new Promise((resolve) => {
        const make = URL.createObjectURL;
        URL.createObjectURL = (blob) => { URL.createObjectURL = make; blob.text().then(resolve); return make(blob) };
        document.getElementById(id).click();
    })"""
    assert json.loads(browser.evaluate(f"({caught})('json')")) == expected | {"path": voice.name}
    prediction = replace(Predictor(model).predict(voice), path=voice.name)
    saved = list(csv.DictReader(io.StringIO(browser.evaluate(f"({caught})('csv')"))))
    written = list(csv.DictReader(io.StringIO(csv_text([prediction], list(prediction.scores)))))
    assert [list(row) for row in saved] == [list(row) for row in written]
    for row, other in zip(saved, written, strict=True):
        scores = [name for name in row if name.startswith("score_")]
        assert {name: row[name] for name in row if name not in scores} == {
            name: other[name] for name in other if name not in scores
        }
        assert [float(row[name]) for name in scores] == pytest.approx([float(other[name]) for name in scores], abs=3e-6)


def test_the_microphone_gives_a_result_each_second_and_then_the_whole(server, browser) -> None:
    browser.events.clear()
    browser.open(server.address)
    browser.wait_for("document.getElementById('place').textContent !== ''")
    browser.evaluate("document.getElementById('record').click()")
    browser.wait_for("document.querySelectorAll('#live-areas polygon').length > 0")
    first = "document.querySelector('#live-areas polygon').getAttribute('points').split(' ').length"
    points = browser.evaluate(first)
    browser.wait_for(f"{first} >= {points + 2}")
    assert browser.evaluate("document.getElementById('now').textContent").startswith("Sounds most like ")
    browser.evaluate("document.getElementById('stop').click()")
    browser.wait_for("!document.getElementById('result').hidden && document.getElementById('busy').hidden")
    assert browser.evaluate("document.getElementById('about-file').textContent").startswith("microphone.wav: ")
    assert browser.evaluate("document.getElementById('live').hidden")
    assert browser.complaints() == []


@pytest.mark.parametrize("dark", [False, True])
def test_on_a_phone_nothing_is_wider_than_the_screen(server, browser, voice: Path, dark: bool) -> None:
    upload(browser, server.address, voice, width=390, height=844, dark=dark)
    assert browser.evaluate("document.documentElement.scrollWidth") == 390
    ground = browser.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(","))) < 150) == dark
    tops = "['#cursor', '.lane h3', '#areas'].map((name) => document.querySelector(name).getBoundingClientRect().top)"
    cursor, heading, areas = browser.evaluate(tops)
    assert heading < cursor == pytest.approx(areas, abs=3)  # it does not run over the first name, and behind the others
    layers = "[...document.querySelectorAll('.lane h3')].map((name) => getComputedStyle(name).zIndex)"
    assert set(browser.evaluate(layers)) == {"1"}
    assert browser.complaints() == []


def test_a_screen_reader_finds_names_and_roles(server, browser, voice: Path) -> None:
    upload(browser, server.address, voice)
    browser.send("Accessibility.enable")
    nodes = browser.send("Accessibility.getFullAXTree")["nodes"]
    named = {(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if "role" in node}
    unnamed = {role for role, name in named if role in ("button", "slider", "image", "link", "textbox") and not name}
    assert unnamed == set()
    assert ("slider", "Position in the recording") in named
    assert ("button", "Save as CSV") in named
    assert any(role == "heading" and name.startswith(("Sounds most", "Not sure")) for role, name in named)


def test_the_keyboard_reaches_everything_in_the_order_of_the_page(server, browser, voice: Path) -> None:
    upload(browser, server.address, voice)
    browser.evaluate("document.activeElement.blur(); document.querySelector('.skip').focus()")
    place = "((e) => e.id || e.className || e.getAttribute('href') || e.tagName)(document.activeElement)"
    reached = [browser.evaluate(place)]
    while reached.count("SUMMARY") < 3 and len(reached) < 30:
        browser.press("Tab", 9)
        reached.append(browser.evaluate(place))
    once = [name for name, before in zip(reached, [None, *reached], strict=False) if name != before]
    assert once == ["skip", "#about", "file", "record", "example", "json", "csv", "audio", *SUMMARIES]


def test_an_example_is_there_to_try(server, browser) -> None:
    browser.events.clear()
    browser.open(server.address)
    browser.wait_for("document.getElementById('place').textContent !== ''")
    browser.evaluate("document.getElementById('example').click()")
    browser.wait_for("!document.getElementById('result').hidden && document.getElementById('busy').hidden")
    expected = answer(server.address, PAGE / "example.mp3")
    assert len(expected["frames"]) > 1
    assert max(expected["scores"], key=expected["scores"].get) in browser.evaluate(
        "document.getElementById('verdict').textContent"
    )
    assert browser.evaluate("document.getElementById('about-file').textContent").startswith("example.mp3: ")
    assert "spoken by a machine" in browser.evaluate("document.querySelector('.hint').textContent")
    assert browser.complaints() == []


def test_one_sentence_says_how_often_it_is_right_and_the_figures_are_folded(served: Callable, browser) -> None:
    with served(ServiceLimits(), results=["Right about 3 of 4.", "uar 0.75"]) as address:
        browser.open(address, width=390, height=844)
        browser.wait_for("document.getElementById('place').textContent !== ''")
        assert browser.evaluate("document.getElementById('summary').textContent") == "Right about 3 of 4."
        figures = "[...document.querySelectorAll('#facts dd')].filter((one) => one.textContent === 'uar 0.75')"
        assert browser.evaluate(f"{figures}.map((one) => one.checkVisibility())") == [False]
        browser.evaluate("document.querySelector('#about summary').click()")
        assert browser.evaluate(f"{figures}.map((one) => one.checkVisibility())") == [True]
        assert "Right about" not in browser.evaluate("document.getElementById('facts').textContent")


def test_one_window_has_no_course_over_time(server, browser, voice: Path, tmp_path: Path) -> None:
    sound, rate = soundfile.read(voice)
    soundfile.write(tmp_path / "short.wav", sound[: 2 * rate], rate)
    visible = "['#course', '#ticks', '#readout', '.tick'].map((name) => document.querySelector(name).checkVisibility())"
    upload(browser, server.address, voice)
    assert browser.evaluate(visible) == 4 * [True]
    upload(browser, server.address, tmp_path / "short.wav")
    assert browser.evaluate(visible) == 4 * [False]
    assert browser.complaints() == []


@pytest.mark.parametrize("width", [1200, 390])
def test_the_ring_around_the_headline_touches_nothing(server, browser, voice: Path, width: int) -> None:
    upload(browser, server.address, voice, width=width)
    style = "getComputedStyle(document.getElementById('verdict'))"
    reach = browser.evaluate(f"parseFloat({style}.outlineWidth) + parseFloat({style}.outlineOffset)")
    assert reach > 0
    edges = "((r) => [r.left, r.right, r.bottom])(document.getElementById('verdict').getBoundingClientRect())"
    left, right, bottom = browser.evaluate(edges)
    assert left - reach >= 0
    assert right + reach <= width
    assert bottom + reach <= browser.evaluate("document.getElementById('about-file').getBoundingClientRect().top")
    assert browser.evaluate(f"parseFloat({style}.paddingLeft)") >= 4  # its letters stand clear, too


def test_opened_from_disk_the_page_says_that_it_needs_a_server(server, browser, tmp_path: Path) -> None:
    told = "document.getElementById('unstarted')"
    disabled = "['file', 'record', 'example'].map((id) => document.getElementById(id).disabled)"
    browser.open(server.address)
    browser.wait_for("document.getElementById('place').textContent !== ''")
    assert browser.evaluate(told) is None
    assert browser.evaluate(disabled) == [False] * 3
    shutil.copytree(PAGE, tmp_path / "page")
    browser.open((tmp_path / "page" / "index.html").as_uri())
    browser.wait_for(f"getComputedStyle({told}).visibility === 'visible'")
    assert "python -m http.server" in browser.evaluate(f"{told}.textContent")
    assert browser.evaluate(disabled) == [True] * 3


def test_a_file_that_is_dropped_while_one_speaks_waits_for_another_time(server, browser, voice: Path) -> None:
    browser.events.clear()
    browser.open(server.address)
    browser.wait_for("document.getElementById('place').textContent !== ''")
    browser.evaluate("document.getElementById('record').click(); document.getElementById('record').click()")
    browser.wait_for("!document.getElementById('live').hidden")
    browser.evaluate("""(() => {
        const files = new DataTransfer();
        files.items.add(new File(["not a sound"], "letter.txt"));
        document.dispatchEvent(new DragEvent("drop", { dataTransfer: files, cancelable: true }));
    })()""")
    assert browser.evaluate("document.getElementById('busy').hidden && document.getElementById('message').hidden")
    browser.evaluate("document.getElementById('cancel').click()")
    browser.wait_for("document.getElementById('live').hidden")
    assert browser.evaluate("document.activeElement.id") == "record"
    assert browser.evaluate("document.getElementById('result').hidden")
    assert browser.complaints() == []


def test_a_file_that_is_no_sound_is_told(server, browser, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("not a sound")
    browser.open(server.address)
    browser.wait_for("document.getElementById('place').textContent !== ''")
    browser.evaluate("document.getElementById('file').focus()")
    browser.choose("#file", tmp_path / "letter.txt")
    browser.wait_for("!document.getElementById('message').hidden")
    assert browser.evaluate("document.activeElement.id") == "file"  # for another try
    browser.send("Accessibility.enable")
    nodes = browser.send("Accessibility.getFullAXTree")["nodes"]
    assert "alert" in {node["role"]["value"] for node in nodes if "role" in node}
    assert browser.evaluate(MESSAGE).startswith("letter.txt: is no audio file")
    assert browser.evaluate("document.getElementById('result').hidden")


def test_an_error_takes_the_result_of_another_recording_away(server, browser, voice: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "nothing.wav", np.zeros(16000), 16000)
    upload(browser, server.address, voice)
    browser.choose("#file", tmp_path / "nothing.wav")
    browser.wait_for("!document.getElementById('message').hidden && document.getElementById('busy').hidden")
    assert browser.evaluate(MESSAGE).startswith("nothing.wav: is silent")
    assert browser.evaluate("document.getElementById('result').hidden")
    browser.choose("#file", voice)
    browser.wait_for("!document.getElementById('result').hidden && document.getElementById('busy').hidden")
    assert browser.evaluate("document.getElementById('message').hidden")


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844), (390, 422)])
@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_a_result_is_scrolled_to_where_its_headline_is_seen(
    server, browser, voice: Path, width: int, height: int, motion: str
) -> None:
    browser.open(server.address, width=width, height=height)
    browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": motion}])
    browser.wait_for("document.getElementById('place').textContent !== ''")
    browser.choose("#file", voice)
    browser.wait_for("!document.getElementById('result').hidden && document.getElementById('busy').hidden")
    place = "document.getElementById('verdict').getBoundingClientRect()"
    browser.evaluate("new Promise((resolve) => setTimeout(resolve, 700))")
    top, bottom = browser.evaluate(f"[{place}.top, {place}.bottom]")
    assert 0 <= top < bottom < height


@pytest.mark.parametrize("kind", ["noise", "doubt", "clipped"])
def test_not_sure_is_said_as_the_command_says_it(
    served: Callable, browser, recognizer_maker: Callable[..., Recognizer], voice: Path, tmp_path: Path, kind: str
) -> None:
    recognizer = recognizer_maker(unsure_below=0.999 if kind == "doubt" else 0.0)
    path = tmp_path / "sound.wav"
    sound = load_audio(voice)
    if kind == "noise":
        sound = np.random.default_rng(0).normal(0, 0.1, len(sound)).astype(np.float32)
    elif kind == "clipped":
        sound = np.clip(sound, -0.02, 0.02)
    soundfile.write(path, sound, 16000, subtype="FLOAT")
    expected = Predictor(recognizer).predict(path)
    with served(ServiceLimits(), model=recognizer) as address:
        upload(browser, address, path)
    unsure = kind != "clipped"
    assert (expected.label == "unsure") == unsure
    begins = "Not sure; nearest to" if unsure else "Sounds most like"
    assert browser.evaluate("document.getElementById('verdict').textContent").startswith(begins)
    notes = browser.evaluate("[...document.querySelectorAll('#caution span')].map((note) => note.textContent)")
    assert notes == [f"{note[0].upper()}{note[1:]}." for note in expected.notes]
    assert bool(notes) == (kind != "doubt")
    assert browser.evaluate("document.getElementById('caution').hidden") == (not notes)


def test_the_browser_decodes_and_resamples_to_what_the_service_hears(server, browser, voice: Path) -> None:
    browser.open(server.address)
    decode = """(async (text) => {
        const { toSamples, toWav } = await import("/audio.js");
        const blob = new Blob([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))]);
        const samples = await toSamples(blob);
        const bytes = new Uint8Array(await (await toWav(blob)).arrayBuffer());
        return [[...samples], [...bytes]];
    })"""
    text = base64.b64encode(voice.read_bytes()).decode()
    samples, wav = browser.evaluate(f"{decode}({text!r})")
    expected = load_audio(voice)
    assert len(samples) == len(expected)
    difference = np.abs(np.array(samples) - expected)
    assert difference[8:].max() < 1e-3
    assert difference.max() < 0.01  # soxr begins a little otherwise
    written, rate = soundfile.read(io.BytesIO(bytes(wav)))
    assert rate == 16000
    assert np.abs(written - np.clip(samples, -1, 1)).max() < 1e-4


def test_a_token_is_asked_for(served: Callable, browser) -> None:
    with served(ServiceLimits(), "correct horse battery staple") as address:
        browser.open(address)
        browser.wait_for("!document.getElementById('token-form').hidden")
        assert browser.evaluate("document.activeElement.id") == "token"
        assert browser.evaluate(MESSAGE) == "This service asks for its token."
        give = "document.getElementById('token').value = {!r}; document.querySelector('#token-form button').click()"
        browser.evaluate(give.format("wrong horse"))
        browser.wait_for(f'{MESSAGE} === "That token is not this service\'s."')
        assert browser.evaluate("document.activeElement.id") == "token"
        assert browser.evaluate("getSelection().toString() !== '' || document.activeElement.selectionEnd === 11")
        browser.evaluate(give.format("correct horse battery staple"))
        browser.wait_for("document.getElementById('place').textContent !== ''")
        assert browser.evaluate("document.getElementById('token-form').hidden")
        browser.wait_for("document.activeElement.id === 'file'")


@pytest.mark.parametrize(("seconds", "length", "asked"), [(31.5, "32 s", True), (70, "1 min 10 s", False)])
def test_a_recording_that_is_too_long_is_told_with_both_lengths(
    server, browser, tmp_path: Path, seconds: float, length: str, asked: bool
) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, 0.1 * np.sin(np.arange(round(seconds * 16000)) / 9), 16000)
    browser.open(server.address)
    browser.wait_for("document.getElementById('place').textContent !== ''")
    assert browser.evaluate("document.getElementById('limits').textContent") == ", up to 30 s"
    browser.choose("#file", path)
    browser.wait_for("!document.getElementById('message').hidden")
    told = f"long.wav: too long: {length}; at most 30 s. Cut it, or use “hamiltone predict” on the command line"
    assert browser.evaluate(MESSAGE).startswith(told)
    requests = browser.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert any("/v1/predict" in request for request in requests) == asked  # what is far too long is not even sent


@pytest.mark.parametrize(("seconds", "told"), [(0.02, "0.02"), (0.45, "0.45"), (0.5, None)])
def test_a_recording_of_a_moment_gets_a_result_and_a_caution(
    server, browser, voice: Path, tmp_path: Path, seconds: float, told: str | None
) -> None:
    path = tmp_path / "moment.wav"
    sound, rate = soundfile.read(voice)
    soundfile.write(path, sound[rate : rate + round(seconds * rate)], rate)
    upload(browser, server.address, path)
    assert "%" in browser.evaluate("document.getElementById('verdict').textContent")
    assert browser.evaluate("document.getElementById('caution').hidden") == (told is None)
    if told:
        line = f"Only {told} s of sound: too short to mean much."
        assert browser.evaluate("document.getElementById('caution').textContent") == line
    assert browser.complaints() == []


@pytest.mark.skipif("HAMILTONE_PICTURES" not in os.environ, reason="HAMILTONE_PICTURES names no folder for pictures")
def test_pictures(serve: Callable, browser, model: Path, voice: Path) -> None:
    """HAMILTONE_PICTURES=docs/pictures HAMILTONE_MODEL=RUN/model python -m pytest tests/service -k test_pictures."""
    server = serve(Path(os.environ.get("HAMILTONE_MODEL", model)))
    folder = Path(os.environ["HAMILTONE_PICTURES"])
    for name, view in {"page": {}, "page-phone": {"width": 390, "height": 844, "dark": True}}.items():
        upload(browser, server.address, voice, **view)
        browser.evaluate("document.getElementById('cursor').focus()")
        for _ in range(10):
            browser.press("ArrowRight", 39)
        browser.evaluate("document.activeElement.blur()")
        browser.wait_for("!document.getElementById('audio').seeking")
        browser.picture(folder / f"{name}.png")
        with Image.open(folder / f"{name}.png") as picture:
            picture.convert("RGB").quantize(128).save(folder / f"{name}.png", optimize=True)
