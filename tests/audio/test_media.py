"""What phones, browsers, meetings and telephones record: heard through PyAV, or told in a line."""

import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hamiltone.audio import (
    AUDIO_SUFFIXES,
    SAMPLE_RATE,
    AudioError,
    AudioFormatError,
    audio_duration,
    load_audio,
    stream_audio,
)

Encode = Callable[..., Path]

FILES = {
    "phone.m4a": ("aac", "ipod", 44100, 1),
    "stereo.m4a": ("aac", "ipod", 48000, 2),
    "lossless.m4a": ("alac", "ipod", 44100, 1),
    "safari.mp4": ("aac", "mp4", 48000, 1),
    "opus.mp4": ("libopus", "mp4", 48000, 1),
    "mp3.mp4": ("libmp3lame", "mp4", 44100, 1),
    "camera.mov": ("pcm_s16le", "mov", 48000, 2),
    "chrome.webm": ("libopus", "webm", 48000, 1),
    "chrome.weba": ("libopus", "webm", 48000, 1),
    "vorbis.webm": ("vorbis", "webm", 48000, 2),
    "meeting.mkv": ("aac", "matroska", 48000, 2),
    "dolby.mkv": ("ac3", "matroska", 48000, 2),
    "bytes.mkv": ("pcm_u8", "matroska", 16000, 1),
    "deep.mka": ("pcm_s24le", "matroska", 16000, 1),
    "doubles.mov": ("pcm_f64le", "mov", 16000, 1),
    "stream.aac": ("aac", "adts", 16000, 1),
    "telephone.amr": ("libopencore_amrnb", "amr", 8000, 1),
    "telephone.3gp": ("libopencore_amrnb", "3gp", 8000, 1),
    "voice.3ga": ("libopencore_amrnb", "3gp", 8000, 1),
    "book.m4b": ("aac", "ipod", 44100, 1),
    "radio.mpga": ("libmp3lame", "mp3", 44100, 2),
    "windows.wma": ("wmav2", "asf", 44100, 2),
    "windows.wav": ("wmav1", "wav", 44100, 1),
    "switch.wav": ("g726", "wav", 8000, 1),
    "apple.caf": ("pcm_s16le", "caf", 16000, 1),
    "camera.avi": ("libmp3lame", "avi", 44100, 2),
    "flash.flv": ("aac", "flv", 44100, 1),
    "lossless.oga": ("flac", "ogg", 16000, 1),
    "layer2.mp2": ("mp2", "mp2", 44100, 2),
    "layer3.wav": ("libmp3lame", "wav", 44100, 1),
}
"""Name -> codec, FFmpeg's name of the container, rate, channels."""

EXACT = {"camera.mov": 1e-3, "lossless.m4a": 1e-3, "deep.mka": 1e-6, "doubles.mov": 1e-6, "bytes.mkv": 1 / 64}
EXACT |= {"apple.caf": 1e-4, "lossless.oga": 1e-4}


def tone(rate: int, seconds: float = 2.0, channels: int = 1, frequency: float = 440.0) -> np.ndarray:
    wave = 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate)
    return np.repeat(wave[:, None], channels, axis=1)


def made(folder: Path, name: str, encode: Encode, **options: object) -> Path:
    codec, form, rate, channels = FILES[name]
    return encode(folder / name, tone(rate, channels=channels), rate, codec, form, **options)


@pytest.mark.parametrize("name", FILES)
def test_all_of_it_is_heard(tmp_path: Path, encode: Encode, name: str) -> None:
    path = made(tmp_path, name, encode)
    waveform = load_audio(path)
    assert waveform.dtype == np.float32
    # What an encoder adds at both ends is cut off where its container says so.
    assert 1.99 < len(waveform) / SAMPLE_RATE < 2.13
    assert audio_duration(path) == pytest.approx(len(waveform) / SAMPLE_RATE, abs=1e-3)
    middle = waveform[4000:28000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(24000)))
    assert spectrum.argmax() * SAMPLE_RATE / 24000 == pytest.approx(440, abs=1)
    assert middle.std() == pytest.approx(0.5 / np.sqrt(2), rel=0.15)
    np.testing.assert_array_equal(np.concatenate(list(stream_audio(path, block_seconds=0.3))), waveform)
    segment = load_audio(path, start=0.5, end=1.0)
    assert np.abs(segment - waveform[8000:16000])[800:-800].max() < 2e-3


