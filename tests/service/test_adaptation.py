"""What a predictor hears of one person's recordings when it adapts to that person."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from hamiltone.audio import SAMPLE_RATE, cut_frames, load_audio
from hamiltone.networks import Recognizer, build_front, build_network
from hamiltone.service import Predictor, ServiceError
from hamiltone.settings import LogMelSettings, ResidualSettings


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    torch.manual_seed(0)
    front = build_front(LogMelSettings(bands=16))
    config = ResidualSettings(channels=(4,), stem=4, attention=4)
    return Predictor(Recognizer(front, build_network(config, front.shape, 2), ["calm", "angry"]))


def write_voice(path: Path, number: int) -> None:
    """Two seconds whose level and pitch go up and down."""
    seconds = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    pitch = 120 + 40 * number + 20 * np.sin(3 * seconds)
    voice = np.sin(2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE) * np.sin(np.pi * (2 + number) * seconds) ** 2
    soundfile.write(path, 0.3 * voice, SAMPLE_RATE)


@pytest.fixture
def voices(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number}.wav" for number in range(3)]
    for number, path in enumerate(paths):
        write_voice(path, number)
    return paths


def same(one: Predictor, other: Predictor) -> bool:
    """Whether two networks have the same weights, and the same means of their norms."""
    first, second = (each.recognizer.network.state_dict() for each in (one, other))
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_adapted_to_one_person_it_hears_all_recordings_first(predictor: Predictor, voices: list[Path]) -> None:
    adapted = predictor.adapt(voices)
    frames = torch.stack([torch.from_numpy(cut_frames(load_audio(path))[0]) for path in voices])
    expected = predictor.recognizer.adapted([frames])
    for path, frame in zip(voices, frames, strict=True):
        scores = list(adapted.predict(path).scores.values())
        assert scores == pytest.approx(expected.recognize([frame.unsqueeze(0)]).overall.tolist(), abs=1e-5)
    assert predictor.predict(voices[0]).scores != adapted.predict(voices[0]).scores
    with pytest.raises(ServiceError, match="no frame of the speaker"):
        predictor.adapt([])


def test_noise_is_not_adapted_to(predictor: Predictor, voices: list[Path], tmp_path: Path) -> None:
    steady, after_a_voice = tmp_path / "noise.wav", tmp_path / "both.wav"
    noise = np.random.default_rng(0).normal(0, 0.1, 9 * SAMPLE_RATE)
    soundfile.write(steady, noise, SAMPLE_RATE)
    voice = np.pad(soundfile.read(voices[2])[0], (0, 2 * SAMPLE_RATE))  # a window by itself
    soundfile.write(after_a_voice, np.concatenate([voice, noise]), SAMPLE_RATE)
    adapted = predictor.adapt(voices)
    assert not same(adapted, predictor)
    assert not same(adapted, predictor.adapt(voices[:2]))
    assert same(adapted, predictor.adapt([voices[0], steady, voices[1], after_a_voice, steady]))
    with pytest.raises(ServiceError, match="no frame of the speaker"):
        predictor.adapt([steady])


def test_a_quarter_of_an_hour_is_heard_at_most(
    predictor: Predictor, voices: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    two = predictor.adapt(voices[:2])
    monkeypatch.setattr("hamiltone.service._predictor._MOST_TO_ADAPT", 2)
    assert same(two, predictor.adapt(voices))
    assert not same(two, predictor.adapt(voices[:1]))
