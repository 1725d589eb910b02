"""How much of a file is heard: what can be decoded, whatever its header says or estimates."""

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from hamiltone.audio import SAMPLE_RATE, AudioError, AudioFormatError, audio_duration, load_audio, stream_audio

ID3 = b"ID3\x04\x00\x00\x00\x00\x02\x00" + bytes(256)
ID3V1 = b"TAG" + b"x" * 125
APE = b"APETAGEX" + struct.pack("<IIII8x", 2000, 32, 0, 0x80000000)
MP3_FRAME = 576  # samples at 16 kHz


def speechlike(seconds: float = 3.0, rate: int = SAMPLE_RATE, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Noise whose level changes, so that a variable bit rate varies."""
    random = np.random.default_rng(seed)
    count = round(seconds * rate)
    envelope = np.interp(np.arange(count), np.linspace(0, count, 12), random.uniform(0, 0.5, 12))
    return random.uniform(-1, 1, (count, channels)) * envelope[:, None]


def written(samples: np.ndarray, form: str, rate: int = SAMPLE_RATE, **options: Any) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=form, **options)
    return file.getvalue()


def heard(path: Path, content: bytes) -> np.ndarray:
    """What is read of a file with this content; whole, in blocks and by its duration alike."""
    path.write_bytes(content)
    whole = load_audio(path)
    np.testing.assert_array_equal(np.concatenate(list(stream_audio(path, block_seconds=0.7))), whole)
    assert audio_duration(path) == pytest.approx(len(whole) / SAMPLE_RATE, abs=1e-3)
    if len(whole) > SAMPLE_RATE:
        np.testing.assert_allclose(load_audio(path, start=1.0)[800:], whole[SAMPLE_RATE + 800 :], atol=2e-3)
    return whole


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("WAV", {"subtype": "PCM_16"}),
        ("WAV", {"subtype": "GSM610"}),
        ("WAVEX", {"subtype": "PCM_24"}),
        ("RF64", {"subtype": "PCM_16"}),
        ("AIFF", {"subtype": "PCM_16"}),
        ("FLAC", {}),
        ("OGG", {"subtype": "VORBIS"}),
        ("OGG", {"subtype": "OPUS"}),
        ("MP3", {"bitrate_mode": "CONSTANT", "compression_level": 0.5}),
        ("MP3", {"bitrate_mode": "VARIABLE", "compression_level": 0.5}),
    ],
)
def test_a_file_with_a_right_header_is_what_libsndfile_decodes(
    tmp_path: Path, form: str, options: dict[str, Any]
) -> None:
    channels = 1 if options.get("subtype") == "GSM610" else 2
    path = tmp_path / "file"
    path.write_bytes(written(speechlike(channels=channels), form, **options))
    with soundfile.SoundFile(path) as file:  # soundfile.read seeks first, which changes the last bits of MP3
        expected = file.read(file.frames, dtype="float32", always_2d=True)
    mono = expected.mean(axis=1, dtype=np.float64).astype(np.float32)
    np.testing.assert_array_equal(load_audio(path), mono)


class TestMP3:
    @pytest.fixture(params=["CONSTANT", "VARIABLE"])
    def tagged(self, request: pytest.FixtureRequest) -> bytes:
        return written(speechlike(), "MP3", bitrate_mode=request.param, compression_level=0.5)

    @pytest.fixture
    def frames(self, tagged: bytes) -> bytes:
        """As an encoder writes it into a pipe: without the first frame that tells the length."""
        second = tagged.index(b"\xff\xf3", 4)
        assert b"Xing" in tagged[:second] or b"Info" in tagged[:second]
        return tagged[second:]

    @pytest.fixture
    def samples(self, tagged: bytes) -> int:
        """Of all frames, the encoder's delay among them."""
        mark = max(tagged.find(b"Xing"), tagged.find(b"Info"))
        return int.from_bytes(tagged[mark + 8 : mark + 12], "big") * MP3_FRAME

    @pytest.mark.parametrize(
        ("before", "behind"),
        [
            (b"", b""),
            (ID3, b""),
            (ID3 + ID3, ID3V1),
            (b"", APE + ID3V1),
            (bytes(600), b""),
            (bytes(600) + ID3, bytes(5000)),
            (b"\x33\x00\xff\xf3" * 50, b""),
        ],
    )
    def test_without_a_length(self, tmp_path: Path, frames: bytes, samples: int, before: bytes, behind: bytes) -> None:
        assert len(heard(tmp_path / "a.mp3", before + frames + behind)) == samples

    def test_it_is_the_same_sound(self, tmp_path: Path, tagged: bytes, frames: bytes) -> None:
        with_length = heard(tmp_path / "a.mp3", tagged)
        without = heard(tmp_path / "b.mp3", frames)
        np.testing.assert_array_equal(without[1105 : 1105 + len(with_length)], with_length)

    @pytest.mark.parametrize("between", [b"", ID3V1 + ID3, bytes(700)])
    def test_a_chain(self, tmp_path: Path, tagged: bytes, between: bytes) -> None:
        other = written(speechlike(2.0, seed=1), "MP3")
        single = [heard(tmp_path / "a.mp3", tagged), heard(tmp_path / "b.mp3", other)]
        np.testing.assert_array_equal(heard(tmp_path / "c.mp3", tagged + between + other), np.concatenate(single))

    def test_more_frames_than_the_header_has(self, tmp_path: Path, tagged: bytes, frames: bytes) -> None:
        single = [heard(tmp_path / "a.mp3", tagged), heard(tmp_path / "b.mp3", frames)]
        np.testing.assert_array_equal(heard(tmp_path / "c.mp3", tagged + frames), np.concatenate(single))

    def test_cut_at_both_ends(self, tmp_path: Path, frames: bytes, samples: int) -> None:
        part = len(heard(tmp_path / "cut.mp3", frames[1000:-1000]))
        assert 0.5 * samples < part < samples
        assert part % MP3_FRAME == 0

    def test_a_chain_of_rates_and_channels(self, tmp_path: Path) -> None:
        times = np.arange(3 * 44100) / 44100
        stereo = np.repeat(0.4 * np.sin(2 * np.pi * 440 * times)[:, None], 2, axis=1)
        mono = soxr.resample(stereo[:, 0], 44100, 22050)
        path = tmp_path / "chain.mp3"
        path.write_bytes(written(stereo, "MP3", 44100) + written(mono, "MP3", 22050))
        waveform = load_audio(path)
        assert len(waveform) == pytest.approx(6 * SAMPLE_RATE, abs=2)
        assert np.abs(load_audio(path, start=3.5, end=5.5) - waveform[56000:88000])[800:-800].max() < 2e-3
        for part in (waveform[4000:44000], waveform[52000:92000]):
            spectrum = np.abs(np.fft.rfft(part * np.hanning(40000)))
            assert spectrum.argmax() * SAMPLE_RATE / 40000 == pytest.approx(440, abs=1)
            assert part.std() == pytest.approx(0.4 / np.sqrt(2), rel=0.02)

    def test_a_header_that_promises_more(self, tmp_path: Path, tagged: bytes) -> None:
        path = tmp_path / "a.mp3"
        path.write_bytes(tagged[: len(tagged) // 2])
        with pytest.raises(AudioError, match="truncated or damaged: its header promises"):
            load_audio(path)

    def test_layer_2(self, tmp_path: Path, encode: Callable[..., Path]) -> None:
        path = encode(tmp_path / "a.mp2", speechlike(2.0, 44100), 44100, "mp2", "mp2")
        whole = load_audio(path)
        assert len(whole) == pytest.approx(2 * SAMPLE_RATE, abs=1200)
        content = path.read_bytes()
        np.testing.assert_array_equal(heard(tmp_path / "b.mp2", ID3 + content + ID3V1), whole)

    @pytest.mark.parametrize("extra", [b"", b"LIST" + struct.pack("<I", 4) + b"INFO"])
    def test_in_a_wav(self, tmp_path: Path, frames: bytes, extra: bytes) -> None:
        head = struct.pack("<HHIIHHHHIHHH", 0x55, 1, SAMPLE_RATE, 4000, 576, 0, 12, 1, 2, 576, 1, 1105)
        body = b"fmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", len(frames)) + frames
        body += bytes(len(frames) % 2) + extra
        content = b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body
        np.testing.assert_array_equal(heard(tmp_path / "a.wav", content), heard(tmp_path / "a.mp3", frames))


class TestNoMP3:
    """What begins like MPEG sound and is none."""

    def test_adts(self, tmp_path: Path, encode: Callable[..., Path]) -> None:
        path = encode(tmp_path / "a.aac", speechlike(), SAMPLE_RATE, "aac", "adts")
        assert len(heard(tmp_path / "b.mp3", path.read_bytes())) == pytest.approx(3 * SAMPLE_RATE, abs=2100)

    @pytest.mark.parametrize(
        "content",
        [
            "begin,end,text\n".encode("utf-16") + b"\xff\xfb\x90\x44" * 3,
            b"\xff\xfb\x90\x44" + b"no frame follows " * 100,
            ID3 + b"lyrics " * 300,
            (b"\xff\xfb\x90\x44" + bytes(32) + b"Info" + bytes(377)) * 5,
            np.random.default_rng(0).bytes(300_000),
        ],
    )
    def test_noise_is_no_sound(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "a.mp3").write_bytes(content)
        with pytest.raises(AudioFormatError, match="is no audio file"):
            load_audio(tmp_path / "a.mp3")

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
    @pytest.mark.parametrize("times", [1, 40])
    def test_a_text_is_told_as_one(self, tmp_path: Path, encoding: str, times: int) -> None:
        (tmp_path / "a.mp3").write_text("path,speaker\nein.wav,Jürgen 中文\n" * times, encoding=encoding)
        with pytest.raises(AudioFormatError, match=r"a\.mp3: is no audio file, but a text$"):
            load_audio(tmp_path / "a.mp3")


class TestChains:
    @pytest.mark.parametrize(
        ("form", "options"),
        [("FLAC", {}), ("OGG", {"subtype": "VORBIS"}), ("OGG", {"subtype": "OPUS"}), ("WAV", {}), ("RF64", {})],
    )
    @pytest.mark.parametrize("links", [2, 4])
    def test_all_links_are_heard(self, tmp_path: Path, form: str, options: dict[str, Any], links: int) -> None:
        contents = [written(speechlike(1.0 + seed / 4, seed=seed), form, **options) for seed in range(links)]
        single = [heard(tmp_path / "link", content) for content in contents]
        np.testing.assert_array_equal(heard(tmp_path / "chain", b"".join(contents)), np.concatenate(single))

    @pytest.mark.parametrize(("form", "options"), [("FLAC", {}), ("OGG", {"subtype": "VORBIS"}), ("WAV", {})])
    def test_a_link_that_is_cut_is_told(self, tmp_path: Path, form: str, options: dict[str, Any]) -> None:
        content = written(speechlike(), form, **options)
        (tmp_path / "chain").write_bytes(content + content[:-500])
        with pytest.raises(AudioError, match="truncated"):
            load_audio(tmp_path / "chain")

    def test_what_looks_like_a_link_within_metadata_is_none(self, tmp_path: Path) -> None:
        content = written(speechlike(), "FLAC")
        fake = b"fLaC\x00\x00\x00\x22" + bytes(40)
        block = b"\x02" + len(fake + b"abcd").to_bytes(3, "big") + b"abcd" + fake  # an application's
        with_block = content[:42] + block + content[42:]
        np.testing.assert_array_equal(heard(tmp_path / "a", with_block), heard(tmp_path / "b", content))

    @pytest.mark.parametrize("behind", [b"", b"TAG" + bytes(125)])
    @pytest.mark.parametrize(
        ("rate", "channels", "subtype"), [(16000, 1, "PCM_16"), (22050, 2, "PCM_24"), (8003, 1, "PCM_16")]
    )
    def test_a_flac_whose_header_tells_less(
        self, tmp_path: Path, rate: int, channels: int, subtype: str, behind: bytes
    ) -> None:
        content = written(speechlike(3.0, rate, channels), "FLAC", rate, subtype=subtype)
        whole = heard(tmp_path / "a", content)
        number = int.from_bytes(content[18:26])
        for samples in (1, 4096, (number & ((1 << 36) - 1)) - 1):
            told = (number >> 36 << 36 | samples).to_bytes(8)
            stale = content[:18] + told + content[26:] + behind
            np.testing.assert_array_equal(heard(tmp_path / "b", stale), whole)
        assert audio_duration(tmp_path / "b") == 3.0

    def test_a_tag_before_flac(self, tmp_path: Path) -> None:
        content = written(speechlike(), "FLAC")
        np.testing.assert_array_equal(heard(tmp_path / "a", ID3 + content), heard(tmp_path / "b", content))


class TestWAV:
    @pytest.fixture
    def content(self) -> bytes:
        return written(speechlike(), "WAV", subtype="PCM_16")

    @pytest.fixture
    def whole(self, tmp_path: Path, content: bytes) -> np.ndarray:
        return heard(tmp_path / "whole.wav", content)

    @staticmethod
    def _told(content: bytes, size: int, form: bytes = b"RIFF") -> bytes:
        """The same samples under a header that tells another size."""
        return form + struct.pack("<I", size + 36) + content[8:40] + struct.pack("<I", size) + content[44:]

    @pytest.mark.parametrize("size", [2, 32000, 32001, 95998])
    def test_a_header_that_tells_less(self, tmp_path: Path, content: bytes, whole: np.ndarray, size: int) -> None:
        if size == 95998:  # a sample that a hurried writer did not count
            np.testing.assert_array_equal(heard(tmp_path / "a.wav", self._told(content, size)), whole[:-1])
            return
        np.testing.assert_array_equal(heard(tmp_path / "a.wav", self._told(content, size)), whole)

    @pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
    def test_a_header_that_does_not_know(self, tmp_path: Path, content: bytes, whole: np.ndarray, size: int) -> None:
        told = b"RIFF\xff\xff\xff\xff" + content[8:40] + struct.pack("<I", size) + content[44:]
        np.testing.assert_array_equal(heard(tmp_path / "a.wav", told), whole)

    @pytest.mark.parametrize(
        "behind",
        [
            b"LIST" + struct.pack("<I", 4) + b"INFO",
            b"LIST" + struct.pack("<I", 4000) + b"INFO, cut",
            b"wxyz" + struct.pack("<I", 300) + bytes(300),
            ID3V1,
            ID3,
            bytes(4096),
            b"\x01",
        ],
    )
    def test_what_is_no_sound_behind_it(self, tmp_path: Path, content: bytes, whole: np.ndarray, behind: bytes) -> None:
        np.testing.assert_array_equal(heard(tmp_path / "a.wav", content + behind), whole)

    def test_any_number_of_files_behind_each_other(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """More than Python calls within each other; far beyond what anybody joins, a line says no."""
        content = written(speechlike()[:160], "WAV", subtype="PCM_16")
        assert len(heard(tmp_path / "a.wav", 1200 * content)) == 1200 * 160
        monkeypatch.setattr("hamiltone.audio._riff._MOST_PARTS", 3)
        assert len(heard(tmp_path / "b.wav", 3 * content)) == 3 * 160
        with pytest.raises(AudioError, match="holds more than 3 WAV files"):
            heard(tmp_path / "c.wav", 4 * content)

    @pytest.mark.parametrize("pad", [b"", b"\0"])
    def test_an_odd_chunk_with_and_without_its_pad_byte(self, tmp_path: Path, pad: bytes) -> None:
        content = written(speechlike()[:8001], "WAV", subtype="PCM_U8")
        whole = heard(tmp_path / "a.wav", content)
        odd = content[: content.index(b"data") + 8 + 8001] + pad + b"LIST" + struct.pack("<I", 4) + b"INFO"
        np.testing.assert_array_equal(heard(tmp_path / "b.wav", odd), whole)

    def test_a_tag_before_it(self, tmp_path: Path, content: bytes, whole: np.ndarray) -> None:
        np.testing.assert_array_equal(heard(tmp_path / "a.wav", ID3 + content), whole)
        np.testing.assert_array_equal(heard(tmp_path / "b.wav", ID3 + self._told(content, 32000)), whole)

    @pytest.mark.parametrize("size", [0, 32000, 96000])
    @pytest.mark.parametrize("form", [b"RF64", b"BW64"])
    def test_long_headers(self, tmp_path: Path, content: bytes, whole: np.ndarray, form: bytes, size: int) -> None:
        long = b"ds64" + struct.pack("<IQQQI", 28, 0xFFFF, size, 0, 0)
        told = form + b"\xff" * 4 + b"WAVE" + long + content[12:40] + b"\xff" * 4 + content[44:]
        np.testing.assert_array_equal(heard(tmp_path / "a.wav", told), whole)

    def test_a_size_that_wrapped_round(self, tmp_path: Path, content: bytes, whole: np.ndarray) -> None:
        """4 GiB and 3 s, most of it a hole in the file."""
        path = tmp_path / "long.wav"
        path.write_bytes(content)
        with path.open("r+b") as file:
            file.truncate(len(content) + (1 << 32))
        assert audio_duration(path) == pytest.approx(3 + (1 << 32) / 2 / SAMPLE_RATE)
        np.testing.assert_array_equal(load_audio(path, end=3.0), whole)
        last = (1 << 32) / 2 / SAMPLE_RATE
        assert len(load_audio(path, start=last + 2)) == pytest.approx(SAMPLE_RATE, abs=1)
        with pytest.raises(AudioError, match="longer than the limit"):
            load_audio(path)

    def test_extensible_formats(self, tmp_path: Path) -> None:
        path = tmp_path / "a.wav"
        samples = speechlike(channels=3)
        for subtype in ("PCM_16", "PCM_32", "FLOAT", "ULAW", "ALAW"):
            soundfile.write(path, samples, SAMPLE_RATE, format="WAVEX", subtype=subtype)
            assert np.abs(load_audio(path) - samples.mean(axis=1)).max() < 0.02


@pytest.mark.parametrize("told", [(0x7F000000 // 2, 0x7F000008), (0x7FFFFFFF, 0x7FFFFFFF), (0, 0)])
def test_an_aiff_that_does_not_know(tmp_path: Path, told: tuple[int, int]) -> None:
    """As sox and FFmpeg write it into a pipe."""
    content = written(speechlike(), "AIFF", subtype="PCM_16")
    frames, size = content.index(b"COMM") + 10, content.index(b"SSND") + 4
    piped = content[:frames] + struct.pack(">I", told[0]) + content[frames + 4 : size] + struct.pack(">I", told[1])
    np.testing.assert_array_equal(heard(tmp_path / "a", piped + content[size + 4 :]), heard(tmp_path / "b", content))


def test_the_end_of_a_name_does_not_matter(tmp_path: Path, encode: Callable[..., Path]) -> None:
    path = encode(tmp_path / "memo.wav", speechlike(rate=48000), 48000, "libopus", "webm")
    assert len(load_audio(path)) == 3 * SAMPLE_RATE
