import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import get_window

from hamiltone.speech import (
    FRAME_SAMPLES,
    ConvolvedLogMel,
    LogMel,
    change_speed,
    mel_bands,
    place_in_frame,
    sounding_columns,
)

CHIRP = torch.linspace(0, 1, 20000)
SPEECH = (
    torch.sin(900 * CHIRP + 4000 * CHIRP**2) * (0.3 + torch.sin(9 * CHIRP) ** 2)
    + 0.01 * torch.randn(20000, generator=torch.Generator().manual_seed(0))
) * 0.1


def frame(samples: torch.Tensor = SPEECH, offset: int = 8000) -> torch.Tensor:
    return place_in_frame(samples.unsqueeze(0), offset)


def slow_log_mel(samples: np.ndarray, bands: int, normalisation: str, speech_range: float = 40.0) -> np.ndarray:
    """An independent float64 form, one column and one band at a time."""
    samples = np.where(samples == 0, 0, samples - samples.sum() / np.count_nonzero(samples))
    padded = np.concatenate([np.zeros(256), samples.astype(np.float64), np.zeros(256)])
    window = np.concatenate([np.zeros(56), get_window("hann", 400), np.zeros(56)])
    power = np.array([np.abs(np.fft.rfft(padded[160 * c : 160 * c + 512] * window)) ** 2 for c in range(400)])
    lowest, highest = 2595 * np.log10(1 + np.array([50.0, 8000.0]) / 700)
    hertz = 700 * (10 ** (np.linspace(lowest, highest, bands + 2) / 2595) - 1)
    values = np.zeros((400, bands))
    for band in range(bands):
        weights = np.interp(np.arange(257) * 31.25, hertz[band : band + 3], [0, 1, 0])
        values[:, band] = power @ (weights / weights.sum())
    loudness = values.sum(1)
    loud = np.flatnonzero(loudness >= loudness.max() * 10 ** (-speech_range / 10))
    first, stop = max(loud[0] - 5, 0), min(loud[-1] + 6, 400)
    decibel = 10 * np.log10(np.maximum(values / values.max(), 1e-8))
    if normalisation == "level":
        decibel = (decibel - decibel[first:stop].mean()) / 14
    else:
        decibel -= decibel[first:stop].mean(0)
        deviation = np.sqrt((decibel[first:stop] ** 2).mean(0) + 1e-3)
        decibel /= 12 if normalisation == "band" else deviation

    def slope(series: np.ndarray) -> np.ndarray:
        steps = np.pad(series, ((2, 2), (0, 0)), mode="edge")
        return np.array([np.polyfit(np.arange(5), steps[c : c + 5], 1)[0] for c in range(400)])

    change = slope(decibel)
    neighbours = np.zeros_like(decibel)
    neighbours[:, 1:-1] = decibel[:, 2:] - decibel[:, :-2]
    result = np.zeros((4, 400, bands))
    channels = np.stack([decibel, 3 * change, 9 * slope(change), neighbours])
    result[:, : stop - first] = channels[:, first:stop]
    return result


@pytest.mark.parametrize("normalisation", ["level", "band", "band_and_deviation"])
@pytest.mark.parametrize("bands", [24, 64])
def test_log_mel_is_the_slow_form(normalisation, bands):
    got = LogMel(bands, normalisation)(frame())[0].double().numpy()
    np.testing.assert_allclose(got, slow_log_mel(frame()[0].numpy(), bands, normalisation), atol=2e-3)


def test_the_speech_is_what_lies_in_its_range():
    fading = frame(SPEECH * 10 ** -torch.linspace(0, 4, len(SPEECH)), 8000)  # by 80 dB
    lengths = []
    for speech_range in (10.0, 20.0, 40.0, 60.0):
        got = LogMel(24, "level", speech_range)(fading)[0]
        slow = slow_log_mel(fading[0].numpy(), 24, "level", speech_range)
        np.testing.assert_allclose(got.double().numpy(), slow, atol=2e-3)
        lengths.append(int(sounding_columns(got[None]).sum()))
    assert lengths == sorted(set(lengths))


@settings(deadline=None, max_examples=15)
@given(gain=st.floats(-40, 20))
def test_no_gain_changes_anything(gain):
    log_mel = LogMel()
    torch.testing.assert_close(log_mel(frame() * 10 ** (gain / 20)), log_mel(frame()), atol=1e-3, rtol=0)


@settings(deadline=None, max_examples=10)
@given(columns=st.integers(0, 200))
def test_silence_before_speech_changes_nothing(columns):
    log_mel = LogMel()
    later, first = log_mel(frame(offset=160 * columns + 1600)), log_mel(frame(offset=1600))
    torch.testing.assert_close(later, first, atol=1e-3, rtol=0)


def test_a_constant_offset_is_no_sound():
    log_mel = LogMel()
    moved = torch.where(frame() != 0, frame() + 0.2, 0.0)
    torch.testing.assert_close(log_mel(moved), log_mel(frame()), atol=1e-3, rtol=0)


