"""Leaks between the parts of a split: copies are found, other takes are not, and protocols have their names."""

import io
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from hamiltone.corpora import PARTS, CorpusError, Split, Utterances, audit, load_corpus, protocol_of, split_random
from hamiltone.corpora.inspect import Fingerprints, compare, correlation, fingerprint
from hamiltone.speech import load_audio

TWINS = ("03-01-03-01-02-01-07", "03-01-03-01-02-02-07")
Make = Callable[[np.ndarray], tuple[np.ndarray, int]]


def utterances_of(rows: list[dict[str, str]]) -> Utterances:
    return Utterances.from_rows(rows, corpus="made", root=Path("/"))


def split_of(parts: dict[str, str]) -> Split:
    """A split of utterance -> part."""
    return Split("made", "random", 0, {part: tuple(name for name in parts if parts[name] == part) for part in PARTS})


def coded(waveform: np.ndarray, kind: str, subtype: str, level: float) -> np.ndarray:
    file = io.BytesIO()
    soundfile.write(file, waveform, 16000, format=kind, subtype=subtype, compression_level=level)
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0]


COPIES: dict[str, Make] = {
    "softer": lambda x: (x * 0.3, 16000),
    "upside down": lambda x: (-x, 16000),
    "at 44.1 kHz": lambda x: (soxr.resample(x, 16000, 44100), 44100),
    "at 8 kHz": lambda x: (soxr.resample(x, 16000, 8000), 8000),
    "20 ms later": lambda x: (np.concatenate([np.zeros(320, np.float32), x]), 16000),
    "23 ms earlier": lambda x: (x[368:], 16000),
    "an odd number of samples later": lambda x: (np.concatenate([np.zeros(101, np.float32), x]), 16000),
    "later by parts of a sample": lambda x: (soxr.resample(x, 16000, 44100)[17:], 44100),
    "MP3": lambda x: (coded(x, "MP3", "MPEG_LAYER_III", 0.9), 16000),
    "Vorbis": lambda x: (coded(x, "OGG", "VORBIS", 0.6), 16000),
    "trimmed": lambda x: (x[len(x) // 10 : -len(x) // 10], 16000),
    "noisy (20 dB)": lambda x: (
        x + np.random.default_rng(0).normal(0, 0.1 * np.sqrt((x**2).mean()), len(x)).astype(np.float32),
        16000,
    ),
    "all at once": lambda x: (
        np.pad(coded(soxr.resample(x, 16000, 8000) * 0.4, "MP3", "MPEG_LAYER_III", 0.5), (0, 160)),
        8000,
    ),
}


@pytest.fixture(scope="module")
def loud(speech_data: Path) -> list[Path]:
    """One clip of each of twelve actors, loud enough to be softened."""
    table = load_corpus("ravdess", speech_data / "ravdess").table
    angry = table.loc[table["utterance"].str.startswith("03-01-05-02-01-01") & (table["speaker"] != "09")]
    return [Path(path) for path in angry["path"]][:12]


@pytest.mark.parametrize("how", COPIES)
def test_copies_are_found(tmp_path: Path, loud: list[Path], how: str):
    rows, parts = [], {}
    for number, path in enumerate(loud):
        samples, rate = COPIES[how](load_audio(path))
        copy = tmp_path / f"{number}.wav"
        soundfile.write(copy, np.clip(samples, -1, 1), rate, subtype="PCM_16")
        for name, place, part in ((f"{number:02} a", path, "train"), (f"{number:02} b", copy, "test")):
            rows.append({"utterance": name, "path": str(place)})
            parts[name] = part
    found = audit(utterances_of(rows), split_of(parts))
    expected = [(f"{number:02} a", f"{number:02} b") for number in range(len(loud))]
    assert [pair.utterances for pair in found.leaks] == expected
    assert found.leaking
    assert {pair.parts for pair in found.leaks} == {("train", "test")}
    if how == "20 ms later":
        assert [pair.shift_seconds for pair in found.leaks] == pytest.approx([0.02] * len(loud), abs=0.009)


@pytest.mark.parametrize("name", ["ravdess", "fsdd"])
def test_other_takes_are_no_copies(speech_data: Path, name: str):
    """RAVDESS says each sentence twice in each emotion, FSDD each digit 45 times: by the same speaker, in one room."""
    utterances = load_corpus(name, speech_data / name)
    wanted = utterances.table["speaker"].isin(["01", "02", "03", "04", "07", "08", "11", "12", "george", "theo"])
    utterances = utterances.select(wanted.to_numpy())
    assert len(utterances) >= 480
    halves = {row: "train" if number % 2 else "test" for number, row in enumerate(utterances.table["utterance"])}
    halves |= {twin: part for twin, part in zip(TWINS, ("train", "test"), strict=True) if twin in halves}
    parts = {part: tuple(row for row in halves if halves[row] == part) for part in PARTS}
    found = audit(utterances, Split(name, "random", 0, parts))
    assert [pair.utterances for pair in found.pairs] == ([TWINS] if name == "ravdess" else [])
    assert found.leaking == (name == "ravdess")


def test_twins_on_one_side_leak_nothing(speech_data: Path):
    whole = load_corpus("ravdess", speech_data / "ravdess")
    utterances = whole.select((whole.table["speaker"] == "07").to_numpy())
    found = audit(utterances, split_random(utterances))
    assert [pair.utterances for pair in found.pairs] == [TWINS]
    assert (found.leaks, found.leaking) == ([], False)
    assert len(found.as_json()["copies_within_a_part"]) == 1
    json.dumps(found.as_json(), allow_nan=False)


def test_fingerprints_are_taken_once(tmp_path: Path, record, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HAMILTONE_CACHE", str(tmp_path / "cache"))
    rows = [
        {"utterance": name, "path": str(record(tmp_path / f"{name}.wav", seed, 9000))}
        for seed, name in enumerate("abc")
    ]
    utterances, split = utterances_of(rows), split_of({"a": "train", "b": "validation", "c": "test"})

    def steps() -> list[str]:
        told: list[str] = []
        assert not audit(utterances, split, report=lambda what, *_: told.append(what)).leaking
        return told

    again = ["looking at recordings"] * 3
    assert steps() == again + ["taking fingerprints"] * 3
    assert steps() == again
    stored = next((tmp_path / "cache" / "fingerprints").glob("*.npz"))
    stored.write_bytes(stored.read_bytes()[:100])
    assert "taking fingerprints" in steps()
    record(tmp_path / "b.wav", 7, 9000)
    assert "taking fingerprints" in steps()


def test_silence_is_like_nothing(tmp_path: Path):
    rows = []
    for name in "abc":
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(16000), 16000)
        rows.append({"utterance": name, "path": str(tmp_path / f"{name}.wav")})
    assert audit(utterances_of(rows), split_of({"a": "train", "b": "test", "c": "test"})).pairs == ()


def test_segments_of_one_recording_in_two_parts(tmp_path: Path, record):
    path = str(record(tmp_path / "a.wav", 1, 32000))
    rows = [{"utterance": "a", "path": path, "end": 1.0}, {"utterance": "b", "path": path, "start": 1.0}]
    found = audit(utterances_of(rows), split_of({"a": "train", "b": "test"}))
    assert (found.protocol.recordings, found.leaking, found.leaks) == ((path,), True, [])
    assert found.protocol.line.endswith("1 recording lies in several parts")


def test_unreadable_audio_is_named(tmp_path: Path):
    rows = [{"utterance": "a", "path": str(tmp_path / "gone.wav")}]
    with pytest.raises(CorpusError, match=r"gone\.wav cannot be read"):
        audit(utterances_of(rows), split_of({"a": "train"}))


def bits_by_definition(waveform: np.ndarray) -> Iterator[int]:
    """Frame by frame and band by band, as the paper has it."""
    window, hop = np.hanning(2048), 96
    edges = [round(300 * (3400 / 300) ** (band / 33) * 2048 / 8000) for band in range(34)]
    padded = np.pad(soxr.resample(waveform, 16000, 8000).astype(np.float64), 1024)
    before = None
    for start in range(0, len(padded) - 2048 + 1, hop):
        spectrum = np.abs(np.fft.fft(padded[start : start + 2048] * window)) ** 2
        energy = [spectrum[low:high].sum() for low, high in itertools.pairwise(edges)]
        if before is not None:
            yield sum(
                1 << band
                for band in range(32)
                if energy[band] - energy[band + 1] - (before[band] - before[band + 1]) > 0
            )
        before = energy


def test_bits_agree_with_the_definition():
    waveform = np.random.default_rng(3).normal(0, 0.1, 20000).astype(np.float32)
    bits, active = fingerprint(waveform)
    expected = np.array(list(bits_by_definition(waveform)), dtype=np.uint32)
    assert bits.shape == active.shape == expected.shape
    assert np.bitwise_count(bits ^ expected).sum() <= 3  # single against double precision
    assert active[len(active) // 2]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 60), st.integers(-70, 70))
def test_differing_bits_are_counted(seed: int, one: int, other: int, offset: int):
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2**32, one + other, dtype=np.uint32)
    active = rng.random(one + other) < 0.8
    prints = Fingerprints(bits, active, np.array([0, one, one + other]))
    pairs = [
        (place, one + place + offset)
        for place in range(one)
        if 0 <= place + offset < other and active[place] and active[one + place + offset]
    ]
    found = compare(prints, 0, 1, offset)
    if len(pairs) < max(10, 0.8 * min(active[:one].sum(), active[one:].sum())):
        assert found is None
    else:
        differing = sum((int(bits[here]) ^ int(bits[there])).bit_count() for here, there in pairs)
        assert found == pytest.approx(differing / (32 * len(pairs)))


def test_correlation_of_a_shifted_copy_and_of_noise():
    rng = np.random.default_rng(0)
    one = rng.normal(0, 0.1, 16000).astype(np.float32)
    assert correlation(one, -0.2 * np.concatenate([np.zeros(500, np.float32), one[:12000]])) > 0.99
    assert correlation(one, rng.normal(0, 0.1, 16000).astype(np.float32)) < 0.2
    assert correlation(one, np.zeros(100, np.float32)) == 0.0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 400), st.integers(1, 7))
