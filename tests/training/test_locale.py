"""A run in a locale that is not Unicode: any label, any file name; what is wrong with classes is told before it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

from hamiltone.training import read_record

SETTINGS = """
name = "语音"
out = "{out}"
device = "cpu"
threads = 1
corpus = {{ name = "folder", root = "{root}" }}
split = {{ file = "{root}/split.json" }}
front = {{ kind = "spectrogram" }}
network = {{ depth = 11, algebra = "real", width = 0.03125, hidden = 16 }}
training = {{ epochs = 1, batch = 8 }}
"""


def test_chinese_labels_in_a_c_locale(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    parts: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for speaker, part in (("José", "train"), ("Łucja", "validation"), ("Zoë", "test")):
        emotions = ["高兴", "悲伤"] if part == "train" else ["高兴", "悲伤", "愤怒"]
        for emotion in emotions * 2:
            name = f"{emotion}/{speaker}/{len(parts[part])}"
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(tmp_path / f"{name}.wav", noise.uniform(-0.5, 0.5, 4000), 16000)
            parts[part].append(name)
    script = (
        "import json, sys; from hamiltone.corpora import Split; "
        "Split('folder', 'actor', 0, {k: tuple(v) for k, v in json.loads(sys.argv[1]).items()}).write(sys.argv[2])"
    )
    environment = os.environ | {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    subprocess.run(
        [sys.executable, "-c", script, json.dumps(parts), tmp_path / "split.json"], env=environment, check=True
    )
    (tmp_path / "run.toml").write_text(SETTINGS.format(out=tmp_path / "出", root=tmp_path), encoding="utf-16")
    command = [sys.executable, "-m", "hamiltone", "train", tmp_path / "run.toml"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    told = "is not in the training part (4 recordings in validation, test)"
    assert 0 <= done.stderr.index(told) < done.stderr.index("epoch 1")
    record = read_record(tmp_path / "出")
    assert record.labels == ("悲伤", "愤怒", "高兴")
    assert any("'愤怒'" in note and told in note for note in record.notes)
    predictions = (tmp_path / "出" / "predictions.csv").read_text(encoding="utf-8")
    assert "高兴/Zoë/0" in predictions and "Łucja" not in predictions
