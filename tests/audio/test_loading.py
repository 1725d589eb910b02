"""Sound files that are as they should be: what is read is what was written."""

import itertools
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from hamiltone.audio import SAMPLE_RATE, audio_duration, load_audio, stream_audio

LOSSLESS = [
    ("WAV", "PCM_U8", 1 / 64),
    ("WAV", "PCM_16", 2e-4),
    ("WAV", "PCM_24", 1e-4),
    ("WAV", "PCM_32", 1e-4),
    ("WAV", "FLOAT", 1e-4),
    ("WAV", "DOUBLE", 1e-4),
    ("WAV", "ULAW", 0.02),
    ("WAVEX", "PCM_16", 2e-4),
    ("RF64", "PCM_16", 2e-4),
    ("FLAC", "PCM_S8", 1 / 64),
    ("FLAC", "PCM_16", 2e-4),
    ("FLAC", "PCM_24", 1e-4),
    ("AIFF", "PCM_16", 2e-4),
    ("AIFF", "PCM_24", 1e-4),
    ("AIFF", "FLOAT", 1e-4),
    ("AIFF", "ALAW", 0.02),
]
LOSSY = [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("WAV", "IMA_ADPCM"), ("WAV", "MS_ADPCM")]
RATES = [1000, 8000, 11025, 16000, 22050, 24414, 44100, 48000, 96000, 768000]


def tone(rate: int, seconds: float = 0.5, frequency: float = 220.0, channels: int = 1) -> np.ndarray:
    """Channels of equal frequency and phase whose amplitudes are 0.5 on average."""
    times = np.arange(round(rate * seconds)) / rate
    amplitudes = np.linspace(0.3, 0.7, channels) if channels > 1 else np.array([0.5])
    return np.sin(2 * np.pi * frequency * times)[:, None] * amplitudes


def ideal(samples: int, frequency: float = 220.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(samples) / SAMPLE_RATE)


def inner(waveform: np.ndarray) -> np.ndarray:
    """Away from the ends, where a resampler sees the silence outside."""
    return waveform[1600:-1600]


def noise(samples: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.9, 0.9, (samples, channels)).astype(np.float32)


@pytest.mark.parametrize(("container", "subtype", "error"), LOSSLESS)
@pytest.mark.parametrize("channels", [1, 5])
def test_sample_formats(tmp_path: Path, container: str, subtype: str, error: float, channels: int) -> None:
    path = tmp_path / "tone"
    soundfile.write(path, tone(44100, channels=channels), 44100, format=container, subtype=subtype)
    waveform = load_audio(path)
    assert waveform.dtype == np.float32
    assert waveform.shape == (8000,)
    assert np.abs(inner(waveform) - inner(ideal(8000))).max() < error
    assert audio_duration(path) == 0.5


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2])
def test_rates(tmp_path: Path, rate: int, channels: int) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(rate, channels=channels), rate, subtype="FLOAT")
    waveform = load_audio(str(path))
    frames = round(rate * 0.5)
    assert len(waveform) == round(frames * SAMPLE_RATE / rate)
    assert np.abs(inner(waveform) - inner(ideal(len(waveform)))).max() < 1e-4
    assert audio_duration(str(path)) == frames / rate


@pytest.mark.parametrize(("container", "subtype"), LOSSY)
@pytest.mark.parametrize("channels", [1, 2])
def test_lossy_formats(tmp_path: Path, container: str, subtype: str, channels: int) -> None:
    path = tmp_path / "tone"
    soundfile.write(path, tone(48000, 1.0, channels=channels), 48000, format=container, subtype=subtype)
    waveform = load_audio(path)
    # ADPCM fills its last block.
    assert 16000 <= len(waveform) <= 16000 + 700
    assert audio_duration(path) == pytest.approx(len(waveform) / SAMPLE_RATE, abs=1e-4)
    spectrum = np.abs(np.fft.rfft(waveform[:16000] * np.hanning(16000)))
    assert spectrum.argmax() == 220
    expected = inner(ideal(16000))
    assert np.corrcoef(inner(waveform[:16000]), expected)[0, 1] > 0.995
    assert inner(waveform[:16000]) @ expected / (expected @ expected) == pytest.approx(1, abs=0.03)


