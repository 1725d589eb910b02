"""Wideband AMR and Speex, which nothing here encodes: written by hand, with codes of their decoders' noise."""

import struct
from pathlib import Path

import numpy as np
import pytest

from hamiltone.audio import SAMPLE_RATE, AudioError, audio_duration, load_audio

pytest.importorskip("av", reason="PyAV (the extra media) is not installed")

FRAMES = 150


def wide_amr(mode: int) -> bytes:
    """RFC 4867, section 5: a head of one byte and the codes of each 20 ms, by mode."""
    size = (17, 23, 32, 36, 40, 46, 50, 58, 60)[mode]
    codes = np.random.default_rng(mode)
    return b"#!AMR-WB\n" + b"".join(bytes([mode << 3 | 4]) + codes.bytes(size) for _ in range(FRAMES))


def speex() -> bytes:
    """The Speex manual, sections 8 and 9: narrow band of sub-mode 3, 160 bits for each 20 ms."""
    codes = np.random.default_rng(0)
    head = struct.pack("<8s20s13i", b"Speex   ", b"1.2", 1, 80, 8000, 0, 4, 1, -1, 160, 0, 1, 0, 0, 0)
    frames = [(3 << 155 | int.from_bytes(codes.bytes(20)) >> 5).to_bytes(20) for _ in range(FRAMES)]
    pages = [page([head], 2, 0, 0), page([struct.pack("<2I", 0, 0)], 0, 0, 1)]
    for number, first in enumerate(range(0, FRAMES, 50)):
        last = first + 50
        pages.append(page(frames[first:last], 4 if last == FRAMES else 0, 160 * last, 2 + number))
    return b"".join(pages)


def page(packets: list[bytes], flags: int, granule: int, number: int) -> bytes:
    """RFC 3533, section 6."""
    lacing = bytes(map(len, packets))  # all are shorter than 255
    head = struct.pack("<4sBBqIII", b"OggS", 0, flags, granule, 1, number, 0)
    whole = bytearray(head + bytes([len(packets)]) + lacing + b"".join(packets))
    check = 0
    for byte in whole:
        check ^= byte << 24
        for _ in range(8):
            check = (check << 1 ^ (0x04C11DB7 if check & 0x80000000 else 0)) & 0xFFFFFFFF
    whole[22:26] = struct.pack("<I", check)
    return bytes(whole)


@pytest.mark.parametrize(
    "content", [wide_amr(0), wide_amr(2), wide_amr(8), speex()], ids=["6.6", "12.65", "23.85", "speex"]
)
def test_all_of_it_is_heard(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "voice"
    path.write_bytes(content)
    waveform = load_audio(path)
    assert len(waveform) == FRAMES * SAMPLE_RATE // 50
    assert audio_duration(path) == FRAMES / 50
    parts = np.abs(waveform[: len(waveform) // 4800 * 4800].reshape(-1, 4800)).max(axis=1)
    assert (parts > 1e-3).all()  # sound from the beginning to the end


def test_what_was_cut(tmp_path: Path) -> None:
    """AMR has no length: whole frames are heard. Ogg tells it."""
    path = tmp_path / "voice"
    path.write_bytes(wide_amr(2)[:-10])
    assert len(load_audio(path)) == (FRAMES - 1) * SAMPLE_RATE // 50
    path.write_bytes(speex()[:-10])
    with pytest.raises(AudioError, match="truncated"):
        load_audio(path)
