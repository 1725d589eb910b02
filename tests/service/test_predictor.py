from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hamiltone.networks import Front, Recognizer, vgg
from hamiltone.service import Predictor
from hamiltone.speech import (
    FRAME_SAMPLES,
    SAMPLE_RATE,
    AudioError,
    FrameRule,
    Spectrogram,
    cut_frames,
    load_audio,
    stream_frames,
)


def recognizer(rule: FrameRule = "drop_short") -> Recognizer:
    torch.manual_seed(0)
    front = Front(Spectrogram(scale="decibel").fit([torch.randn(2, FRAME_SAMPLES)]))
    network = vgg(11, "real", 2, width=1 / 32, hidden=8, input_shape=front.shape)
    return Recognizer(front, network, ["calm", "angry"], frame_rule=rule)


@pytest.mark.parametrize("rule", ["drop_short", "keep", "drop"])
@pytest.mark.parametrize("seconds", [0.3, 4.0, 4.5, 9.25, 45.0])
def test_a_stream_gives_the_scores_of_the_whole(tmp_path: Path, seconds: float, rule: FrameRule) -> None:
    path = tmp_path / "x.wav"
    soundfile.write(path, np.random.default_rng(1).normal(0, 0.1, round(seconds * 22050)), 22050)
    model = recognizer(rule)
    prediction = Predictor(model).predict(path)
    with torch.no_grad():
        expected = model(torch.from_numpy(cut_frames(load_audio(path), rule=rule))).softmax(dim=1)
    got = torch.tensor([[frame.scores[label] for label in model.labels] for frame in prediction.frames])
    torch.testing.assert_close(got, expected)
    assert list(prediction.scores.values()) == pytest.approx(expected.mean(dim=0).tolist(), abs=1e-6)
    assert prediction.frames[-1].end <= seconds + 1e-3


@given(
    st.lists(st.integers(0, 3 * FRAME_SAMPLES // 2), min_size=1, max_size=6),
    st.sampled_from(["drop_short", "keep", "drop"]),
)
@settings(deadline=None, max_examples=60)
def test_streamed_frames_are_those_of_the_whole(lengths: list[int], rule: FrameRule) -> None:
    blocks = [np.random.default_rng(i).normal(0, 1, n).astype(np.float32) for i, n in enumerate(lengths)]
    whole = np.concatenate(blocks)
    frames = list(stream_frames(blocks, rule=rule))
    if not len(whole):
        assert frames == []
        return
    expected = cut_frames(whole, rule=rule)
    assert len(frames) == len(expected)
    for frame, padded in zip(frames, expected, strict=True):
        assert np.array_equal(np.pad(frame, (0, FRAME_SAMPLES - len(frame))), padded)


def test_silence_is_an_error(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.full(SAMPLE_RATE, 0.001), SAMPLE_RATE)
    with pytest.raises(AudioError, match="is silent"):
        Predictor(recognizer()).predict(tmp_path / "silent.wav")


def test_recordings_as_distributed(speech_data: Path) -> None:
    """48 kHz and stereo files are heard as their converted copies are."""
    predictor = Predictor(recognizer())
    originals = sorted((speech_data / "original-layout" / "ravdess").rglob("*.wav"))
    assert len(originals) == 8
    for original in originals:
        converted = speech_data / "ravdess" / original.parent.name / f"{original.stem}.flac"
        one, other = predictor.predict(original), predictor.predict(converted)
        assert list(one.scores.values()) == pytest.approx(list(other.scores.values()), abs=0.02)
