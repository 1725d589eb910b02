"""Sound files that cannot be used: one line that names the file, whatever is wrong with it."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from hamiltone.audio import AudioError, audio_duration, load_audio, stream_audio
from hamiltone.errors import HamiltoneError

FORMATS = [
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "FLOAT"),
    ("WAV", "IMA_ADPCM"),
    ("WAVEX", "PCM_16"),
    ("RF64", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("AIFF", "PCM_24"),
    ("AIFF", "FLOAT"),
    ("AIFF", "ULAW"),
    ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
]


def encoded(folder: Path, container: str, subtype: str, seconds: float = 1.0, rate: int = 16000) -> bytes:
    path = folder / f"{container}-{subtype}"
    if not path.exists():
        data = np.random.default_rng(0).uniform(-0.5, 0.5, (round(seconds * rate), 2)).astype(np.float32)
        soundfile.write(path, data, rate, format=container, subtype=subtype)
    return path.read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("encoded")


def refused(path: Path, words: str | None, read: Callable[..., object] = load_audio) -> None:
    with pytest.raises(AudioError, match=words) as caught:
        read(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


READERS = [load_audio, lambda path: list(stream_audio(path)), audio_duration]


@pytest.mark.parametrize("read", READERS)
class TestOpening:
    def test_missing(self, tmp_path: Path, read: Callable[..., object]) -> None:
        refused(tmp_path / "none.wav", "no such file", read)

    def test_a_folder(self, tmp_path: Path, read: Callable[..., object]) -> None:
        refused(tmp_path, "is a folder", read)

    def test_below_a_file(self, tmp_path: Path, read: Callable[..., object]) -> None:
        (tmp_path / "file").write_text("x")
        refused(tmp_path / "file" / "a.wav", "cannot be opened", read)

    def test_a_pipe(self, tmp_path: Path, read: Callable[..., object]) -> None:
        os.mkfifo(tmp_path / "pipe")
        refused(tmp_path / "pipe", "no regular file", read)

    def test_impossible_path(self, read: Callable[..., object]) -> None:
        with pytest.raises(AudioError, match="no possible path"):
            read(Path("a\0b.wav"))

    def test_not_readable(self, tmp_path: Path, read: Callable[..., object]) -> None:
        path = tmp_path / "secret.wav"
        path.write_bytes(b"RIFF")
        path.chmod(0)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            refused(path, "permission denied", read)
        finally:
            if root:
                os.seteuid(0)

    def test_empty(self, tmp_path: Path, read: Callable[..., object]) -> None:
        (tmp_path / "empty.wav").touch()
        refused(tmp_path / "empty.wav", "is empty", read)

    @pytest.mark.parametrize("container", ["WAV", "RF64", "AIFF", "OGG"])
    def test_no_samples(self, tmp_path: Path, read: Callable[..., object], container: str) -> None:
        path = tmp_path / "short"
        soundfile.write(path, np.zeros((0, 1)), 16000, format=container)
        refused(path, "holds no samples", read)

    def test_no_samples_before_another_chunk(self, tmp_path: Path, read: Callable[..., object]) -> None:
        path = tmp_path / "short.wav"
        soundfile.write(path, np.zeros((0, 1)), 16000, format="WAV")
        content = path.read_bytes() + b"LIST" + struct.pack("<I", 4) + b"INFO"
        path.write_bytes(content[:4] + struct.pack("<I", len(content) - 8) + content[8:])
        refused(path, "holds no samples", read)

    @pytest.mark.parametrize(
        "content",
        [
            b"Dogs are sitting by the door\n" * 50,
            b"\x89PNG\r\n\x1a\n" + bytes(500),
            b"RIFF" + struct.pack("<I", 500) + b"WEBP" + bytes(500),
            b"FORM" + struct.pack(">I", 500) + b"ILBM" + bytes(500),
            bytes(5000),
            b"R",
        ],
    )
    @pytest.mark.parametrize("name", ["a.wav", "a.raw", "a"])
    def test_no_audio(self, tmp_path: Path, read: Callable[..., object], content: bytes, name: str) -> None:
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, "is no audio file", read)

    @pytest.mark.parametrize("rate", [999, 768_001, 0x7FFFFFFF])
    def test_absurd_rate(self, tmp_path: Path, read: Callable[..., object], rate: int) -> None:
        path = tmp_path / "rate.wav"
        soundfile.write(path, np.zeros(100), 16000)
        content = bytearray(path.read_bytes())
        content[24:28] = struct.pack("<I", rate)
        path.write_bytes(content)
        refused(path, f"a rate of {rate} Hz", read)


@pytest.mark.parametrize(("container", "subtype"), FORMATS)
class TestBrokenOff:
    @settings(max_examples=25, deadline=None)
    @given(data=st.data())
    def test_cut_anywhere(self, folder: Path, container: str, subtype: str, data: st.DataObject) -> None:
        content = encoded(folder, container, subtype)
        path = folder / "cut"
        path.write_bytes(content[: data.draw(st.integers(1, len(content) - 1))])
        # The last chunk of WAVEX and RF64 is the sound, AIFF's, too: each cut takes a sample or more away.
        refused(path, None)
        refused(path, None, lambda path: list(stream_audio(path)))

    def test_the_whole_is_accepted(self, folder: Path, container: str, subtype: str) -> None:
        path = folder / "whole"
        path.write_bytes(encoded(folder, container, subtype))
        assert len(load_audio(path)) >= 16000

    @settings(max_examples=15, deadline=None)
    @given(data=st.data())
    def test_damage_ends_in_a_line_or_in_sound(
        self, folder: Path, container: str, subtype: str, data: st.DataObject
    ) -> None:
        content = bytearray(encoded(folder, container, subtype))
        last = data.draw(st.sampled_from([80, len(content)])) - 1
        for place, value in data.draw(st.dictionaries(st.integers(0, last), st.integers(0, 255), min_size=1)).items():
            content[place] = value
        path = folder / "damaged"
        path.write_bytes(content)
        sound_or_line(path)


def sound_or_line(path: Path) -> None:
    """Whatever the file holds, there is finite sound or one line."""
    try:
        waveform = load_audio(path, maximum_seconds=60.0)
    except AudioError as error:
        assert str(error).startswith(str(path))
        assert "\n" not in str(error)
    else:
        assert len(waveform)
        assert np.isfinite(waveform).all()


@settings(max_examples=60, deadline=None)
@given(
    start=st.sampled_from(
        [b"", b"RIFF\x10\0\0\0WAVE", b"FORM\0\0\0\x10AIFF", b"fLaC", b"OggS\0", b"ID3", b"\xff\xfb\x90"]
    ),
    rest=st.binary(min_size=1, max_size=3000),
)
def test_random_bytes(tmp_path_factory: pytest.TempPathFactory, start: bytes, rest: bytes) -> None:
    path = tmp_path_factory.mktemp("random") / "bytes"
    path.write_bytes(start + rest)
    sound_or_line(path)


def test_an_ogg_page_lost_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "lost.ogg"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 160_000), 16000)
    content = bytearray(path.read_bytes())
    page = content.index(b"OggS", len(content) // 2)
    content[page + 200] ^= 0xFF
    path.write_bytes(content)
    refused(path, "breaks off")


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg_cut_between_two_pages(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "pages.ogg"
    content = encoded(tmp_path, "OGG", subtype, seconds=10.0)
    path.write_bytes(content[: content.rindex(b"OggS")])
    refused(path, "not marked as the end")


def test_a_frame_of_flac_that_is_missing(tmp_path: Path, folder: Path) -> None:
    """Cut between two frames, so that nothing but the header tells."""
    path = tmp_path / "short.flac"
    content = bytearray(encoded(folder, "FLAC", "PCM_16"))
    content[24:26] = struct.pack(">H", struct.unpack(">H", content[24:26])[0] + 100)
    path.write_bytes(content)
    refused(path, "truncated or damaged|damaged or truncated")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (48000, 2)])
def test_not_finite(tmp_path: Path, value: float, subtype: str, rate: int, channels: int) -> None:
    path = tmp_path / "nan.wav"
    data = np.zeros((200_000, channels))
    data[150_000, -1] = value
    soundfile.write(path, data, rate, subtype=subtype)
    refused(path, "no finite numbers")
    refused(path, "no finite numbers", lambda path: list(stream_audio(path)))


def test_opposite_infinities(tmp_path: Path) -> None:
    path = tmp_path / "inf.wav"
    soundfile.write(path, np.array([[np.inf, -np.inf]] * 10), 16000, subtype="FLOAT")
    refused(path, "no finite numbers")


def test_doubles_beyond_single_precision(tmp_path: Path) -> None:
    path = tmp_path / "huge.wav"
    soundfile.write(path, np.full(100, 1e300), 16000, subtype="DOUBLE")
    refused(path, "no finite numbers")


def test_values_that_overflow_the_resampler(tmp_path: Path) -> None:
    path = tmp_path / "huge.wav"
    square = np.where(np.arange(20_000) // 50 % 2, 3.4e38, -3.4e38)
    soundfile.write(path, square, 48000, subtype="FLOAT")
    refused(path, "beyond 1e\\+10 times full scale")


@pytest.mark.parametrize("rate", [16000, 48000])
def test_values_whose_powers_overflow(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "huge.wav"
    tone = np.sin(np.arange(rate) / 10)
    soundfile.write(path, 1e11 * tone, rate, subtype="FLOAT")
    refused(path, "beyond 1e\\+10 times full scale: that is no sound")
    soundfile.write(path, 2.0**31 * tone, rate, subtype="FLOAT")
    assert np.abs(load_audio(path)).max() > 2.0**30


def test_less_than_one_sample(tmp_path: Path) -> None:
    path = tmp_path / "click.wav"
    soundfile.write(path, np.zeros(1), 96000)
    refused(path, "less than one at 16000 Hz")


class TestLimit:
    @pytest.fixture(params=["known", "unknown"])
    def path(self, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
        path = tmp_path / "long.flac"
        soundfile.write(path, np.zeros(32_000), 16000)
        if request.param == "unknown":
            content = bytearray(path.read_bytes())
            content[21] &= 0xF0
            content[22:26] = bytes(4)
            path.write_bytes(content)
        return path

    def test_too_long(self, path: Path) -> None:
        refused(path, "longer than the limit of 1.9 s", lambda path: load_audio(path, maximum_seconds=1.9))
        refused(path, "longer than the limit", lambda path: list(stream_audio(path, maximum_seconds=1.9)))
        assert len(load_audio(path, maximum_seconds=2.0)) == 32_000
        assert len(load_audio(path, maximum_seconds=None)) == 32_000

    def test_the_segment_counts(self, path: Path) -> None:
        assert len(load_audio(path, start=0.5, end=1.5, maximum_seconds=1.0)) == 16_000
        refused(path, "longer than", lambda path: load_audio(path, start=0.5, maximum_seconds=1.0))

    def test_the_default_is_an_hour(self, tmp_path: Path) -> None:
        path = tmp_path / "hour.wav"
        soundfile.write(path, np.zeros(3601 * 1000, np.uint8).astype(np.int16), 1000)
        refused(path, "limit of 3600 s")

    @pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
    def test_limits_and_blocks_are_positive(self, path: Path, value: float) -> None:
        with pytest.raises(ValueError, match="maximum_seconds must be positive"):
            load_audio(path, maximum_seconds=value)
        with pytest.raises(ValueError, match="maximum_seconds must be positive"):
            stream_audio(path, maximum_seconds=value)
        with pytest.raises(ValueError, match="block_seconds must be positive"):
            stream_audio(path, block_seconds=value)


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (-0.1, None, "start, -0.1 s, is not within"),
        (1.0, None, "start, 1 s, is not within the file's 1 s"),
        (float("nan"), None, "start, nan s"),
        (None, 1.02, "end, 1.02 s, is not within"),
        (None, float("inf"), "end, inf s"),
        (None, float("nan"), "end, nan s"),
        (None, -1.0, "end, -1 s"),
        (0.5, 0.4, "must lie before its end"),
        (0.5, 0.5, "must lie before its end"),
        (0.5, 0.50001, "holds no sample"),
    ],
)
def test_no_such_segment(tmp_path: Path, start: float | None, end: float | None, words: str) -> None:
    path = tmp_path / "second.wav"
    soundfile.write(path, np.zeros(16_000), 16_000)
    refused(path, words, lambda path: load_audio(path, start=start, end=end))


def test_nothing_reaches_the_standard_error(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    content = encoded(folder, "MP3", "MPEG_LAYER_III")
    random = np.random.default_rng(0)
    for name, damaged in {
        "cut": content[: len(content) // 2],
        "head": content[:100],
        "junk": b"\xff\xfb\x90\x44" + random.bytes(5000),
        "tail": content + b"TAG" + bytes(len(content)),
        "noise": bytes(
            random.integers(256) if i > 300 and random.random() < 0.02 else b for i, b in enumerate(content)
        ),
    }.items():
        (tmp_path / name).write_bytes(damaged)
        sound_or_line(tmp_path / name)
    os.write(2, b"still there")
    assert capfd.readouterr() == ("", "still there")


def test_no_descriptor_is_left_open(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "cut").write_bytes(encoded(folder, "FLAC", "PCM_16")[:-10])
    (tmp_path / "whole").write_bytes(encoded(folder, "MP3", "MPEG_LAYER_III"))
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        sound_or_line(tmp_path / "cut")
        sound_or_line(tmp_path / "whole")
        next(stream_audio(tmp_path / "whole", block_seconds=0.1))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_error_is_the_users_kind() -> None:
    assert issubclass(AudioError, HamiltoneError)
