"""What predict takes and gives: the standard input, segments, tables and labels over time, the microphone."""

import csv
import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from typer.testing import CliRunner

from hamiltone.audio import FRAME_SAMPLES, load_audio
from hamiltone.cli import app
from hamiltone.errors import HamiltoneError
from hamiltone.networks import Recognizer, SpectrogramFront, build_front, build_network, save_bundle, vgg
from hamiltone.service import FrameScores, Prediction, Predictor, ServiceError, recordings_by_speaker, textgrid
from hamiltone.settings import LogMelSettings, ResidualSettings
from hamiltone.speech import Spectrogram

RATE = 16000
Run = Callable[..., str]


def syllables(seconds: float, seed: int) -> np.ndarray:
    """Noise that comes and goes as syllables do, so that it may be speech."""
    time = np.arange(round(seconds * RATE)) / RATE
    return np.random.default_rng(seed).normal(0, 0.1, len(time)) * np.sin(2 * np.pi * 2 * time) ** 2


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    front = SpectrogramFront(Spectrogram(scale="decibel").fit([torch.randn(2, FRAME_SAMPLES)]))
    network = vgg(11, "real", 2, width=1 / 32, hidden=8, input_shape=front.shape)
    folder = tmp_path_factory.mktemp("model") / "m"
    save_bundle(Recognizer(front, network, ["calm", "angry"]), folder)
    return folder


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("talk") / "talk.wav"
    soundfile.write(path, syllables(9, 0), RATE, subtype="FLOAT")
    return path


@pytest.fixture
def run(model: Path) -> Run:
    def predict(*arguments: object, code: int = 0, **options: Any) -> str:
        command = ["predict", "--model", str(model), *map(str, arguments)]
        result = CliRunner().invoke(app, command, **options)
        if isinstance(result.exception, HamiltoneError):
            raise result.exception
        assert result.exit_code == code, result.output
        return result.stdout

    return predict


def refused(call: Callable[[], str], *words: str) -> None:
    with pytest.raises(HamiltoneError) as error:
        call()
    for word in words:
        assert word in str(error.value)


def test_the_standard_input_is_a_recording(run: Run, talk: Path) -> None:
    (expected,) = json.loads(run(talk, "--json"))
    (heard,) = json.loads(run("-", "--json", input=talk.read_bytes()))
    assert heard == expected | {"path": "standard input"}
    told = CliRunner().invoke(app, ["predict", "-"], input=b"")
    assert (told.exit_code, told.stdout) == (2, "")
    assert "hamiltone: standard input: is empty (0 bytes)\n" in told.stderr


def test_formats_of_programs_hold_the_same(run: Run, talk: Path, model: Path) -> None:
    expected = Predictor(model).predict(talk)
    told = json.loads(run(talk, "--format", "json"))
    assert told == [json.loads(json.dumps(expected.as_json()))]
    assert [json.loads(line) for line in run(talk, talk, "--format", "jsonl").splitlines()] == told * 2
    rows = list(csv.DictReader(io.StringIO(run(talk, "--format", "csv"))))
    assert [row["part"] for row in rows] == ["overall", *["frame"] * 6]
    for row, one in zip(rows, [expected, *expected.frames], strict=True):
        assert (float(row["start"]), float(row["end"]), row["label"]) == (one.start, one.end, one.label)
        assert {label: float(row[f"score_{label}"]) for label in one.scores} == pytest.approx(one.scores, abs=1e-6)


def intervals(text: str) -> dict[str, list[tuple[float, float, str]]]:
    """The tiers of a TextGrid, read as Praat does: what stands in it in order, whatever the words beside it."""
    values = [line.partition(" = ")[2].strip('"') for line in text.splitlines() if " = " in line]
    assert values[:2] == ["ooTextFile", "TextGrid"]
    (count, rest), tiers = (int(values[4]), iter(values[5:])), {}
    for _ in range(count):
        kind, name, start, end, size = (next(rest) for _ in range(5))
        assert (kind, start, end) == ("IntervalTier", values[2], values[3])
        tiers[name] = [(float(next(rest)), float(next(rest)), next(rest)) for _ in range(int(size))]
    assert not list(rest)
    return tiers