def test_nothing_above_the_new_half_rate_folds_down(tmp_path: Path) -> None:
    path = tmp_path / "high.wav"
    soundfile.write(path, tone(48000, frequency=11000.0), 48000, subtype="FLOAT")
    assert np.abs(inner(load_audio(path))).max() < 1e-4


@settings(max_examples=30, deadline=None)
@given(samples=st.integers(1, 3000), channels=st.integers(1, 7), seed=st.integers(0, 99))
def test_at_16_khz_the_channels_mean_is_exact(
    tmp_path_factory: pytest.TempPathFactory, samples: int, channels: int, seed: int
) -> None:
    path = tmp_path_factory.mktemp("exact") / "noise.wav"
    # Channels of one sign: a few samples of independent noise may cancel, and are then no mean but one of them.
    data = noise(samples, 1, seed) * np.linspace(1, 5, channels, dtype=np.float32)
    soundfile.write(path, data, SAMPLE_RATE, subtype="FLOAT")
    np.testing.assert_array_equal(load_audio(path), data.astype(np.float64).mean(axis=1).astype(np.float32))


def test_values_beyond_full_scale_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "loud.wav"
    data = np.array([[9e9, 9e9], [-2.5, -2.5]], np.float32)
    soundfile.write(path, data, SAMPLE_RATE, subtype="FLOAT")
    np.testing.assert_array_equal(load_audio(path), data[:, 0])


@pytest.mark.parametrize(("container", "subtype", "error"), [*LOSSLESS, *((c, s, 0.1) for c, s in LOSSY)])
@pytest.mark.parametrize(
    "name", ["no-suffix", "wrong.wav", "wrong.mp3", "wrong.raw", "wrong.vox", "wrong.txt", "Ü ñ.x"]
)
def test_the_content_decides_not_the_suffix(
    tmp_path: Path, container: str, subtype: str, error: float, name: str
) -> None:
    path = tmp_path / name
    soundfile.write(tmp_path / "right", tone(16000), 16000, format=container, subtype=subtype)
    (tmp_path / "right").rename(path)
    assert np.abs(inner(load_audio(path)[:8000]) - inner(ideal(8000))).max() < error


@pytest.mark.parametrize(
    ("container", "subtype"), [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("AIFF", "PCM_16"), ("WAV", "GSM610"), *LOSSY]
)
@pytest.mark.parametrize("rate", [16000, 44100])
def test_a_stream_is_the_whole_bit_for_bit(tmp_path: Path, container: str, subtype: str, rate: int) -> None:
    rate = 48000 if subtype == "OPUS" else rate
    channels = 1 if subtype == "GSM610" else 2
    path = tmp_path / "noise"
    soundfile.write(path, noise(270_000, channels), rate, format=container, subtype=subtype)
    whole = load_audio(path)
    for seconds in (0.01, 0.37, 1.0, 30.0):
        blocks = list(stream_audio(path, block_seconds=seconds))
        assert {len(block) for block in blocks[:-1]} <= {round(seconds * SAMPLE_RATE)}
        assert 0 < len(blocks[-1]) <= round(seconds * SAMPLE_RATE)
        np.testing.assert_array_equal(np.concatenate(blocks), whole)


@settings(max_examples=25, deadline=None)
@given(samples=st.integers(100, 20_000), rate=st.integers(4000, 60_000), block=st.floats(0.001, 1.5))
def test_a_stream_is_the_whole_at_any_rate(
    tmp_path_factory: pytest.TempPathFactory, samples: int, rate: int, block: float
) -> None:
    path = tmp_path_factory.mktemp("stream") / "noise.wav"
    soundfile.write(path, noise(samples), rate)
    whole = load_audio(path)
    assert abs(len(whole) - samples * SAMPLE_RATE / rate) <= 0.5
    np.testing.assert_array_equal(np.concatenate(list(stream_audio(path, block_seconds=block))), whole)


def test_blocks_do_not_share_memory(tmp_path: Path) -> None:
    path = tmp_path / "noise.wav"
    soundfile.write(path, noise(1000), SAMPLE_RATE)
    blocks = list(stream_audio(path, block_seconds=0.02))
    assert not any(np.shares_memory(a, b) for a, b in itertools.pairwise(blocks))