def test_padding_and_silence_are_exactly_zero():
    features = LogMel()(torch.cat([frame(), torch.zeros(1, FRAME_SAMPLES)]))
    sounding = sounding_columns(features)
    assert 120 <= sounding[0].sum() <= 140
    assert sounding[0, : sounding[0].sum()].all()
    assert not sounding[1].any()
    assert features[1].abs().max() == 0


def test_masks_hide_the_cells_at_their_time_and_frequency():
    masked = torch.zeros(1, 512, 128, dtype=torch.bool)
    masked[:, :, 64:] = True
    log_mel = LogMel()
    whole, hidden = log_mel(frame()), log_mel(frame(), masked)
    above = mel_bands(64)[1] >= 4000
    assert hidden[..., above].abs().max() == 0
    torch.testing.assert_close(hidden[..., ~above], whole[..., ~above])


@pytest.mark.parametrize("speed", [0.9, 1.0])
def test_a_masked_time_hides_the_columns_of_its_sound(speed):
    """A spectrogram's column c is at sample 128 c; at a speed, a log-mel column k is at sample round(160 speed) k."""
    masked = torch.zeros(1, 512, 128, dtype=torch.bool)
    masked[:, 80:120] = True
    log_mel = LogMel(speed=speed)
    whole, hidden = (log_mel(frame(), mask, in_place=True)[0] for mask in (None, masked))
    gone = torch.tensor([80 <= round(160 * speed) * column // 128 < 120 for column in range(400)])
    assert (whole[:, gone] != 0).any(0).any(1).sum() > 20
    torch.testing.assert_close(hidden, whole * ~gone[None, :, None], atol=0, rtol=0)


NOISE = 0.1 * torch.randn(48000, generator=torch.Generator().manual_seed(1))
NOISE *= 0.1 + torch.sin(torch.linspace(0, 40, 48000)) ** 2


@pytest.mark.parametrize("speed", [0.85, 0.9, 1.1, 1.25])
def test_at_a_speed_it_gives_what_a_recording_played_so_fast_would(speed):
    below = mel_bands(64)[1] < 7000 * min(speed, 1)  # above, a resampler's filter has its edge
    got = LogMel(speed=speed)(frame(NOISE, 0))[0, :, :, below]
    expected = LogMel()(frame(change_speed(NOISE, speed)[:FRAME_SAMPLES], 0))[0, :, :, below]
    lengths = [int(sounding_columns(one[None]).sum()) for one in (got, expected)]
    assert lengths[0] == pytest.approx(min(48000 / speed, 64000) / 160, abs=12)
    both = min(lengths)
    for channel in range(4):
        ours, theirs = got[channel, :both], expected[channel, :both]
        other = LogMel()(frame(NOISE, 0))[0, :, :, below][channel, :both]
        error = (ours - theirs).square().mean().sqrt() / theirs.std()
        assert error < 0.25
        assert error < (other - theirs).square().mean().sqrt() / theirs.std() / 4


def test_what_a_slow_copy_would_need_above_the_highest_frequency_is_empty():
    weights, centres = mel_bands(64, 0.8)
    torch.testing.assert_close(centres, mel_bands(64)[1] / 0.8)
    assert (weights.sum(0)[centres > 9000] == 0).all()
    torch.testing.assert_close(weights.sum(0)[centres < 7900], torch.ones(64, dtype=torch.float64)[centres < 7900])
    assert LogMel(speed=0.8)(frame(NOISE, 0)).isfinite().all()


@pytest.mark.parametrize("speed", [0.4, 0.99, 1.3])
def test_other_speeds_are_refused(speed):
    with pytest.raises(ValueError, match=f"speed {speed}: takes 0.5 to 1.25, in steps of 0.0125"):
        LogMel(speed=speed)


@pytest.mark.parametrize("speed", [0.9, 1.0, 1.1])
def test_the_convolved_form_gives_the_same(speed):
    log_mel = LogMel(speed=speed)
    torch.testing.assert_close(ConvolvedLogMel(log_mel)(frame()), log_mel(frame()), atol=2e-3, rtol=0)


def test_bands_sum_to_one_and_too_many_are_refused():
    weights, centres = mel_bands(64)
    torch.testing.assert_close(weights.sum(0), torch.ones(64, dtype=torch.float64))
    assert (centres.diff() > 0).all()
    with pytest.raises(ValueError, match="128 bands are too many"):
        mel_bands(128)


def test_other_lengths_are_refused():
    with pytest.raises(ValueError, match="frames of 64000 samples"):
        LogMel()(torch.zeros(1, 63999))


def test_in_place_the_same_stands_where_it_was_said():
    log_mel = LogMel()
    moved, still = log_mel(frame()), log_mel(frame(), in_place=True)
    first, length = int(sounding_columns(still)[0].nonzero()[0]), int(sounding_columns(still).sum())
    assert first == pytest.approx(8000 / 160, abs=7)
    torch.testing.assert_close(still[:, :, first : first + length], moved[:, :, :length])
    assert still[:, :, :first].abs().max() == 0
