"""Recordings that nobody should have made: sound or one line, in bounded memory and time, and no dead process."""

import gc
import io
import os
import random
import re
import signal
import struct
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

import hamiltone.audio._isolation as isolation
from hamiltone.audio import AudioError, AudioFormatError, audio_duration, load_audio, stream_audio
from tests.reliability._endurance import endure, mutated
from tests.service._decoders import living_decoders

SNDFILE = {
    "WAV": [
        *(("WAV", subtype) for subtype in ("PCM_16", "FLOAT", "IMA_ADPCM", "GSM610")),
        *(("WAVEX", "PCM_24"), ("RF64", "PCM_16")),
    ],
    "AIFF": [("AIFF", "PCM_16"), ("AIFF", "ULAW"), ("AIFF", "FLOAT")],
    "FLAC": [("FLAC", "PCM_16"), ("FLAC", "PCM_24")],
    "OGG": [("OGG", "VORBIS"), ("OGG", "OPUS")],
    "MP3": [("MP3", "MPEG_LAYER_III")],
}
MEDIA = {
    "M4A": [("aac", "ipod", 44100), ("alac", "ipod", 44100), ("pcm_s16le", "mov", 16000)],
    "WEBM": [("libopus", "webm", 48000), ("aac", "matroska", 16000)],
    "OTHERS": [("aac", "adts", 16000), ("wmav2", "asf", 16000), ("pcm_s16le", "caf", 16000), ("mp2", "mp2", 16000)],
}
CONTAINERS = [*SNDFILE, *MEDIA]
NUMBERS = (0, 1, 2, 0x7F, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF)
Seeds = dict[str, list[bytes]]


def noise(seconds: float, rate: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.5, 0.5, (round(seconds * rate), channels)).astype(np.float32)


def written(form: str, subtype: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, noise(0.3, 16000), 16000, format=form, subtype=subtype)
    return file.getvalue()


def encoded(codec: str, form: str, rate: int) -> bytes:
    av = pytest.importorskip("av", reason="PyAV (the extra media) is not installed")
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono", options={"strict": "-2"})
        stream.bit_rate = 64_000
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(noise(0.3, rate).T), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


@pytest.fixture(scope="module")
def seeds() -> Seeds:
    made = {name: [written(*kind) for kind in kinds] for name, kinds in SNDFILE.items()}
    return made | {name: [encoded(*kind) for kind in kinds] for name, kinds in MEDIA.items()}


def lying(content: bytes, random: random.Random) -> bytes:
    """A number of the head, or behind a chunk's name, is another one."""
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 3))):
        names = [found.start() for found in re.finditer(rb"[A-Za-z ]{4}", content[:-8])]
        place = random.choice(names) + random.choice((-4, 4, 8, 12, 14)) if names and random.random() < 0.6 else 0
        place = max(0, place or random.randrange(min(len(changed), 200)))
        width, order = random.choice((1, 2, 4, 4, 8)), random.choice(("little", "big"))
        number = random.choice(NUMBERS) * random.choice((1, 1, 1 << 32))
        changed[place : place + width] = (number % (1 << 8 * width)).to_bytes(width, order)
    return bytes(changed)


def spliced(content: bytes, other: bytes, random: random.Random) -> bytes:
    """The beginning of one file and the end of another."""
    return content[: random.randrange(len(content))] + other[random.randrange(len(other)) :]


def checksum(page: bytes) -> int:
    """CRC-32 of an Ogg page: polynomial 0x04C11DB7, nothing reflected (RFC 3533)."""
    value = 0
    for byte in page:
        value = (value << 8 & 0xFFFFFFFF) ^ CHECKSUMS[value >> 24 ^ byte]
    return value


def remainder(byte: int) -> int:
    value = byte << 24
    for _ in range(8):
        value = (value << 1 ^ (0x04C11DB7 if value >> 31 else 0)) & 0xFFFFFFFF
    return value


CHECKSUMS = [remainder(byte) for byte in range(256)]


def sealed(content: bytes) -> bytes:
    """The pages of an Ogg file with right checksums, so that a decoder gets what is in them."""
    changed, position = bytearray(content), 0
    while changed[position : position + 4] == b"OggS" and position + 27 <= len(changed):
        lacing = changed[position + 27 : position + 27 + changed[position + 26]]
        stop = position + 27 + len(lacing) + sum(lacing)
        changed[position + 22 : position + 26] = bytes(4)
        changed[position + 22 : position + 26] = checksum(bytes(changed[position:stop])).to_bytes(4, "little")
        position = stop
    return bytes(changed)


