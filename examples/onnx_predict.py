"""Emotions of recordings with onnxruntime alone, no torch: python onnx_predict.py MODEL.onnx RECORDING...

pip install numpy onnxruntime soundfile soxr
"""

import json
import sys

import numpy as np
import onnxruntime
import soundfile
import soxr

if len(sys.argv) < 3 or not sys.argv[1].endswith(".onnx"):
    sys.exit(__doc__)
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
about = session.get_modelmeta().custom_metadata_map
labels, rate = json.loads(about["labels"]), int(about["sample_rate"])
size, least = int(about["frame_samples"]), int(about["least_samples"])

for path in sys.argv[2:]:
    try:
        sound, found_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        print(error, file=sys.stderr)
        continue
    wave = soxr.resample(sound.mean(axis=1), found_rate, rate)
    if not len(wave) or np.abs(wave - wave.mean()).max() < float(about["silent_peak"]):
        print(f"{path}: silent")
        continue
    frames = [wave[start : start + size] for start in range(0, len(wave), size)]
    if len(frames) > 1 and len(frames[-1]) < least:
        frames.pop()
    padded = np.stack([np.pad(frame, (0, size - len(frame))) for frame in frames])
    scores = [np.asarray(session.run(["scores"], {"waveform": frame[None]})[0]) for frame in padded]
    overall = np.concatenate(scores).mean(axis=0, dtype=float)
    print(f"{path}: {labels[overall.argmax()]}")
    print(json.dumps(dict(zip(labels, overall.round(6).tolist(), strict=True))))
