"""Cost of a prediction: seconds per second of sound, seconds until the first one, memory on a long recording.

    python -m benchmarks.predict RUN/model [--hours 3]      # or the package's four or eight

Everything runs on one thread, on noise and tones that are made for it. A real-time factor (RTF) of 0.01 means that a
minute takes 0.6 s. Decoding is part of it, in onnxruntime's line as well. The model is warm: what a first call takes
more stands under "import, load and first prediction".
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import soundfile

from hamiltone.service import model_folder

RATE = 16000
SECONDS = 120
ROUNDS = 7
RTF_TARGET, START_TARGET, MEMORY_TARGET = 0.02, 3.0, 300e6


def write_sound(path: Path, seconds: int, rate: int = RATE, channels: int = 1) -> Path:
    """Noise and tones, written second by second."""
    rng = np.random.default_rng(0)
    times = np.arange(rate) / rate
    with soundfile.SoundFile(path, "w", rate, channels) as file:
        for second in range(seconds):
            tone = 0.2 * np.sin(2 * np.pi * (120 + 20 * (second % 17)) * times)
            file.write(np.repeat((tone + rng.normal(0, 0.05, rate))[:, None], channels, axis=1))
    return path


def fresh(code: str, *arguments: object) -> dict:
    """What a new process prints as JSON."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8").stdout)


START = """
import json, sys, time
began = time.perf_counter()
from hamiltone.service import Predictor
imported = time.perf_counter()
predictor = Predictor(sys.argv[1])
loaded = time.perf_counter()
predictor.predict(sys.argv[2])
print(json.dumps({"import": imported - began, "load": loaded - imported, "first": time.perf_counter() - loaded}))
"""
PEAK = """
import json, sys, torch
torch.set_num_threads(1)
from hamiltone.machine import peak_memory
from hamiltone.service import Predictor
frames = len(Predictor(sys.argv[1]).predict(sys.argv[2]).frames)
print(json.dumps({"bytes": peak_memory(torch.device("cpu")), "frames": frames}))
"""


def real_time_factors(model: Path, folder: Path) -> dict[str, float]:
    """Medians of rounds in which all take their turn."""
    import onnxruntime
    import torch

    from hamiltone.networks import load_recognizer
    from hamiltone.service import Predictor, export_onnx
    from hamiltone.speech import cut_frames, load_audio

    torch.set_num_threads(1)
    predictor = Predictor(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    file = export_onnx(load_recognizer(model), folder / "model.onnx")
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    flac = write_sound(folder / "x.flac", SECONDS)
    wave = write_sound(folder / "x.wav", SECONDS, 48000, 2)

    def onnx() -> None:
        frames = cut_frames(load_audio(flac))
        for first in range(0, len(frames), 8):
            session.run(["scores"], {"waveform": frames[first : first + 8]})

    calls = {
        "predict, FLAC of 16 kHz": lambda: predictor.predict(flac, hop=4.0),
        "predict, WAV of 48 kHz, stereo": lambda: predictor.predict(wave, hop=4.0),
        "predict, FLAC, hop of 1 s": lambda: predictor.predict(flac),
        "onnxruntime, FLAC of 16 kHz": onnx,
    }
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(ROUNDS + 1):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            if turn:  # the first round warms
                seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) / SECONDS for name, values in seconds.items()}


def verdict(value: float, target: float) -> str:
    return "reached" if value <= target else "MISSED"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--hours", type=float, default=3.0)
    options = parser.parse_args()
    model = model_folder(options.model)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        short = write_sound(folder / "short.flac", 10)
        starts = [fresh(START, model, short) for _ in range(3)]
        start = {part: statistics.median(one[part] for one in starts) for part in starts[0]}
        total = start["import"] + start["load"]
        print(f"import {start['import']:.2f} s, load {start['load']:.2f} s, first prediction {start['first']:.2f} s")
        print(f"  import and load {total:.2f} s, target {START_TARGET:g} s: {verdict(total, START_TARGET)}")

        print(f"real-time factor, one thread, {SECONDS} s of sound, median of {ROUNDS}")
        factors = real_time_factors(model, folder)
        for what, factor in factors.items():
            print(f"  {what:<34}{factor:.4f}")
        first = next(iter(factors.values()))
        print(f"  target {RTF_TARGET:g}: {verdict(first, RTF_TARGET)}")

        long = write_sound(folder / "long.flac", round(options.hours * 3600))
        few, many = fresh(PEAK, model, short), fresh(PEAK, model, long)
        more = many["bytes"] - few["bytes"]
        print(f"peak memory: 10 s {few['bytes'] / 1e6:.0f} MB, {options.hours:g} h {many['bytes'] / 1e6:.0f} MB")
        print(f"  {more / 1e6:+.0f} MB, target {MEMORY_TARGET / 1e6:.0f} MB: {verdict(more, MEMORY_TARGET)}")


if __name__ == "__main__":
    main()
