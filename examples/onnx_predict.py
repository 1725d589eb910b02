"""Emotions of recordings with onnxruntime alone, no torch: python onnx_predict.py MODEL.onnx RECORDING...

pip install numpy onnxruntime soundfile soxr
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile
import soxr


def is_steady(wave: np.ndarray) -> bool:
    """Whether the level hardly changes, as that of noise or of a tone: no speech (hamiltone/service/_sound.py)."""
    count = (len(wave) - 1) // 512
    if count < 2:
        return False
    power = np.square(np.diff(wave[: count * 512 + 1]).reshape(count, 512), dtype=float).mean(axis=1)
    if not power.any():
        return True
    low, high = np.percentile(10 * np.log10(power[power > 1e-6 * power.max()]), [10, 90])
    return bool(high - low < 1.5)


def mono(sound: np.ndarray) -> np.ndarray:
    """Channels as one, those in opposite phase, which would cancel, turned over (hamiltone/audio/_sounds.py)."""
    wave = sound.mean(axis=1)
    power = sound.var(axis=0)
    if sound.shape[1] == 1 or not len(sound) or wave.var() >= 0.1 / sound.shape[1] * power.mean():
        return wave
    loud = sound[:, np.argmax(2 * power >= power.max())]
    return (sound * np.where((loud - loud.mean()) @ sound < 0, -1, 1).astype(sound.dtype)).mean(axis=1)


if len(sys.argv) < 3 or not sys.argv[1].endswith(".onnx"):
    sys.exit(__doc__)
if not Path(sys.argv[1]).is_file():
    sys.exit(f"{sys.argv[1]}: no such file; hamiltone export MODEL --onnx {sys.argv[1]} makes it")
try:
    session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
except Exception as error:  # onnxruntime has a class of its own for each kind of damage
    sys.exit(f"{sys.argv[1]}: cannot be loaded: {error}")
about = session.get_modelmeta().custom_metadata_map
labels, rate = json.loads(about["labels"]), int(about["sample_rate"])
size, least = int(about["frame_samples"]), int(about["least_samples"])

failed = False
for path in sys.argv[2:]:
    try:
        sound, found_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        print(f"{path}: {error}", file=sys.stderr)
        failed = True
        continue
    wave = soxr.resample(mono(sound), found_rate, rate)
    if not len(wave) or np.abs(wave - wave.mean()).max() < float(about["silent_peak"]):
        print(f"{path}: silent", file=sys.stderr)
        failed = True
        continue
    frames = [wave[start : start + size] for start in range(0, len(wave), size)]
    if len(frames) > 1 and len(frames[-1]) < least:
        frames.pop()
    padded = np.stack([np.pad(frame, (0, size - len(frame))) for frame in frames])
    scores = [np.asarray(session.run(["scores"], {"waveform": frame[None]})[0]) for frame in padded]
    overall = np.concatenate(scores).mean(axis=0, dtype=float)
    unsure = overall.max() < float(about["unsure_below"]) or 2 * sum(map(is_steady, frames)) >= len(frames)
    unsure = unsure or len(wave) < rate / 2  # half a second: hardly a syllable
    print(f"{path}: {'unsure' if unsure else labels[overall.argmax()]}")
    print(json.dumps(dict(zip(labels, overall.round(6).tolist(), strict=True))))
sys.exit(2 if failed else 0)