@pytest.mark.parametrize("name", EXACT)
def test_uncoded_and_lossless_samples_are_exact(tmp_path: Path, encode: Encode, name: str) -> None:
    waveform = load_audio(made(tmp_path, name, encode))
    assert len(waveform) == 32000
    assert np.abs(waveform - tone(SAMPLE_RATE)[:, 0])[1600:-1600].max() < EXACT[name]


def test_a_stream_without_a_length(tmp_path: Path, encode: Encode) -> None:
    """As Chrome's recorder writes it."""
    path = made(tmp_path, "chrome.webm", encode, options={"live": "1"})
    assert len(load_audio(path)) == 32000
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert 12000 < len(load_audio(path)) < 16000


def test_fragments(tmp_path: Path, encode: Encode) -> None:
    """As Safari's recorder writes them."""
    path = made(tmp_path, "safari.mp4", encode, options={"movflags": "frag_keyframe+empty_moov"})
    assert len(load_audio(path)) == pytest.approx(32000, abs=2000)


@pytest.mark.parametrize(("codec", "form"), [("libopus", "matroska"), ("aac", "matroska"), ("aac", "mp4")])
def test_a_meeting_with_pictures(tmp_path: Path, encode: Encode, codec: str, form: str) -> None:
    path = encode(tmp_path / "meeting", tone(48000), 48000, codec, form, picture=True)
    assert len(load_audio(path)) == pytest.approx(32000, abs=500)


def test_pictures_alone(tmp_path: Path, encode: Encode) -> None:
    import av

    path = tmp_path / "film.mp4"
    with av.open(str(path), "w", format="mp4") as container:
        video = container.add_stream("mpeg4", rate=5, width=32, height=32, pix_fmt="yuv420p")
        container.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
        container.mux(video.encode(None))
    with pytest.raises(AudioError, match=r"film\.mp4: holds no sound"):
        load_audio(path)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("phone.m4a", {"movflags": "faststart"}),
        ("phone.m4a", {}),
        ("camera.mov", {"movflags": "faststart"}),
        ("chrome.webm", {}),
        ("meeting.mkv", {}),
        ("safari.mp4", {"movflags": "frag_keyframe+empty_moov"}),
        ("windows.wav", {}),
        ("apple.caf", {}),
        ("camera.avi", {}),
        ("flash.flv", {}),
        ("lossless.oga", {}),
    ],
)
@pytest.mark.parametrize("part", [0.3, 0.8])
def test_what_breaks_off_is_told(
    tmp_path: Path, encode: Encode, name: str, options: dict[str, str], part: float
) -> None:
    path = made(tmp_path, name, encode, options=options)
    content = path.read_bytes()
    path.write_bytes(content[: round(part * len(content))])
    with pytest.raises(AudioError, match="truncated"):
        load_audio(path)


def test_damage_in_the_middle_is_told(tmp_path: Path, encode: Encode) -> None:
    path = made(tmp_path, "windows.wma", encode)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = np.random.default_rng(0).bytes(3000)
    path.write_bytes(content)
    with pytest.raises(AudioError, match="damaged"):
        load_audio(path)


def test_without_pyav_a_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memo.m4a").write_bytes(struct.pack(">I", 24) + b"ftypM4A " + bytes(200))
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.delitem(sys.modules, "hamiltone.audio._media", raising=False)
    with pytest.raises(AudioFormatError, match=r"memo\.m4a: MP4 is read with PyAV .*pip install 'hamiltone\[media\]'"):
        load_audio(tmp_path / "memo.m4a")
    soundfile.write(tmp_path / "memo.wav", tone(8000), 8000)
    assert len(load_audio(tmp_path / "memo.wav")) == 32000


