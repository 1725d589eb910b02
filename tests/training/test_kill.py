"""A training that is killed at any moment ends, started again, with the same bytes as one that was not."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from hamiltone.training import read_settings, train

from .conftest import Make


def command(settings: Path) -> list[str]:
    return [sys.executable, "-c", "from hamiltone._command import main; main()", "train", str(settings)]


CHANGING = {"shift_seconds": 0.2, "gain_db": [-6, 6], "snr_db": [5, 20], "time_masks": 1, "frequency_masks": 1}


# All that has a state of its own, or depends on the step.
CHANGED_VGG = {
    "augmentation": CHANGING,
    "frames__random_offset": True,
    "network__norm": "batch",
    "network__pool": "mean",
    "training__schedule": "cosine",
}
FOR_SMALL_DATA = {
    "augmentation": {"speed": [0.9, 1.1], "time_masks": 1},
    "front": {"kind": "log-mel", "bands": 24},
    "network": {"kind": "residual", "channels": [8, 8], "stem": 4, "attention": 4},
    "training__optimizer": "adamw",
    "training__weight_decay": 0.1,
    "training__schedule": "cosine",
    "training__keep": "last",
    "training__mixup": 0.3,
    "training__label_smoothing": 0.1,
    "training__balance": 0.5,
    "training__weight_average": 0.9,
    "training__clip_gradient": 1.0,
}


@pytest.mark.parametrize(("checkpoint_seconds", "others"), [(0.01, CHANGED_VGG), (300.0, {}), (0.01, FOR_SMALL_DATA)])
def test_killed_in_mid_epoch_and_started_again(
    settings_for: Make, tmp_path: Path, checkpoint_seconds: float, others: dict[str, Any]
) -> None:
    changes = {"training__epochs": 3, "training__batch": 2, "training__checkpoint_seconds": checkpoint_seconds}
    changes |= others
    whole = settings_for(tmp_path / "whole", **changes)
    train(whole, quiet=True)

    broken = settings_for(tmp_path / "broken", **changes)
    path = tmp_path / "broken.toml"
    path.write_text(tomli_w.dumps(broken.model_dump(mode="json", exclude_none=True)))
    chance = random.Random(0)
    kills = 0
    while kills < 3:
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(command(path), stderr=log, stdout=log)
            while process.poll() is None and not (tmp_path / "broken" / "checkpoint" / "state.safetensors").is_file():
                time.sleep(0.01)
            time.sleep(chance.uniform(0.0, 0.3))
            process.send_signal(signal.SIGKILL)
            process.wait()
        if (tmp_path / "broken" / "record.json").exists():
            break  # it was quicker than the third kill
        kills += 1
    assert kills > 0, (tmp_path / "log").read_text()
    train(read_settings(path), quiet=True)
    for name in ("model/model.safetensors", "predictions.csv"):
        assert (tmp_path / "broken" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not (tmp_path / "broken" / "checkpoint").exists()