def test_labels_over_time_for_annotators(run: Run, talk: Path, model: Path) -> None:
    stretches = Predictor(model).predict(talk).stretches()
    expected = [(one.start, one.end, one.label) for one in stretches]
    lines = [line.split("\t") for line in run(talk, "--format", "audacity").splitlines()]
    assert [(float(start), float(end), label) for start, end, label in lines] == expected
    assert intervals(run(talk, "--format", "textgrid")) == {"emotion": expected}
    first = run(talk, "--format", "srt").split("\n\n")[0].splitlines()
    seconds = stretches[0].end
    assert first[:2] == ["1", f"00:00:00,000 --> 00:00:0{seconds:.0f},000"]
    assert first[2] == f"{stretches[0].label} ({100 * (stretches[0].score or 0):.0f} %)"


def test_labels_of_several_recordings_are_files(run: Run, talk: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.wav"
    soundfile.write(other, syllables(5, 1), RATE)
    refused(lambda: run(talk, other, "--format", "srt"), "no place for 2 recordings", "--out DIR")
    told = run(talk, other, "--format", "textgrid", "--out", tmp_path / "labels").splitlines()
    assert told == [str(tmp_path / "labels" / f"{name}.TextGrid") for name in ("talk", "other")]
    for path, recording in zip(told, (talk, other), strict=True):
        assert Path(path).read_text(encoding="utf-8") == run(recording, "--format", "textgrid")
    twins = [tmp_path / "twin" / "A" / name for name in ("talk.flac", "talk.wav", "Talk.wav")]
    twins[0].parent.mkdir(parents=True)
    for twin in twins:
        soundfile.write(twin, syllables(2, 2), RATE)
    below = tmp_path / "labels" / twins[0].parent.relative_to(tmp_path)
    told = run(other, *twins[:2], "--format", "srt", "--out", tmp_path / "labels").splitlines()
    assert told == [
        str(tmp_path / "labels" / "other.wav.srt"),
        *(str(below / f"talk.{kind}.srt") for kind in ("flac", "wav")),
    ]
    assert (below / "talk.flac.srt").read_text(encoding="utf-8") == run(twins[0], "--format", "srt")
    clash = f"{twins[1]} and {twins[2]} would have one file"
    refused(lambda: run(*twins, "--format", "srt", "--out", tmp_path / "twins"), clash)
    assert not (tmp_path / "twins").exists()
    refused(lambda: run(talk, "--format", "srt", "--out", talk), f"--out {talk}: is a file; name a folder")
    refused(lambda: run(talk, "--csv", "-"), "--format csv prints the table")
    refused(lambda: run(talk, "--csv", "/"), "/: is a folder")


SEGMENTS = [(0.5, 2.0, "anna"), (2.0, 7.5, "ben"), (1.25, 1.75, "ben")]
RTTM = "".join(
    f"SPEAKER talk 1 {start:.3f} {end - start:.3f} <NA> <NA> {speaker} <NA> <NA>\n" for start, end, speaker in SEGMENTS
)
TABLE = "start,end,speaker\n" + "".join(f"{start},{end},{speaker}\n" for start, end, speaker in SEGMENTS)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (";; a comment\nSPKR-INFO talk 1 <NA> <NA> <NA> unknown anna <NA>\n" + RTTM, "utf-8"),
        (TABLE, "utf-8-sig"),
        (TABLE.replace(",", ";").replace(".", ","), "utf-8"),
        (TABLE.replace(",", "\t"), "utf-16"),
    ],
    ids=["rttm", "csv", "semicolons", "tabs"],
)
def test_segments_are_scored_each_by_itself(
    run: Run, talk: Path, model: Path, tmp_path: Path, text: str, encoding: str
) -> None:
    file = tmp_path / "segments"
    file.write_text(text, encoding=encoding)
    told = json.loads(run(talk, "--segments", file, "--json"))
    assert sorted((one["start"], one["end"], one["speaker"]) for one in told) == sorted(SEGMENTS)
    predictor, sound = Predictor(model), load_audio(talk)
    for one in told:
        expected = predictor.predict_waveform(sound[round(one["start"] * RATE) : round(one["end"] * RATE)])
        assert one["scores"] == pytest.approx(expected.scores, abs=1e-6)
        assert (one["label"], len(one["frames"])) == (expected.label, len(expected.frames))
        assert one["frames"][0]["start"] == one["start"]
    tiers = intervals(run(talk, "--segments", file, "--format", "textgrid"))
    named = {(one["start"], one["speaker"]): one["label"] for one in told}
    assert tiers["emotion of anna"] == [(0, 0.5, ""), (0.5, 2, named[0.5, "anna"]), (2, 7.5, "")]
    assert [(start, end) for start, end, _ in tiers["emotion of ben"]] == [(0, 1.25), (1.25, 1.75), (1.75, 2), (2, 7.5)]
    table = run(talk, "--segments", file)
    assert "anna" in table and "2.0 to 7.5" in table


