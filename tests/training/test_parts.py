"""Parts of splits: recordings without speakers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from hamiltone.training import TrainingError, train

from .conftest import Make

NAMELESS = "not estimable (speakers unknown)"


@pytest.fixture
def nameless(tmp_path: Path) -> Path:
    """Twelve recordings of noise in two classes, of speakers whom nobody has named."""
    rows = []
    for number in range(12):
        noise = np.random.default_rng(number).uniform(-0.5, 0.5, 16000)
        soundfile.write(tmp_path / f"{number}.wav", noise, 16000)
        rows.append({"path": f"{number}.wav", "speaker": "", "emotion": ("calm", "sad")[number % 2]})
    pd.DataFrame(rows).to_csv(tmp_path / "corpus.csv", index=False)
    return tmp_path / "corpus.csv"


def test_recordings_without_speakers_have_results_without_intervals(
    settings_for: Make, nameless: Path, tmp_path: Path
) -> None:
    corpus = {"name": "table", "root": str(nameless), "within": None}
    record = train(settings_for(tmp_path / "run", corpus=corpus, training__epochs=1), quiet=True)
    for part, size in ((record.validation, record.split.validation), (record.test, record.split.test)):
        assert part is not None
        assert part.accuracy.value >= 0
        assert part.accuracy.note == part.uar.note == part.macro_f1.note == NAMELESS
        assert part.speakers == size.speakers == 0


def test_without_speakers_there_is_nothing_to_train_against(settings_for: Make, nameless: Path, tmp_path: Path) -> None:
    corpus = {"name": "table", "root": str(nameless), "within": None}
    settings = settings_for(tmp_path / "run", corpus=corpus, training__speaker_reversal=0.1)
    with pytest.raises(TrainingError, match=r"training.speaker_reversal: 6 training clips have no speaker"):
        train(settings, quiet=True)