def test_correlation_of_a_copy_shifted_by_any_part_of_a_sample(seed: int, shift: int, parts: int):
    """White noise at 16 kHz is the hardest: half of what is compared lies above 2 kHz."""
    fine = np.repeat(np.random.default_rng(seed).normal(0, 0.1, 4000), 4)
    fine = np.convolve(fine, np.hanning(9), mode="same")  # at 64 kHz
    one, other = (scipy.signal.resample_poly(fine[start:], 1, 4).astype(np.float32) for start in (0, 4 * shift + parts))
    assert correlation(one, other) > 0.97


def row(name: str, **columns: str) -> dict[str, str]:
    return {"utterance": name, "path": f"/{name}.wav", **columns}


@pytest.mark.parametrize(
    ("test", "line"),
    [
        (
            {"speaker": "3", "text": "Gamma"},
            "speaker-independent, text-independent: of 1 test speaker, 0 in training, 0 in validation; "
            "of 1 test text, 0 in training, 0 in validation",
        ),
        (
            {"speaker": "3", "text": "alpha; ALPHA!"},
            "speaker-independent, not text-independent: of 1 test speaker, 0 in training, 0 in validation; "
            "of 1 test text, 1 in training, 0 in validation",
        ),
        (
            {"speaker": "1", "text": "beta"},
            "not speaker-independent, text-independent in training but not in validation: of 1 test speaker, 1 in "
            "training, 0 in validation; of 1 test text, 0 in training, 1 in validation",
        ),
        (
            {"speaker": "1", "word": "alpha alpha"},
            "neither speaker-independent nor text-independent: of 1 test speaker, 1 in training, 0 in validation; "
            "of 1 test text, 1 in training, 0 in validation",
        ),
        (
            {"speaker": "2"},
            "speaker-independent in training but not in validation, texts are not known: "
            "of 1 test speaker, 0 in training, 1 in validation",
        ),
        ({}, "speakers are not known, texts are not known"),
    ],
)
def test_protocols(test: dict[str, str], line: str):
    rows = [
        row("a", speaker="1", text="Alpha, alpha."),
        row("b", speaker="2", text="Beta."),
        row("c", **test),
    ]
    found = protocol_of(utterances_of(rows), split_of({"a": "train", "b": "validation", "c": "test"}))
    assert found.line == line
    assert found.speaker_independent == line.startswith("speaker-independent, ")
    assert found.text_independent == ("text-independent:" in line and "not text-" not in line and "nor" not in line)


