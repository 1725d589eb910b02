"""Recordings grouped by voice, where nobody has named the speakers."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from sklearn.metrics import adjusted_rand_score
from typer.testing import CliRunner

from hamiltone.cli import app
from hamiltone.corpora import load_corpus
from hamiltone.service import FEWEST_OF_A_VOICE, Predictor, ServiceError, _voices, recordings_by_voice
from hamiltone.speech import VOICE_PACKAGE, VoiceEncoder

needs_weights = pytest.mark.skipif(
    importlib.util.find_spec(VOICE_PACKAGE) is None,
    reason="Resemblyzer's weights are not installed: pip install --no-deps resemblyzer==0.1.4",
)


class Told(VoiceEncoder):
    """An encoder to which the first sample tells whose voice it is."""

    def parts(self, waveform: np.ndarray) -> torch.Tensor:
        return torch.nn.functional.one_hot(torch.tensor([round(float(waveform[0]) * 100)]), 256).float()


def speech(path: Path, voice: int, seed: int = 0) -> Path:
    """Noise as loud as syllables, whose first sample tells the voice."""
    time = np.arange(16000) / 16000
    sound = np.random.default_rng(seed).normal(0, 0.1, len(time)) * np.sin(2 * np.pi * 2 * time) ** 2
    sound[0] = voice / 100
    soundfile.write(path, sound, 16000, subtype="FLOAT")
    return path


def test_groups_are_named_as_they_are_heard_and_small_ones_are_of_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_voices, "load_voice_encoder", Told)
    voices = [1, 0, 1, 2] + [0, 1] * (FEWEST_OF_A_VOICE - 1)
    paths = [speech(tmp_path / f"{number:02}.wav", voice) for number, voice in enumerate(voices)]
    soundfile.write(silent := tmp_path / "silent.wav", np.zeros(16000), 16000)
    heard: list[Path] = []
    found = recordings_by_voice([silent, *paths, tmp_path / "none.wav"], report=lambda path, _: heard.append(path))
    assert found == {
        "": [silent, paths[3], tmp_path / "none.wav"],
        "voice 1": [path for path, voice in zip(paths, voices, strict=True) if voice == 1],
        "voice 2": [path for path, voice in zip(paths, voices, strict=True) if voice == 0],
    }
    assert set(heard) == {silent, *paths}
    assert recordings_by_voice(paths[:1]) == {"": paths[:1]}
    assert recordings_by_voice([]) == {}
    monkeypatch.setattr(_voices, "_MOST", 3)
    with pytest.raises(ServiceError, match="4 recordings are too many to be grouped by voice, 3 at most"):
        recordings_by_voice(paths[:4])


@needs_weights
def test_synthetic_voices_are_told_apart() -> None:
    table = load_corpus("synthetic").table
    chosen = table.groupby("speaker").head(24)
    found = recordings_by_voice(chosen["path"])
    voice = {path: name for name, paths in found.items() for path in paths}
    names = [voice[Path(path)] for path in chosen["path"]]
    assert adjusted_rand_score(chosen["speaker"].str[0], names) > 0.7  # variants of one woman, and of one man


def test_by_voice_predicts_as_if_speakers_were_named(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_voices, "load_voice_encoder", Told)
    monkeypatch.setattr(Predictor, "adapt", lambda self, recordings, **_: _adapted(self, list(recordings)))
    heard: list[list[Path]] = []

    def _adapted(predictor: Predictor, recordings: list[Path]) -> Predictor:
        heard.append(recordings)
        return predictor

    folder = tmp_path / "talks"
    folder.mkdir()
    paths = [speech(folder / f"{number:02}.wav", number % 2, number) for number in range(2 * FEWEST_OF_A_VOICE)]
    paths.append(speech(folder / "other.wav", 2))
    (folder / "bad.wav").write_bytes(b"none")
    result = CliRunner().invoke(app, ["predict", str(folder), "--by-voice", "--model", str(model), "--json"])
    assert result.exit_code == 2 and result.stderr.count("bad.wav") == 1
    assert f"2 voices found in {len(paths) + 1} recordings; 2 are of none (fewer than 6" in result.stderr
    assert heard == [paths[0:-1:2], paths[1:-1:2]]
    told = {one["path"]: one["speaker"] for one in json.loads(result.stdout)}
    assert told == {str(path): f"voice {1 + n % 2}" for n, path in enumerate(paths[:-1])} | {str(paths[-1]): None}


@pytest.mark.parametrize("other", [["--same-speaker"], ["--live"], ["--segments", "x.csv"], ["--speaker-column", "a"]])
def test_by_voice_goes_without_what_says_who_speaks(other: list[str], tmp_path: Path) -> None:
    paths = [] if other == ["--live"] else [str(tmp_path)]
    result = CliRunner().invoke(app, ["predict", *paths, "--by-voice", *other])
    assert result.exit_code != 0
    assert "--by-voice finds who speaks" in str(result.exception) + result.output
