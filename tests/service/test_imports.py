"""What serve and predict import: nothing that only training or reports need, and no pandas (77 MB) or scipy (18 MB)."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

from .conftest import COMMAND

# The last line on standard error: all modules that were imported by the end of the command.
TOLD = f"import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); {COMMAND}"


def check(modules: set[str]) -> None:
    assert {"hamiltone.service", "torch"} <= modules
    needless = {"accelerate", "matplotlib", "pandas", "psutil", "scipy", "sklearn", "sympy", "torch._inductor"}
    assert not {"hamiltone.training", "hamiltone.study", "hamiltone.corpora", *needless} & modules


def test_predict_imports_no_training(model: Path, tmp_path: Path) -> None:
    sound = tmp_path / "noise.wav"
    soundfile.write(sound, np.random.default_rng(0).uniform(-0.5, 0.5, 16000), 16000)
    command = [sys.executable, "-c", TOLD, "predict", str(sound), "--model", str(model), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    check(set(done.stderr.splitlines()[-1].split()))


def test_serve_imports_no_training(model: Path) -> None:
    command = [sys.executable, "-c", TOLD, "serve", "--model", str(model), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "Ctrl+C" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    check(set(errors.splitlines()[-1].split()))