def attempt(seeds: Seeds, work: Path, containers: list[str] = CONTAINERS) -> Callable[[random.Random], str]:
    def once(random: random.Random) -> str:
        kind = random.choice(containers)
        content = random.choice(seeds[kind])
        match random.randrange(5):
            case 0 | 1:
                content = mutated(content, random)
            case 2 | 3:
                content = lying(content, random)
            case 4:
                content = spliced(content, random.choice(seeds[random.choice(CONTAINERS)]), random)
        if kind == "OGG" and random.random() < 0.7:
            content = sealed(content)
        path = work / f"file{random.choice(('.wav', '.mp3', '', '.m4a'))}"
        path.write_bytes(content)
        before = time.process_time()
        heard(path, random.randrange(4))
        assert time.process_time() - before < 10
        return kind

    return once


def heard(path: Path, way: int) -> None:
    """Whatever is heard of a file, it is finite sound of bounded length."""
    if way == 0:
        assert 0 < audio_duration(path) < 1e13
    elif way == 1:
        for block in stream_audio(path, maximum_seconds=60.0):
            assert np.isfinite(block).all()
    else:
        waveform = load_audio(path, maximum_seconds=60.0)
        assert 0 < len(waveform) <= 60 * 16000 + 1
        assert np.isfinite(waveform).all()


def test_changed_recordings(seeds: Seeds, tmp_path: Path) -> None:
    ends = endure(range(600), attempt(seeds, tmp_path), megabytes=512)
    assert set(ends) >= {"AudioError", *CONTAINERS}


@pytest.mark.soak
@pytest.mark.parametrize("container", CONTAINERS)
def test_10_000_changed_recordings(seeds: Seeds, tmp_path: Path, container: str, record_property) -> None:
    ends = endure(range(1000, 11_000), attempt(seeds, tmp_path, [container]), megabytes=512)
    assert ends["AudioError"] > 1000
    assert ends[container] > 50
    record_property(f"changed recordings ({container})", 10_000)
    record_property(f"of these heard ({container})", ends[container])


def wav(channels: int = 1, rate: int = 16000, bits: int = 16, size: int | None = None, length: int = 64) -> bytes:
    sound = bytes(length)
    block = channels * bits // 8
    head = struct.pack("<HHIIHH", 1, channels, rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits)
    told = len(sound) if size is None else size
    body = b"WAVEfmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", told) + sound
    return b"RIFF" + struct.pack("<I", len(body)) + body


def claims(seeds: Seeds) -> Iterator[tuple[str, bytes]]:
    """Files of a few kilobytes that say to be hours long, or to have thousands of channels."""
    yield "channels", wav(channels=65535, length=200_000)
    yield "channels of 8 bits", wav(channels=65535, bits=8, length=70_000)
    yield "hours", wav(size=0x7FFFFFFE)
    yield "hours at 1 kHz", wav(rate=1000, size=0xFFFFFF00)
    aiff = bytearray(seeds["AIFF"][0])
    aiff[aiff.index(b"COMM") + 8 : aiff.index(b"COMM") + 14] = struct.pack(">HI", 0x7FFF, 0xFFFFFFFF)
    yield "aiff", bytes(aiff)
    flac = bytearray(seeds["FLAC"][0])
    flac[21:26] = b"\xff" * 5  # 36 bits of samples, and channels of the most bits
    yield "flac", bytes(flac)
    ogg = bytearray(seeds["OGG"][0])
    ogg[ogg.rindex(b"OggS") + 6 : ogg.rindex(b"OggS") + 14] = struct.pack("<q", (1 << 62) - 1)
    yield "ogg", bytes(ogg)
    mp3 = bytearray(seeds["MP3"][0])
    mark = max(mp3.find(b"Xing"), mp3.find(b"Info"))
    mp3[mark + 8 : mark + 12] = b"\xff" * 4
    yield "mp3", bytes(mp3)
    m4a = bytearray(seeds["M4A"][0])
    for name, offset in ((b"mdhd", 20), (b"stts", 16), (b"stsz", 12), (b"stsz", 16), (b"stco", 12)):
        changed = bytearray(m4a)
        changed[m4a.index(name) + offset - 4 : m4a.index(name) + offset] = b"\xff\xff\xff\xf0"
        yield f"m4a {name.decode()} {offset}", bytes(changed)