def test_a_speaker_takes_no_line_of_time_and_a_lone_segment_is_one(run: Run, talk: Path, tmp_path: Path) -> None:
    """A recording of somebody is told window by window, a segment as a whole, wherever it begins."""
    frames = tuple(
        FrameScores(start, start + 4, label, {label: 0.9}) for start, label in ((0.0, "calm"), (4.0, "angry"))
    )
    heard = Prediction("talk.wav", "ann", 0.0, 8.0, "calm", {"calm": 0.6, "angry": 0.4}, frames, ())
    assert intervals(textgrid([heard])) == {"emotion of ann": [(0, 4, "calm"), (4, 8, "angry")]}
    assert intervals(textgrid([replace(heard, whole=False)])) == {"emotion of ann": [(0, 8, "calm")]}
    segments = tmp_path / "one.csv"
    segments.write_text("start,end\n0,9\n", encoding="utf-8")
    assert len(run(talk, "--segments", segments, "--format", "audacity").splitlines()) == 1
    other = tmp_path / "other.wav"
    soundfile.write(other, syllables(9, 1), RATE)
    segments.write_text(f"recording,start,end\n{talk},0,9\n{other},0,9\n", encoding="utf-8")
    assert "0.0 to 9.0" in run(talk, other, "--segments", segments)


def test_segments_of_no_one_recording_are_refused(run: Run, talk: Path, tmp_path: Path) -> None:
    """Of several recordings nobody knows which one is meant."""
    other = tmp_path / "below" / "talk.flac"
    other.parent.mkdir()
    soundfile.write(other, syllables(5, 1), RATE)
    file = tmp_path / "segments.csv"
    for text, word in (
        ("start,end\n1,2\n", "2 recordings, and it names none"),
        ("recording,start,end\ntalk,1,2\n", "talk may be"),
    ):
        file.write_text(text, encoding="utf-8")
        refused(lambda: run(talk, other, "--segments", file), word, "by its path in a column recording")
    file.write_text(f"recording,start,end\n{other},1,2\n{talk},3,4\n", encoding="utf-8")
    assert [one["start"] for one in json.loads(run(talk, other, "--segments", file, "--json"))] == [3, 1]


def test_a_table_with_a_heading_is_no_rttm(run: Run, talk: Path, tmp_path: Path) -> None:
    file = tmp_path / "segments.txt"
    file.write_text("SPEAKER\tSTART\tEND\nSPEAKER 1\t0,5\t2,5\n", encoding="utf-8")
    (told,) = json.loads(run(talk, "--segments", file, "--json"))
    assert (told["speaker"], told["start"], told["end"]) == ("SPEAKER 1", 0.5, 2.5)


