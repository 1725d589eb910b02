"""What the page does with sound, in Node: its resampler against soxr, and the rates that headers give."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from jaxtyping import Float32

import hamiltone.service
from hamiltone.audio._sounds import mixed

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="no node on the PATH")

PAGE = Path(hamiltone.service.__file__).with_name("page")
# Of each job: the rates, a file of float32 samples, and a file for those that come of them.
RESAMPLE = """
import { readFileSync, writeFileSync } from "node:fs";
const { resampled } = await import(process.argv[2]);
for (const { from, to, given, made } of JSON.parse(readFileSync(0, "utf8"))) {
  const bytes = readFileSync(given);
  const samples = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  writeFileSync(made, new Uint8Array((await resampled(samples, from, to)).buffer));
}
"""
READ_RATES = """
import { readFileSync } from "node:fs";
const { sampleRate } = await import(process.argv[2]);
const rates = JSON.parse(readFileSync(0, "utf8")).map((path) => {
  const bytes = readFileSync(path);
  return sampleRate(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
});
console.log(JSON.stringify(rates));
"""
RATES = [44100, 48000, 96000, 22050, 8000, 11025, 24414, 32000, 192000]
EDGE = 200
"""Samples near either end, where soxr's own stages have nothing before the recording that they could filter."""


def node(script: str, module: str, request: object, folder: Path) -> str:
    path = folder / "script.mjs"
    path.write_text(script)
    modules = folder / "page"
    if not modules.is_dir():
        shutil.copytree(PAGE, modules)
        (modules / "package.json").write_text('{"type": "module"}')
    done = subprocess.run(
        ["node", path, (modules / module).as_uri()],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def resampled(
    jobs: list[tuple[int, Float32[np.ndarray, "_"]]], folder: Path, to: int = 16000
) -> list[Float32[np.ndarray, "_"]]:
    requests = []
    for number, (rate, samples) in enumerate(jobs):
        given, made = folder / f"{number}.given", folder / f"{number}.made"
        given.write_bytes(samples.tobytes())
        requests.append({"from": rate, "to": to, "given": str(given), "made": str(made)})
    node(RESAMPLE, "resampling.js", requests, folder)
    return [np.fromfile(request["made"], np.float32) for request in requests]


def by_soxr(samples: Float32[np.ndarray, "_"], rate: int) -> Float32[np.ndarray, "_"]:
    """As ``load_audio`` resamples."""
    stream = soxr.ResampleStream(rate, 16000, 1, dtype="float32", quality="HQ")
    return np.concatenate(
        [stream.resample_chunk(samples), stream.resample_chunk(np.zeros(0, np.float32), last=True)],
    )


def sounds(rate: int, seconds: float = 1.5) -> dict[str, Float32[np.ndarray, "_"]]:
    """Of full scale; frequencies relative to the lower of the two Nyquist frequencies."""
    times = np.arange(round(seconds * rate) + 7) / rate
    nyquist = min(rate, 16000) / 2
    made = {
        "noise": np.random.default_rng(0).uniform(-1, 1, len(times)),
        "low tone": np.sin(2 * np.pi * 0.03 * nyquist * times + 0.5),
        "high tone": np.sin(2 * np.pi * 0.9 * nyquist * times + 0.5),
        "chirp": np.sin(np.pi * rate / 2 * times**2 / times[-1]),
        "step": np.ones(len(times)),
    }
    return {name: samples.astype(np.float32) for name, samples in made.items()}


def test_it_resamples_as_soxr_does(tmp_path: Path) -> None:
    names = [(rate, name, samples) for rate in RATES for name, samples in sounds(rate).items()]
    results = resampled([(rate, samples) for rate, _, samples in names], tmp_path)
    # Where soxr's filter is between passing and stopping, its shape depends a little on the rate.
    bounds = {"low tone": 5e-6, "high tone": 2e-3, "step": 5e-6, "noise": 5e-3, "chirp": 1e-2}
    for (rate, name, samples), result in zip(names, results, strict=True):
        expected = by_soxr(samples, rate)
        assert len(result) == len(expected), (rate, name)
        difference = np.abs(result - expected)
        assert difference[EDGE:-EDGE].max() < bounds[name], (rate, name)
        assert difference.max() < 0.06, (rate, name)
        if rate in (8000, 32000, 48000):  # of a whole ratio: soxr begins as we do
            assert difference.max() < 2e-3, (rate, name)


def test_a_tone_comes_through_whole_or_not_at_all(tmp_path: Path) -> None:
    jobs, passing = [], []
    for rate in (48000, 44100, 96000, 22050):
        times = np.arange(rate) / rate
        for frequency in (100, 3000, 7300, 8000, 8500, 10_000):
            jobs.append((rate, np.sin(2 * np.pi * frequency * times).astype(np.float32)))
            passing.append(frequency if frequency < 0.913 * 8000 else None)
    for frequency, result in zip(passing, resampled(jobs, tmp_path), strict=True):
        middle = slice(1000, -1000)
        expected = np.zeros(16000) if frequency is None else np.sin(2 * np.pi * frequency * np.arange(16000) / 16000)
        assert np.abs(result - expected)[middle].max() < 3e-6  # -110 dB, some of it the rounding to float32


def test_lengths_are_those_of_soxr(tmp_path: Path) -> None:
    jobs = [(rate, np.ones(count, np.float32)) for rate in RATES for count in (1, 2, 3, 50, 999, 1000, 4097)]
    for (rate, samples), result in zip(jobs, resampled(jobs, tmp_path), strict=True):
        assert len(result) == len(by_soxr(samples, rate)), (rate, len(samples))


def test_blocks_leave_no_seam(tmp_path: Path) -> None:
    """A block of what is made has 2**18 samples."""
    rate, frequency = 44100, 440
    samples = np.sin(2 * np.pi * frequency * np.arange(40 * rate) / rate).astype(np.float32)
    (result,) = resampled([(rate, samples)], tmp_path)
    assert len(result) == 40 * 16000 > 2 * (1 << 18)
    expected = np.sin(2 * np.pi * frequency * np.arange(len(result)) / 16000)
    assert np.abs(result - expected)[EDGE:-EDGE].max() < 3e-6


FOLD = """
import { readFileSync } from "node:fs";
const { folded } = await import(process.argv[2]);
const { line, stretches } = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(folded(line, stretches)));
"""


def test_close_points_of_the_areas_are_drawn_as_their_mean(tmp_path: Path) -> None:
    shares = np.random.default_rng(0).uniform(size=602)
    times = [0, *(np.arange(600) + 0.5), 600]
    line = [
        {"time": time, "scores": {"sad": share, "calm": 1 - share}} for time, share in zip(times, shares, strict=True)
    ]
    few = json.loads(node(FOLD, "drawing.js", {"line": line, "stretches": 60}, tmp_path))
    assert [few[0], few[-1]] == [line[0], line[-1]]
    means = shares[1:-1].reshape(60, 10).mean(axis=1)
    assert [point["scores"]["sad"] for point in few[1:-1]] == pytest.approx(means)
    assert [point["time"] for point in few[1:-1]] == pytest.approx(np.arange(60) * 10 + 5)
    assert all(sum(point["scores"].values()) == pytest.approx(1) for point in few)
    assert json.loads(node(FOLD, "drawing.js", {"line": line, "stretches": 600}, tmp_path)) == line


@pytest.mark.parametrize(
    ("kind", "subtype", "rate"),
    [
        ("WAV", "PCM_16", 44100),
        ("WAV", "FLOAT", 11025),
        ("WAVEX", "PCM_24", 96000),
        ("RF64", "PCM_16", 48000),
        ("AIFF", "PCM_16", 22050),
        ("FLAC", "PCM_16", 24414),
        ("OGG", "VORBIS", 32000),
        ("MP3", "MPEG_LAYER_III", 44100),
        ("MP3", "MPEG_LAYER_III", 16000),
        ("MP3", "MPEG_LAYER_III", 8000),
    ],
)
def test_the_rate_is_read_from_a_header(kind: str, subtype: str, rate: int, tmp_path: Path) -> None:
    suffix = {"WAVEX": ".wav", "RF64": ".wav"}.get(kind, f".{kind.lower()}")
    path, tagged = tmp_path / f"sound{suffix}", tmp_path / f"tagged{suffix}"
    soundfile.write(path, np.sin(np.arange(rate) / 9), rate, format=kind, subtype=subtype)
    # A tag of 300 bytes, its size in seven bits of each byte, and padding.
    tagged.write_bytes(b"ID3\x04\x00\x00\x00\x00\x02\x2c" + bytes(300) + path.read_bytes())
    files = [str(path), str(tagged)] if kind in ("FLAC", "MP3") else [str(path)]
    assert json.loads(node(READ_RATES, "sample-rate.js", files, tmp_path)) == [rate] * len(files)


def test_opus_has_48_khz_and_what_is_not_known_has_none(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.opus", np.sin(np.arange(16000) / 9), 16000, format="OGG", subtype="OPUS")
    wav = tmp_path / "b.wav"
    soundfile.write(wav, np.zeros(100), 44100)
    others = {
        "empty": b"",
        "text": b"not a sound",
        "cut": wav.read_bytes()[:20],
        "no format": b"RIFF\x04\x00\x00\x00WAVE",
        "m4a": b"\x00\x00\x00\x20ftypM4A " + bytes(100),
        "aac": b"\xff\xf1\x50\x80" + bytes(100),
        "zeros": bytes(100),
    }
    paths = [tmp_path / "a.opus"]
    for name, content in others.items():
        (tmp_path / name).write_bytes(content)
        paths.append(tmp_path / name)
    rates = json.loads(node(READ_RATES, "sample-rate.js", [str(path) for path in paths], tmp_path))
    assert rates == [48000] + [None] * len(others)


MIX = """
import { readFileSync } from "node:fs";
const { mono } = await import(process.argv[2]);
const mixed = JSON.parse(readFileSync(0, "utf8")).map((channels) => {
  const data = channels.map((channel) => Float32Array.from(channel));
  const buffer = { numberOfChannels: data.length, length: data[0].length, getChannelData: (number) => data[number] };
  return [...mono(buffer)];
});
console.log(JSON.stringify(mixed));
"""


def test_it_mixes_channels_as_the_package_does(tmp_path: Path) -> None:
    """Also those in opposite phase, which a mean takes away."""
    first, second = np.random.default_rng(0).normal(0, 0.1, (2, 3000)).astype(np.float32)
    kinds = [[first], [first, second], [first, -first], [0.1 * first, 0.9 * first, -first], [first + 1, 1 - first]]
    made = json.loads(node(MIX, "audio.js", [[channel.tolist() for channel in kind] for kind in kinds], tmp_path))
    for kind, result in zip(kinds, made, strict=True):
        np.testing.assert_allclose(result, mixed(np.stack(kind, axis=1)), atol=1e-6)
    assert np.std(made[2]) > 0.05