@pytest.mark.parametrize("rate", [16000, 48000])
def test_the_memory_of_a_stream_is_bounded(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(rate * 240, np.int16), rate)
    tracemalloc.start()
    try:
        samples = sum(len(block) for block in stream_audio(path, block_seconds=1.0))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert samples == 240 * SAMPLE_RATE
    assert peak < 6e6 < samples * 4 / 2


@pytest.mark.parametrize(
    ("container", "subtype"),
    [("WAV", "PCM_16"), ("WAV", "MS_ADPCM"), ("FLAC", "PCM_16"), ("AIFF", "PCM_24"), ("OGG", "VORBIS"), ("MP3", None)],
)
def test_a_segment_is_a_part_of_the_whole(tmp_path: Path, container: str, subtype: str | None) -> None:
    path = tmp_path / "noise"
    soundfile.write(path, noise(80_000), SAMPLE_RATE, format=container, subtype=subtype)
    whole = load_audio(path)
    seconds = len(whole) / SAMPLE_RATE
    for start, end in [(1.0, 2.5), (0.0, 0.5), (None, 2.0), (3.25, None), (4.999, 5.0), (4.0, seconds + 0.005)]:
        first, last = round((start or 0) * SAMPLE_RATE), round((end or seconds) * SAMPLE_RATE)
        np.testing.assert_array_equal(load_audio(path, start=start, end=end), whole[first:last])


def test_a_segment_at_another_rate(tmp_path: Path) -> None:
    path = tmp_path / "tone.flac"
    soundfile.write(path, tone(44100, 3.0), 44100, subtype="PCM_24")
    segment = load_audio(path, start=1.0, end=2.0)
    assert len(segment) == SAMPLE_RATE
    assert np.abs(inner(segment) - inner(ideal(48000)[16000:32000])).max() < 1e-4


def test_only_the_segment_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "noise.flac"
    soundfile.write(path, noise(800_000), SAMPLE_RATE)
    asked: list[int] = []
    read = soundfile.SoundFile.read
    monkeypatch.setattr(
        soundfile.SoundFile, "read", lambda self, frames, **rest: asked.append(frames) or read(self, frames, **rest)
    )
    assert len(load_audio(path, start=40.0, end=41.0, maximum_seconds=2.0)) == SAMPLE_RATE
    assert sum(asked) == SAMPLE_RATE


def test_formats_that_cannot_seek_have_segments(tmp_path: Path) -> None:
    path = tmp_path / "gsm.wav"
    soundfile.write(path, tone(8000, 2.0), 8000, subtype="GSM610")
    whole = load_audio(path)
    segment = load_audio(path, start=0.5, end=1.5)
    assert np.abs(inner(segment) - inner(whole[8000:24000])).max() < 1e-3


class TestUnknownLength:
    """Writers into a pipe cannot fill in the length afterwards."""

    @pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF000, 0x80000000, 0xFFFFFFFF - 36])
    @pytest.mark.parametrize(("container", "riff_size"), [("WAV", 0), ("WAV", 36), ("WAVEX", 0xFFFFFFFF)])
    def test_wav(self, tmp_path: Path, size: int, container: str, riff_size: int) -> None:
        path = tmp_path / "noise.wav"
        soundfile.write(path, noise(300_000, 2), 48000, format=container, subtype="PCM_16")
        whole = load_audio(path)
        content = bytearray(path.read_bytes())
        position = content.index(b"data") + 4
        content[position : position + 4] = struct.pack("<I", size)
        content[4:8] = struct.pack("<I", riff_size)
        path.write_bytes(content)
        np.testing.assert_array_equal(load_audio(path), whole)
        np.testing.assert_array_equal(np.concatenate(list(stream_audio(path))), whole)
        np.testing.assert_array_equal(load_audio(path, end=1.0), load_audio(path, start=0.0, end=1.0))
        assert audio_duration(path) == 6.25

    @pytest.fixture
    def endless_flac(self, tmp_path: Path) -> Path:
        path = tmp_path / "noise.flac"
        soundfile.write(path, noise(300_000), SAMPLE_RATE)
        content = bytearray(path.read_bytes())
        content[21] &= 0xF0  # STREAMINFO's number of samples: 36 bits, 0 if unknown
        content[22:26] = bytes(4)
        path.write_bytes(content)
        return path

    def test_flac(self, endless_flac: Path) -> None:
        expected = (noise(300_000)[:, 0] * 2**15).round() / 2**15
        whole = load_audio(endless_flac)
        assert len(whole) == 300_000
        assert np.abs(whole - expected).max() < 1e-4
        np.testing.assert_array_equal(np.concatenate(list(stream_audio(endless_flac))), whole)
        np.testing.assert_array_equal(load_audio(endless_flac, start=17.0, end=18.0), whole[272_000:288_000])
        assert audio_duration(endless_flac) == 18.75