def test_a_code_that_nobody_reads(tmp_path: Path, encode: Encode) -> None:
    path = tmp_path / "strange.wav"
    soundfile.write(path, tone(16000), 16000)
    content = bytearray(path.read_bytes())
    content[20:22] = struct.pack("<H", 0x4321)
    path.write_bytes(content)
    with pytest.raises(AudioFormatError, match="a code that is not read"):
        load_audio(path)


@pytest.mark.parametrize(
    "content",
    [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile '/etc/hostname'\n",
        b"1\n00:00:00,000 --> 00:00:01,000\nhello\n",
    ],
)
def test_no_list_of_other_files_is_followed(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "list.mp4").write_bytes(content)
    with pytest.raises(AudioFormatError, match="is no audio file"):
        load_audio(tmp_path / "list.mp4")


@pytest.mark.parametrize(
    "name", ["phone.m4a", "chrome.webm", "stream.aac", "telephone.amr", "windows.wma", "apple.caf"]
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_ends_in_a_line_or_in_sound(tmp_path: Path, encode: Encode, name: str, data: st.DataObject) -> None:
    path = tmp_path / name
    whole = path if path.exists() else made(tmp_path, name, encode)
    content = bytearray(whole.read_bytes())
    last = data.draw(st.sampled_from([80, len(content)])) - 1
    for place, value in data.draw(st.dictionaries(st.integers(0, last), st.integers(0, 255), min_size=1)).items():
        content[place] = value
    damaged = tmp_path / "damaged"
    damaged.write_bytes(content[: data.draw(st.integers(last, len(content)))])
    try:
        waveform = load_audio(damaged, maximum_seconds=60.0)
    except AudioError as error:
        assert str(error).startswith(str(damaged))
        assert "\n" not in str(error)
    else:
        assert len(waveform)
        assert np.isfinite(waveform).all()


def test_no_descriptor_is_left_open(tmp_path: Path, encode: Encode) -> None:
    path = made(tmp_path, "phone.m4a", encode)
    (tmp_path / "cut.m4a").write_bytes(path.read_bytes()[:5000])
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        next(stream_audio(path, block_seconds=0.1))
        with pytest.raises(AudioError):
            load_audio(tmp_path / "cut.m4a")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_limit_holds_before_all_is_decoded(tmp_path: Path, encode: Encode) -> None:
    path = made(tmp_path, "phone.m4a", encode)
    with pytest.raises(AudioError, match=r"longer than the limit of 0\.5 s"):
        load_audio(path, maximum_seconds=0.5)


@pytest.mark.parametrize("form", ["NIST", "AU", "W64"])
def test_what_older_corpora_come_in(tmp_path: Path, encode: Encode, form: str) -> None:
    path = tmp_path / "corpus.sph"
    soundfile.write(path, tone(SAMPLE_RATE, channels=2), SAMPLE_RATE, format=form)
    assert np.abs(load_audio(path) - tone(SAMPLE_RATE)[:, 0]).max() < 1e-4
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(AudioError, match="truncated"):
        load_audio(path)


def test_suffixes_of_media_are_suffixes_of_sound() -> None:
    assert {Path(name).suffix for name in FILES} - {".mov", ".avi", ".flv"} <= AUDIO_SUFFIXES


def test_samples_that_no_array_holds_are_a_line(tmp_path: Path, encode: Encode) -> None:
    path = encode(tmp_path / "long.w64", tone(SAMPLE_RATE), SAMPLE_RATE, "pcm_s64le", "w64")
    with pytest.raises(AudioFormatError, match=r"holds samples of a kind that is not read here \(s64\)"):
        load_audio(path)
