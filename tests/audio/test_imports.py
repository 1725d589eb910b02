"""What hamiltone.audio needs, in a process of its own."""

import subprocess
import sys

import pytest

import hamiltone.audio
import hamiltone.speech


@pytest.mark.parametrize("room", ["audio", "corpora", "files", "measures"])
def test_no_torch_is_imported(room: str) -> None:
    code = f"import sys, hamiltone.{room}; print('torch' in sys.modules, 'hamiltone.{room}' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_speech_gives_the_same_names() -> None:
    for name in ("load_audio", "stream_audio", "AudioError", "frame_bounds", "SAMPLE_RATE"):
        assert getattr(hamiltone.speech, name) is getattr(hamiltone.audio, name)