def test_a_missing_pad_byte_is_no_truncation_of_a_wav(tmp_path: Path) -> None:
    path = tmp_path / "odd.wav"
    soundfile.write(path, noise(8001), SAMPLE_RATE, subtype="PCM_U8")
    whole, content = load_audio(path), path.read_bytes()
    assert len(content) == content.index(b"data") + 8 + 8001 + 1
    path.write_bytes(content[:-1])
    np.testing.assert_array_equal(load_audio(path), whole)


@pytest.mark.parametrize("promised", [8001, 8002])
def test_a_missing_pad_byte_is_no_truncation_of_an_aiff(tmp_path: Path, promised: int) -> None:
    """Some writers count the pad byte in the chunk's size; the number of frames decides."""
    path = tmp_path / "odd.aiff"
    soundfile.write(path, noise(8002), SAMPLE_RATE, subtype="PCM_S8")
    whole, content = load_audio(path), bytearray(path.read_bytes())
    frames, size = content.index(b"COMM") + 10, content.index(b"SSND") + 4
    assert content[frames : frames + 4] == struct.pack(">I", 8002)
    content[frames : frames + 4] = struct.pack(">I", 8001)
    content[size : size + 4] = struct.pack(">I", promised + 8)
    path.write_bytes(content[:-1])
    np.testing.assert_array_equal(load_audio(path), whole[:8001])


def test_chunks_before_and_after_the_sound(tmp_path: Path) -> None:
    path = tmp_path / "chunks.wav"
    soundfile.write(path, noise(4000), SAMPLE_RATE)
    whole, content = load_audio(path), path.read_bytes()
    extra = b"junk" + struct.pack("<I", 5) + b"data!" + b"\0"
    content = content[:12] + extra + content[12:] + b"LIST" + struct.pack("<I", 4) + b"INFO"
    path.write_bytes(content[:4] + struct.pack("<I", len(content) - 8) + content[8:])
    np.testing.assert_array_equal(load_audio(path), whole)


class TestRealRecordings:
    def pairs(self, speech_data: Path, corpus: str) -> list[tuple[Path, Path]]:
        originals = sorted((speech_data / "original-layout" / corpus).rglob("*.wav"))
        found = [
            (path, speech_data / path.relative_to(speech_data / "original-layout").with_suffix(".flac"))
            for path in originals
        ]
        assert found
        return [pair for pair in found if pair[1].is_file()]

    @pytest.mark.parametrize("corpus", ["ravdess", "fsdd"])
    def test_original_equals_converted(self, speech_data: Path, corpus: str) -> None:
        pairs = self.pairs(speech_data, corpus)
        assert len(pairs) >= 3
        for original, converted in pairs:
            ours, theirs = load_audio(original), load_audio(converted)
            assert abs(len(ours) - len(theirs)) <= 1
            length = min(len(ours), len(theirs))
            ours, theirs = ours[:length], theirs[:length]
            # The converted files are rounded to 16 bits: 3e-5 / sqrt(12), plus the two resamplers' difference.
            rms = np.sqrt(np.mean((ours - theirs) ** 2))
            assert np.corrcoef(ours, theirs)[0, 1] > 0.9995
            assert rms < max(3e-5, 0.02 * theirs.std())

    def test_stereo_48_khz_is_among_them(self, speech_data: Path) -> None:
        infos = [soundfile.info(path) for path, _ in self.pairs(speech_data, "ravdess")]
        assert (48000, 2) in {(info.samplerate, info.channels) for info in infos}

    def test_flac_is_read_exactly(self, speech_data: Path) -> None:
        path = next((speech_data / "original-layout" / "librispeech").rglob("*.flac"))
        np.testing.assert_array_equal(load_audio(path), soundfile.read(path, dtype="float32")[0])
