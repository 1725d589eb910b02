"""The suffixes of sound files: each is of a format that is read."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hamiltone.audio import AUDIO_SUFFIXES, OTHER_SUFFIXES, load_audio

FORMATS = {
    ".aif": ("AIFF", "PCM_16"),
    ".aifc": ("AIFF", "ULAW"),
    ".aiff": ("AIFF", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
    ".oga": ("OGG", "VORBIS"),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".w64": ("W64", "PCM_16"),
    ".au": ("AU", "PCM_16"),
    ".snd": ("AU", "PCM_16"),
    ".sph": ("NIST", "PCM_16"),
    ".wav": ("WAV", "PCM_16"),
    ".wave": ("WAV", "PCM_16"),
}

MEDIA = {".3ga", ".3gp", ".aac", ".amr", ".awb", ".caf", ".m4a", ".m4b", ".mka", ".mkv", ".mp2", ".mp4", ".mpga"}
MEDIA |= {".spx", ".weba", ".webm", ".wma"}
"""What FFmpeg reads: tests/audio/test_media.py and test_telephones.py have them."""


@pytest.mark.parametrize("suffix", sorted(FORMATS))
def test_what_has_the_suffix_is_read(suffix: str, tmp_path: Path) -> None:
    container, subtype = FORMATS[suffix]
    if container in ("W64", "AU", "NIST"):
        pytest.importorskip("av", reason="PyAV (the extra media) is not installed")
    path = tmp_path / f"tone{suffix}"
    soundfile.write(path, np.sin(np.arange(16000) / 9), 16000, format=container, subtype=subtype)
    assert len(load_audio(path)) == pytest.approx(16000, abs=1200)


def test_all_formats_are_named() -> None:
    assert set(FORMATS) | MEDIA == AUDIO_SUFFIXES
    assert not AUDIO_SUFFIXES & OTHER_SUFFIXES