def test_segments_of_several_recordings_are_found_by_name(run: Run, talk: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.wav"
    soundfile.write(other, syllables(5, 1), RATE)
    file = tmp_path / "segments.csv"
    file.write_text("recording,start,end\ntalk.wav,1,2\nother,3,4.5\ntalk,5,6\n", encoding="utf-8")
    told = json.loads(run(talk, other, "--segments", file, "--json"))
    assert [(Path(one["path"]).name, one["start"], one["speaker"]) for one in told] == [
        ("talk.wav", 1, None),
        ("talk.wav", 5, None),
        ("other.wav", 3, None),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["holds no segment"]),
        ("start,stop\n1,2\n", ["have no column end, but start, stop"]),
        ("start,end\n1,x\n", ["line 2", "'x' is no time"]),
        ("start,end\n1,nan\n", ["line 2", "'nan' is no time"]),
        ("start,end\n2,1\n", ["line 2", "from 2 to 1 s holds no sound"]),
        ("SPEAKER talk 1 1.0\n", ["line 1", "fields"]),
        ("recording,start,end\na,1,2\nb,1,2\n", ["has no segment of", "talk.wav", "only of a, b"]),
    ],
)
def test_segments_that_are_wrong_are_one_line(
    run: Run, talk: Path, tmp_path: Path, text: str, words: list[str]
) -> None:
    file = tmp_path / "segments"
    file.write_text(text, encoding="utf-8")
    refused(lambda: run(talk, "--segments", file), str(file), *words)
    refused(lambda: run(talk, "--segments", tmp_path / "none"), "cannot be read")


def test_segments_behind_the_end_are_an_error_and_the_others_go_on(run: Run, talk: Path, tmp_path: Path) -> None:
    file = tmp_path / "segments.csv"
    file.write_text("start,end\n1,2\n8,9.4\n8,11\n", encoding="utf-8")
    told = CliRunner().invoke(app, ["predict", str(talk), "--segments", str(file), "--json", "--hop", "4"])
    assert [one["end"] for one in json.loads(told.stdout)] == [2, 9]
    assert told.exit_code == 2
    assert "the segment from 8 to 11 s ends behind the recording, which has 9.00 s" in told.stderr