def test_some_that_are_not_known():
    rows = [row("a", speaker="1"), row("b", speaker="2"), row("c", speaker="3"), row("d")]
    found = protocol_of(utterances_of(rows), split_of({"a": "train", "b": "validation", "c": "test", "d": "train"}))
    assert not found.speaker_independent
    assert found.line.startswith("speaker-independent as far as speakers are known, ")
    assert found.line.endswith("0 in validation (1 clip without speaker)")


def test_equal_contents_are_one_recording():
    split = split_of({"a": "train", "b": "validation", "c": "test"})
    contents = {"/a.wav": "x", "/b.wav": "y", "/c.wav": "x"}
    assert protocol_of(utterances_of([row("a"), row("b"), row("c")]), split, contents).recordings == ("x",)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("123"), st.sampled_from("xyz"), st.sampled_from(PARTS)), max_size=12))
def test_independence_is_disjointness(clips: list[tuple[str, str, str]]):
    rows = [row(str(number), speaker=speaker, text=text) for number, (speaker, text, _) in enumerate(clips)]
    found = protocol_of(utterances_of(rows), split_of({str(number): clip[2] for number, clip in enumerate(clips)}))
    for place, independent in ((0, found.speaker_independent), (1, found.text_independent)):
        tested = {clip[place] for clip in clips if clip[2] == "test"}
        heard = {clip[place] for clip in clips if clip[2] != "test"}
        assert independent == (bool(tested) and not tested & heard)