def test_a_header_that_claims_hours_or_thousands_of_channels_costs_nothing(seeds: Seeds, tmp_path: Path) -> None:
    """Within 64 MiB and a second of the processor's time each."""
    files = list(claims(seeds))

    def once(random: random.Random) -> str:
        name, content = random.choice(files)
        (tmp_path / "file").write_bytes(content)
        before = time.process_time()
        try:
            for way in range(3):
                heard(tmp_path / "file", way)
        except AudioError:
            pass
        assert time.process_time() - before < 1, name
        return name

    assert len(endure(range(8 * len(files)), once, megabytes=64)) == len(files)


def chunk(name: bytes, content: bytes, told: int | None = None) -> bytes:
    return name + struct.pack("<I", (len(content) if told is None else told) & 0xFFFFFFFF) + content


@settings(max_examples=60, deadline=None)
@given(
    chunks=st.lists(
        st.tuples(
            st.sampled_from([b"fmt ", b"data", b"fact", b"LIST", b"ds64", b"JUNK", b"wxyz"]),
            st.binary(max_size=60),
            st.none() | st.sampled_from(NUMBERS),
        ),
        max_size=6,
    ),
    mark=st.sampled_from([b"RIFF", b"RIFX", b"RF64", b"BW64"]),
    fmt=st.tuples(
        st.sampled_from([1, 2, 3, 6, 7, 0x11, 0x31, 0x55, 0xFFFE, 0x161]),
        st.sampled_from([0, 1, 2, 8, 255, 1024, 1025, 65535]),
        st.sampled_from([0, 1, 999, 1000, 8000, 768_000, 0xFFFFFFFF]),
        st.sampled_from([0, 1, 8, 16, 24, 32, 64, 65535]),
    ),
)
def test_any_row_of_chunks(
    tmp_path_factory: pytest.TempPathFactory,
    chunks: list[tuple[bytes, bytes, int | None]],
    mark: bytes,
    fmt: tuple[int, int, int, int],
) -> None:
    tag, channels, rate, bits = fmt
    head = struct.pack("<HHIIHH", tag, channels, rate, 0, channels * bits // 8 & 0xFFFF, bits)
    body = b"WAVE" + chunk(b"fmt ", head) + b"".join(chunk(*each) for each in chunks) + chunk(b"data", bytes(500))
    path = tmp_path_factory.getbasetemp() / "chunks.wav"
    path.write_bytes(mark + struct.pack("<I", len(body)) + body)
    for way in range(3):
        try:
            heard(path, way)
        except AudioError as error:
            assert "\n" not in str(error)


class TestIsolation:
    @pytest.fixture(autouse=True)
    def nothing_is_left(self) -> Iterator[None]:
        """The process would live until this one ends, and be counted by others' tests."""
        yield
        isolation._worker.end()

    @pytest.fixture
    def good(self, tmp_path: Path) -> Path:
        soundfile.write(tmp_path / "good.wav", noise(1.0, 22050, 2), 22050)
        return tmp_path / "good.wav"

    def test_it_is_the_same_sound_and_the_same_line(self, good: Path, tmp_path: Path) -> None:
        np.testing.assert_array_equal(load_audio(good, isolate=True), load_audio(good))
        segment = load_audio(good, start=0.25, end=0.75)
        np.testing.assert_array_equal(load_audio(good, start=0.25, end=0.75, isolate=True), segment)
        (tmp_path / "text.wav").write_text("no sound at all, but a text")
        for path in (tmp_path / "text.wav", tmp_path / "none.wav"):
            with pytest.raises(AudioError) as here:
                load_audio(path)
            with pytest.raises(type(here.value)) as there:
                load_audio(path, isolate=True)
            assert str(there.value) == str(here.value)
        assert issubclass(AudioFormatError, AudioError)

    @pytest.mark.parametrize("harm", ["die", "hang"])
    def test_a_decoder_that_dies_or_hangs_is_an_error_of_that_file_only(
        self, harm: str, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        others = living_decoders()
        load_audio(good, isolate=True)
        (worker,) = living_decoders() - others
        worker.send_signal(signal.SIGSEGV if harm == "die" else signal.SIGSTOP)
        monkeypatch.setattr(isolation, "_SECONDS", 0.5)
        if harm == "die":
            worker.wait(30)
            os.kill(os.getpid(), 0)  # this process lives
        else:
            with pytest.raises(AudioError, match="could not be decoded: the decoder gave up on it"):
                load_audio(good, isolate=True)
        monkeypatch.undo()
        np.testing.assert_array_equal(load_audio(good, isolate=True), load_audio(good))
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of pipes that are left open
            gc.collect()