def test_a_recording_without_segments_is_a_fault_and_the_others_go_on(run: Run, talk: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.wav"
    other.write_bytes(talk.read_bytes())
    file = tmp_path / "segments.csv"
    file.write_text("recording,start,end,speaker\ntalk,1,3,None\n", encoding="utf-8")
    told = CliRunner().invoke(app, ["predict", str(other), str(talk), "--segments", str(file), "--json"])
    assert told.exit_code == 2
    assert f"{file}: has no segment of {other}, only of talk" in told.stderr
    assert [(one["path"], one["speaker"]) for one in json.loads(told.stdout)] == [(str(talk), None)]


def test_segments_of_several_people_are_not_of_one(run: Run, talk: Path, tmp_path: Path) -> None:
    file = tmp_path / "segments.csv"
    file.write_text("start,end,speaker\n1,3,ann\n4,6,bob\n", encoding="utf-8")
    refused(
        lambda: run(talk, "--segments", file, "--same-speaker"), "--same-speaker: the segments are of 2 speakers (ann,"
    )


def test_nothing_that_is_read_is_written_over(run: Run, talk: Path, tmp_path: Path) -> None:
    segments, sound = tmp_path / "talk.txt", tmp_path / "sound.txt"
    segments.write_text("start\tend\n1\t3\n", encoding="utf-8")
    sound.write_bytes(talk.read_bytes())
    before = segments.read_bytes(), sound.read_bytes()
    for arguments in (
        (talk, "--segments", segments, "--csv", segments),
        (talk, "--segments", segments, "--format", "audacity", "--out", tmp_path),
        (sound, "--format", "audacity", "--out", tmp_path),
    ):
        refused(lambda arguments=arguments: run(*arguments), "is one of the files that are read, and would be lost")
    assert (segments.read_bytes(), sound.read_bytes()) == before
    (tmp_path / "talk.srt").write_text("mine", encoding="utf-8")
    assert run(talk, "--format", "srt", "--out", tmp_path) == f"{tmp_path / 'talk.srt'} (in place of an older one)\n"


class Microphone:
    """A stand-in for sounddevice: a device at 44.1 kHz that plays two loud seconds, three silent ones, and ends."""

    class PortAudioError(Exception):
        pass

    def __init__(self) -> None:
        self.InputStream = lambda **options: self._opened(options)
        self.rates: list[dict] = []

    def query_devices(self, kind: str) -> dict:
        assert kind == "input"
        return {"default_samplerate": 44100.0}

    def _opened(self, options: dict) -> "Microphone":
        self.rates.append(options)
        self.played = 0
        return self

    def __enter__(self) -> "Microphone":
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def read(self, frames: int) -> tuple[np.ndarray, bool]:
        if self.played >= 7 * 44100:
            raise KeyboardInterrupt
        time = (self.played + np.arange(frames)) / 44100
        self.played += frames
        sound = 0.1 * np.sin(2 * np.pi * 300 * time) * np.sin(2 * np.pi * 2 * time) ** 2 * (time < 1.9)
        return sound[:, None].astype(np.float32), False


def test_the_microphone_is_heard_each_second(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    device = Microphone()
    monkeypatch.setitem(sys.modules, "sounddevice", device)
    told = [json.loads(line) for line in run("--live", "--format", "jsonl").splitlines()]
    assert device.rates == [{"samplerate": 44100, "channels": 1, "dtype": "float32"}]
    assert device.closed
    assert [one["end"] for one in told] == pytest.approx([1, 2, 3, 4, 5], abs=0.05)  # then four silent seconds
    assert [one["start"] for one in told] == pytest.approx([0, 0, 0, 0, 1], abs=0.05)
    assert {one["path"] for one in told} == {"microphone"}
    lines = run("--live").splitlines()
    assert len(lines) == 7
    assert f"{told[0]['label']} " in lines[0] and lines[0].count("%") == 2
    assert lines[-1].strip() == "silent"


@pytest.mark.parametrize("option", [("--csv", "all.csv"), ("--segments", "s.csv"), ("--same-speaker",), ("a.wav",)])
def test_the_microphone_goes_alone(run: Run, tmp_path: Path, option: tuple[str, ...]) -> None:
    refused(lambda: run("--live", *option), "--live hears the microphone alone", "--csv, --segments and --same-speaker")


def test_a_microphone_that_is_not_there_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    device = Microphone()

    def missing(kind: str) -> dict:
        raise device.PortAudioError("Error querying device -1")

    device.query_devices = missing
    monkeypatch.setitem(sys.modules, "sounddevice", device)
    refused(lambda: run("--live"), "the microphone cannot be heard: Error querying device -1")
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    refused(lambda: run("--live"), "pip install 'hamiltone[mic]'")

    def no_library(_name: str) -> SimpleNamespace:
        raise OSError("PortAudio library not found")

    monkeypatch.setattr("hamiltone.service._microphone.import_module", no_library)
    refused(lambda: run("--live"), "PortAudio library not found: sounddevice needs it")


def test_a_table_says_who_speaks_and_all_of_one_person_are_heard_first(tmp_path: Path) -> None:
    torch.manual_seed(0)
    front = build_front(LogMelSettings(bands=16))
    network = build_network(ResidualSettings(channels=(4,), stem=4, attention=4), front.shape, 2)
    save_bundle(Recognizer(front, network, ["calm", "angry"]), tmp_path / "model")
    for name, seed in (("a", 1), ("b", 2), ("c", 3)):
        soundfile.write(tmp_path / f"{name}.wav", syllables(3, seed), RATE, subtype="FLOAT")
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    table = tmp_path / "clips.csv"
    rows = ["Path;Who", "a.wav;ann", "c.wav;cem", "b.wav;ann", "bad.wav;ann"]
    table.write_text("\n".join(rows), encoding="utf-16")
    command = ["predict", str(table), "--speaker-column", "who", "--model", str(tmp_path / "model"), "--json"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert "bad.wav" in result.stderr
    assert [one["speaker"] for one in json.loads(result.stdout)] == ["ann", "ann", "cem"]
    told = {Path(one["path"]).stem: one["scores"] for one in json.loads(result.stdout)}
    plain = Predictor(tmp_path / "model")
    for speaker, names in (("ann", "ab"), ("cem", "c")):
        adapted = plain.adapt([tmp_path / f"{name}.wav" for name in names])
        for name in names:
            path = tmp_path / f"{name}.wav"
            assert told[name] == pytest.approx(adapted.predict(path).scores, abs=1e-6), speaker
            assert told[name] != pytest.approx(plain.predict(path).scores, abs=1e-6)

    of_one = [str(tmp_path / name) for name in ("a.wav", "bad.wav", "b.wav")]
    result = CliRunner().invoke(
        app, ["predict", *of_one, "--same-speaker", "--model", str(tmp_path / "model"), "--json"]
    )
    assert (result.exit_code, result.stderr.count("bad.wav")) == (2, 1)
    assert "note: --same-speaker: 3 recordings tell little of how a voice sounds in other moods" in result.stderr
    assert {Path(one["path"]).stem: one["scores"] for one in json.loads(result.stdout)} == {
        name: pytest.approx(told[name], abs=1e-6) for name in "ab"
    }


def test_a_recording_is_no_table_of_who_speaks(run: Run, talk: Path) -> None:
    refused(
        lambda: run(talk, "--speaker-column", "who"), "is no text in UTF-8 or UTF-16; give the recordings as a text"
    )


def test_an_empty_start_and_end_make_no_part_of_a_recording(tmp_path: Path) -> None:
    table = tmp_path / "voices.csv"
    table.write_text("path,start,end,who\na.wav,nan,nan,ann\nb.wav,,,ann\n")
    assert recordings_by_speaker(table, "who") == {"ann": [tmp_path / "a.wav", tmp_path / "b.wav"]}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("path,name\na.wav,ann\n", "have no column speaker, but path, name"),
        ("path,speaker\na.wav,\n", "line 2: has no speaker"),
        ("path,speaker\na.wav,nan\n", "line 2: has no speaker"),
        ("path,start,end,speaker\na.wav,0,3,ann\n", "line 2: is a part of a recording .* --segments takes the table"),
        ("path,speaker\n", "names no recording"),
    ],
)
def test_a_table_that_does_not_say_who_speaks(tmp_path: Path, content: str, line: str) -> None:
    table = tmp_path / "clips.csv"
    table.write_text(content, encoding="utf-8")
    with pytest.raises(ServiceError, match=line):
        recordings_by_speaker(table, "speaker")


def test_only_some_classes_are_chosen_from_and_a_line_says_so(run: Run, model: Path, talk: Path) -> None:
    (found,) = json.loads(run(talk, "--only", "angry, calm", "--json", "--device", "cpu"))
    assert list(found["scores"]) == ["angry", "calm"]
    assert sum(found["scores"].values()) == pytest.approx(1)
    result = CliRunner().invoke(app, ["predict", "--model", str(model), str(talk), "--only", "angry,calm"])
    assert result.stderr.count("chosen among angry, calm alone") == 1
    assert found["notes"] == ["chosen among angry, calm alone, whose scores are made to sum to 1"]
    with pytest.raises(HamiltoneError, match="'happy' is no class of this recogniser, which knows calm, angry"):
        run(talk, "--only", "calm,happy")
    with pytest.raises(HamiltoneError, match="'gpu' is none that torch knows"):
        run(talk, "--device", "gpu")
