"""MP3 that a thread decodes while the process is forked, as a DataLoader does."""

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hamiltone.audio import load_audio

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system forks no processes")


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_the_child_decodes_too_and_keeps_its_standard_error(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 64_000), 16000)
    ended = threading.Event()

    def decode() -> None:
        while not ended.is_set():
            load_audio(path)

    thread = threading.Thread(target=decode)
    thread.start()
    standard_error = os.fstat(2)
    try:
        for _ in range(30):
            child = os.fork()
            if child == 0:
                same = os.path.samestat(os.fstat(2), standard_error)
                os._exit(0 if same and len(load_audio(path)) == 64_000 else 1)
            assert _code(child) == 0
    finally:
        ended.set()
        thread.join()


def _code(child: int) -> int | None:
    """The exit status; None, and the end of the process, where it hangs."""
    for _ in range(1000):
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return None
