"""Where no answer is given, and what is noted: noise, tones, silence, clipped and short sound; speech is none of it."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hamiltone.audio import (
    AUDIO_SUFFIXES,
    FRAME_SAMPLES,
    SAMPLE_RATE,
    AudioError,
    FrameRule,
    frame_bounds,
    load_audio,
)
from hamiltone.networks import Recognizer
from hamiltone.service import Predictor
from hamiltone.service._sound import clipped_share, is_steady
from hamiltone.service._windows import stream_windows

SECONDS = np.arange(8 * SAMPLE_RATE) / SAMPLE_RATE


def coloured(exponent: float) -> np.ndarray:
    """Noise whose power falls with the frequency to this exponent."""
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=len(SECONDS)))
    sound = np.fft.irfft(spectrum / np.maximum(np.arange(len(spectrum)), 1) ** (exponent / 2))
    return 0.5 * sound / np.abs(sound).max()


STEADY = {
    "white": coloured(0),
    "pink": coloured(1),
    "brown": coloured(2),
    "440 Hz": 0.3 * np.sin(2 * np.pi * 440 * SECONDS),
    "100 Hz": 0.3 * np.sin(2 * np.pi * 100 * SECONDS),
    "chord": sum(0.1 * np.sin(2 * np.pi * hertz * SECONDS) for hertz in (261, 329, 392)),
    "silence": np.zeros(len(SECONDS)),
}


@pytest.fixture(scope="module")
def predictor(recognizer: Recognizer) -> Predictor:
    return Predictor(recognizer)


@pytest.mark.parametrize("name", STEADY)
def test_noise_and_tones_are_no_speech(name: str) -> None:
    for loudness in (1.0, 0.02):
        for start, stop in ((0, 64000), (1000, 9000), (0, 2000)):
            assert is_steady((loudness * STEADY[name][start:stop]).astype(np.float32)), (loudness, start, stop)


def test_speech_is_not_steady_and_not_clipped(speech_data: Path) -> None:
    found = [path for path in sorted(speech_data.rglob("*")) if path.suffix in AUDIO_SUFFIXES]
    recordings = [path for path in found if "silb" not in path.parts][:: max(1, len(found) // 120)]
    assert len(recordings) > 100
    sounds = {path: load_audio(path)[:64000] for path in recordings}
    assert [path for path, sound in sounds.items() if is_steady(sound)] == []
    assert [path for path, sound in sounds.items() if clipped_share(sound) > 0.002] == []
    longest = max(sounds.values(), key=len)
    silent_around = np.concatenate([np.zeros(40000, np.float32), longest[:20000]])  # a word in a file of zeros
    assert not is_steady(silent_around)
    loud = np.clip(longest * 10 ** (12 / 20), -np.abs(longest).max(), np.abs(longest).max())
    assert clipped_share(loud) > 0.02


def test_a_moment_is_not_judged() -> None:
    assert not is_steady(np.full(1024, 0.1, np.float32))
    assert clipped_share(np.zeros(0, np.float32)) == 0


def test_noise_is_unsure_in_every_window_and_overall(predictor: Predictor) -> None:
    prediction = predictor.predict_waveform(STEADY["pink"].astype(np.float32))
    assert {prediction.label, *(frame.label for frame in prediction.frames)} == {"unsure"}
    assert prediction.notes == ("no speech is heard: the level is as steady as that of noise or of a tone",)
    assert [(one.start, one.end, one.label, one.score) for one in prediction.stretches()] == [(0, 8, "unsure", None)]
    assert sum(prediction.scores.values()) == pytest.approx(1)


def test_of_speech_in_much_silence_the_note_says_how_much_is_none(predictor: Predictor, voice: Path) -> None:
    sound = np.concatenate([np.zeros(128000), load_audio(voice)[:60000]]).astype(np.float32)
    (note,) = predictor.predict_waveform(sound).notes
    assert note == "no speech is heard in 2 of 3 windows: the level is as steady as that of noise or of a tone"


def test_speech_with_noise_before_it_has_an_answer(predictor: Predictor, voice: Path) -> None:
    sound = np.concatenate([STEADY["white"][:64000], load_audio(voice)[:128000]]).astype(np.float32)
    prediction = predictor.predict_waveform(sound, hop=4.0)
    assert [frame.label == "unsure" for frame in prediction.frames] == [True, False, False]
    assert prediction.label == prediction.ranked[0][0]
    assert prediction.notes == ()


def test_a_low_score_is_unsure(recognizer: Recognizer, voice: Path) -> None:
    prediction = Predictor(recognizer).predict(voice)
    highest = prediction.ranked[0][1]
    for below, label in ((highest - 1e-4, prediction.ranked[0][0]), (highest + 1e-4, "unsure")):
        doubting = Recognizer(recognizer.front, recognizer.network, recognizer.labels, unsure_below=below)
        doubted = Predictor(doubting).predict(voice)
        assert doubted.label == label
        assert doubted.scores == prediction.scores
        for frame in doubted.frames:
            best = max(frame.scores, key=frame.scores.__getitem__)
            assert frame.label == (best if frame.scores[best] >= below else "unsure")


def test_what_is_wrong_with_the_sound_is_noted(predictor: Predictor, voice: Path, tmp_path: Path) -> None:
    sound = load_audio(voice)
    assert predictor.predict(voice).notes == ()
    limit = float(np.abs(sound).max()) / 10
    soundfile.write(tmp_path / "clipped.wav", np.clip(sound, -limit, limit), SAMPLE_RATE)
    (note,) = predictor.predict(tmp_path / "clipped.wav").notes
    assert note.startswith("heavily clipped: ") and "% of the samples lie at the limit" in note
    (note,) = predictor.predict_waveform(sound[16000:20000]).notes
    assert note == "only 0.25 s of sound: too short to mean much"


@pytest.mark.parametrize(("samples", "told"), [(10, "0.01"), (1600, "0.10"), (7999, "0.50"), (8000, None)])
def test_what_is_too_short_for_a_syllable_is_unsure(
    predictor: Predictor, voice: Path, samples: int, told: str | None
) -> None:
    """Nor is it clipped: of ten samples, one at least is the highest."""
    heard = predictor.predict_waveform(load_audio(voice)[16000 : 16000 + samples])
    best = max(heard.scores, key=heard.scores.__getitem__)
    assert [heard.label, heard.frames[0].label] == 2 * ["unsure" if told else best]
    assert heard.notes == ((f"only {told} s of sound: too short to mean much",) if told else ())


def test_a_hop_makes_no_other_answer(predictor: Predictor, voice: Path) -> None:
    answers = [predictor.predict(voice, hop=hop) for hop in (0.5, 0.7, 1.0, 2.0, 3.0, 4.0)]
    for answer in answers:
        assert (answer.label, answer.notes, answer.end) == (answers[0].label, answers[0].notes, answers[0].end)
        torch.testing.assert_close(answer.scores, answers[0].scores, atol=1e-6, rtol=0)


@pytest.mark.parametrize("hop", [16000, 64000])
def test_half_an_hour_takes_no_more_memory_than_a_minute(hop: int) -> None:
    blocks = (np.full(30 * SAMPLE_RATE, 0.1, np.float32) for _ in range(60))
    tracemalloc.start()
    windows = sum(window.listed for window, _ in stream_windows(blocks, rule="keep", hop=hop))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert windows == 30 * 60 * SAMPLE_RATE // hop - (64000 // hop - 1)
    assert peak < 12 << 20  # six blocks, where the whole is 115 MB


@given(
    st.lists(st.integers(0, 3 * FRAME_SAMPLES // 2), min_size=1, max_size=6),
    st.sampled_from(["drop_short", "keep", "drop"]),
    st.sampled_from([FRAME_SAMPLES, FRAME_SAMPLES // 2, FRAME_SAMPLES // 4 + 7, FRAME_SAMPLES // 8]),
)
@settings(deadline=None, max_examples=60)
def test_windows_are_the_frames_of_the_hop_and_those_side_by_side(
    lengths: list[int], rule: FrameRule, hop: int
) -> None:
    blocks = [np.random.default_rng(i).normal(0, 1, n).astype(np.float32) for i, n in enumerate(lengths)]
    whole = np.concatenate(blocks)
    found = list(stream_windows(blocks, rule=rule, hop=hop))
    expected = {step: frame_bounds(len(whole), rule=rule, hop=step) if len(whole) else [] for step in (hop, 64000)}
    assert [(window.start, window.stop) for window, _ in found if window.listed] == expected[hop]
    assert [(window.start, window.stop) for window, _ in found if window.counted] == expected[FRAME_SAMPLES]
    assert [window.start for window, _ in found] == sorted({start for start, _ in expected[hop] + expected[64000]})
    for window, samples in found:
        assert np.array_equal(samples, whole[window.start : window.stop])


@pytest.mark.parametrize("value", [1e11, np.nan])
def test_values_in_memory_that_are_no_sound_are_refused(recognizer: Recognizer, value: float) -> None:
    with pytest.raises(AudioError, match="mine: holds values beyond 1e\\+10 times full scale"):
        Predictor(recognizer).predict_waveform(np.full(FRAME_SAMPLES, value, np.float32), name="mine")
