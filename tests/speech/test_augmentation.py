"""Augmentation: each change against numpy or scipy, and draws against their distributions."""

from itertools import groupby

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal, stats

from hamiltone.speech import (
    FRAME_SAMPLES,
    OCTAVES,
    SAMPLE_RATE,
    AugmentationSettings,
    NoiseColour,
    add_noise,
    augment,
    change_gain,
    change_response,
    change_speed,
    draw_noise,
    place_in_frame,
)

COLUMNS = 501


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def decibel(ratio: np.ndarray) -> np.ndarray:
    return 10 * np.log10(ratio)


def power(values: torch.Tensor) -> np.ndarray:
    return np.square(values.numpy().astype(np.float64)).mean(axis=-1)


def test_gain_is_the_levels_difference() -> None:
    waveform = torch.randn(3, 700, generator=generator(0))
    asked = torch.tensor([-6.0, 0.0, 20.0])
    louder = change_gain(waveform, asked)
    assert louder.dtype == torch.float32
    np.testing.assert_allclose(louder, waveform.numpy() * 10 ** (asked.numpy()[:, None] / 20), rtol=1e-6)
    np.testing.assert_allclose(decibel(power(louder) / power(waveform)), asked, atol=1e-5)
    assert torch.equal(louder[1], waveform[1])


@pytest.mark.parametrize("octave", range(6))
def test_a_response_changes_each_octave_by_its_decibels(octave: int) -> None:
    gains = torch.tensor([3.0, -5.0, 8.0, 0.0, -20.0, 6.0, 1.0], dtype=torch.float64)
    seconds = torch.arange(SAMPLE_RATE, dtype=torch.float64) / SAMPLE_RATE
    hertz = torch.tensor([OCTAVES[octave], 2**0.5 * OCTAVES[octave]], dtype=torch.float64)
    tones = torch.sin(2 * torch.pi * hertz.unsqueeze(1) * seconds)
    changed = decibel(power(change_response(tones, gains)) / power(tones))
    assert changed[0] == pytest.approx(gains[octave].item(), abs=0.2)
    assert changed[1] == pytest.approx(gains[octave : octave + 2].mean().item(), abs=0.2)  # a line between


@given(st.floats(0.5, 2.0), st.floats(150, 3000))
@settings(max_examples=30, deadline=None)
def test_speed_makes_shorter_and_higher_by_the_same_factor(factor: float, hertz: float) -> None:
    tone = torch.from_numpy(np.sin(2 * np.pi * hertz * np.arange(16_000) / SAMPLE_RATE).astype(np.float32))
    played = change_speed(tone, factor)
    assert len(played) == pytest.approx(16_000 / factor, abs=2)
    inner = slice(500, len(played) - 500)  # the tone begins and ends at once, which a filter rounds off
    expected = np.sin(2 * np.pi * hertz * factor * np.arange(len(played)) / SAMPLE_RATE)
    # The resampler's filter begins to fall off at the highest of these tones: 0.5 % at 6 kHz.
    np.testing.assert_allclose(played.numpy()[inner], expected[inner], atol=6e-3)


@given(st.integers(1, FRAME_SAMPLES), st.floats(0, 1), st.floats(0.5, 2.0), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_a_recording_of_another_speed_stays_in_its_frame(samples: int, place: float, factor: float, seed: int) -> None:
    choice = AugmentationSettings(speed=(factor, factor))
    offset = round(place * (FRAME_SAMPLES - samples))
    recording = torch.ones(samples)
    played = change_speed(recording, factor)[:FRAME_SAMPLES]
    at = min(offset, FRAME_SAMPLES - len(played))
    waveform = augment(recording, offset, choice, generator(seed)).waveform
    assert torch.equal(waveform[at : at + len(played)], played)
    assert not waveform[:at].any() and not waveform[at + len(played) :].any()


@given(
    st.lists(st.tuples(st.floats(-30, 60), st.floats(1e-4, 1.0), st.floats(1e-3, 1e3)), min_size=1, max_size=4),
    st.integers(2, 3000),
    st.integers(0, 99),
)
@settings(max_examples=50, deadline=None)
def test_the_measured_snr_is_the_one_asked_for(rows: list[tuple[float, float, float]], samples: int, seed: int) -> None:
    asked, level, loudness = (torch.tensor(column, dtype=torch.float64) for column in zip(*rows, strict=True))
    source = generator(seed)
    waveform = level[:, None] * torch.randn(len(rows), samples, generator=source, dtype=torch.float64)
    noise = loudness[:, None] * torch.randn(len(rows), samples, generator=source, dtype=torch.float64)
    added = add_noise(waveform, noise, asked) - waveform
    np.testing.assert_allclose(decibel(power(waveform) / power(added)), asked, atol=1e-6)
    correlation = (added * noise).sum(dim=1) / (added.norm(dim=1) * noise.norm(dim=1))
    np.testing.assert_allclose(correlation, 1, atol=1e-6)  # nothing but the noise was added


def test_silence_and_noise_of_nothing_stay_as_they_are() -> None:
    waveform = torch.stack([torch.zeros(50), torch.ones(50)])
    noise = torch.stack([torch.ones(50), torch.zeros(50)])
    assert torch.equal(add_noise(waveform, noise, torch.tensor([0.0, 0.0])), waveform)


@pytest.mark.parametrize(("colour", "slope"), [("white", 0.0), ("pink", -1.0)])
def test_the_spectrum_of_noise(colour: NoiseColour, slope: float) -> None:
    noise = draw_noise(colour, 8, 64_000, generator(1)).double().numpy()
    frequency, density = signal.welch(noise, nperseg=2048)
    inner = slice(8, -8)  # away from the mean, which welch takes out, and from Nyquist
    found, _ = np.polyfit(np.log(frequency[inner]), np.log(density.mean(axis=0)[inner]), 1)
    assert found == pytest.approx(slope, abs=0.02)
    assert stats.kurtosis(noise.ravel()) == pytest.approx(0, abs=0.1)  # Gaussian
    if colour == "pink":
        np.testing.assert_allclose(noise.mean(axis=1), 0, atol=1e-6)
    else:
        assert noise.var() == pytest.approx(1, abs=0.02)


@given(st.sampled_from(["white", "pink"]), st.integers(1, 50))
def test_noise_has_the_length_asked_for_and_comes_again(colour: NoiseColour, samples: int) -> None:
    noise = draw_noise(colour, 2, samples, generator(3))
    assert noise.shape == (2, samples)
    assert noise.isfinite().all()
    assert torch.equal(noise, draw_noise(colour, 2, samples, generator(3)))


@given(st.integers(1, FRAME_SAMPLES), st.integers(-2 * FRAME_SAMPLES, 2 * FRAME_SAMPLES))
@settings(deadline=None)
def test_what_is_placed_in_a_frame_is_cut_by_it(samples: int, offset: int) -> None:
    waveform = np.arange(1, samples + 1, dtype=np.float32)
    wide = np.zeros(5 * FRAME_SAMPLES, np.float32)
    wide[2 * FRAME_SAMPLES + offset : 2 * FRAME_SAMPLES + offset + samples] = waveform
    placed = place_in_frame(torch.from_numpy(waveform).unsqueeze(0), offset)
    assert np.array_equal(placed[0], wide[2 * FRAME_SAMPLES : 3 * FRAME_SAMPLES])


def test_by_default_nothing_is_changed_or_drawn() -> None:
    recording = torch.randn(300, generator=generator(0))
    source = generator(4)
    state = source.get_state()
    waveform, masked = augment(recording, 17, AugmentationSettings(), source)
    assert masked is None
    assert torch.equal(waveform[17:317], recording)
    assert waveform.count_nonzero() == 300
    assert torch.equal(source.get_state(), state)


@given(st.integers(1, FRAME_SAMPLES), st.floats(0, 1), st.floats(0.001, 4), st.integers(0, 999))
@settings(deadline=None)
def test_a_shift_keeps_within_its_bounds_and_half_of_the_recording(
    samples: int, where: float, most: float, seed: int
) -> None:
    offset = int(where * (FRAME_SAMPLES - samples))
    recording = torch.arange(1, samples + 1, dtype=torch.float32)
    waveform, _ = augment(recording, offset, AugmentationSettings(shift_seconds=most), generator(seed))
    first = int(waveform.count_nonzero() and waveform.nonzero()[0])
    kept = waveform[waveform != 0]
    assert len(kept) >= samples - samples // 2
    assert torch.equal(kept, torch.arange(kept[0].item(), kept[0].item() + len(kept)))  # whole and in order
    assert abs(first - (int(kept[0]) - 1) - offset) <= round(most * SAMPLE_RATE)


def test_draws_are_uniform() -> None:
    recording = torch.ones(20_000)
    place = 22_000  # so that both sides have room
    choice = AugmentationSettings(shift_seconds=0.5, gain_db=(-3.0, 9.0))
    shifts, gains = [], []
    for seed in range(400):
        waveform, _ = augment(recording, place, choice, generator(seed))
        shifts.append(int(waveform.nonzero()[0]) - place)
        gains.append(20 * np.log10(waveform.max().item()))
    assert stats.kstest(shifts, stats.uniform(-8000, 16000).cdf).pvalue > 0.01
    assert stats.kstest(gains, stats.uniform(-3, 12).cdf).pvalue > 0.01
    assert abs(np.corrcoef(shifts, gains)[0, 1]) < 0.15


def test_noise_is_added_to_what_was_recorded_alone() -> None:
    recording = torch.sin(torch.arange(9000) / 7)
    choice = AugmentationSettings(snr_db=(5.0, 25.0), noise=("white",))
    found = []
    for seed in range(200):
        waveform, _ = augment(recording, 1000, choice, generator(seed))
        assert waveform[:1000].count_nonzero() == waveform[10_000:].count_nonzero() == 0
        found.append(decibel(power(recording) / power(waveform[1000:10_000] - recording)))
    assert stats.kstest(found, stats.uniform(5, 20).cdf).pvalue > 0.01


@pytest.mark.parametrize("kinds", [("white",), ("pink",), ("white", "pink")])
def test_one_of_the_kinds_of_noise_is_drawn_for_each(kinds: tuple[NoiseColour, ...]) -> None:
    recording = torch.sin(torch.arange(16_000) / 7)
    choice = AugmentationSettings(snr_db=(0.0, 0.0), noise=kinds)
    pink = []
    for seed in range(60):
        waveform, _ = augment(recording, 0, choice, generator(seed))
        noise = waveform[:16_000] - recording
        spectrum = np.abs(np.fft.rfft(noise)) ** 2
        pink.append(spectrum[:800].sum() > spectrum[800:].sum())  # below a tenth of the band
    if len(kinds) == 1:
        assert set(pink) == {kinds[0] == "pink"}
    else:
        assert 15 < sum(pink) < 45


def stretches(hidden: np.ndarray) -> list[int]:
    """The lengths of unbroken runs of True."""
    return [len(list(run)) for value, run in groupby(hidden.tolist()) if value]


@given(
    samples=st.integers(1, FRAME_SAMPLES),
    where=st.floats(0, 1),
    shift=st.sampled_from([0.0, 0.7]),
    times=st.integers(0, 3),
    width=st.integers(0, 90),
    bands=st.integers(0, 3),
    band=st.integers(0, 128),
    seed=st.integers(0, 999),
)
@settings(deadline=None)
def test_masks_hide_stretches_of_time_and_bands(
    samples: int, where: float, shift: float, times: int, width: int, bands: int, band: int, seed: int
) -> None:
    choice = AugmentationSettings(
        shift_seconds=shift,
        time_masks=times,
        time_mask_width=width,
        frequency_masks=bands,
        frequency_mask_width=band,
    )
    recording = torch.ones(samples)
    waveform, masked = augment(recording, int(where * (FRAME_SAMPLES - samples)), choice, generator(seed))
    if times == bands == 0:
        assert masked is None
        return
    assert masked is not None
    hidden = masked.numpy()
    every_time, every_band = masked.all(dim=1).numpy(), masked.all(dim=0).numpy()
    if every_band.all() or every_time.all():  # bands hid all: nothing more can be told apart
        assert bands > 0
        return
    assert np.array_equal(hidden, every_time[:, None] | every_band)
    assert len(stretches(every_time)) <= times
    assert len(stretches(every_band)) <= bands
    assert every_band.sum() <= bands * band
    present = np.flatnonzero(waveform.numpy())
    columns = np.arange(512) * 128  # the sample in the middle of each column's window
    inside = (columns >= present[0] - 127) & (columns <= present[-1])
    assert not (every_time & ~inside).any()
    assert every_time.sum() <= times * min(width, (present[-1] - present[0]) // 256 + 1)
    assert not every_time[COLUMNS:].any()


def test_the_length_and_place_of_masks_are_uniform() -> None:
    choice = AugmentationSettings(time_masks=1, time_mask_width=9, frequency_masks=1, frequency_mask_width=4)
    lengths, widths, places = [], [], []
    for seed in range(1000):
        masked = augment(torch.ones(FRAME_SAMPLES), 0, choice, generator(seed)).masked
        assert masked is not None
        time, band = masked.all(dim=1), masked.all(dim=0)
        lengths.append(int(time.sum()))
        widths.append(int(band.sum()))
        if time.any():
            places.append(int(time.nonzero()[0]))
    assert stats.chisquare(np.bincount(lengths, minlength=10)).pvalue > 0.01
    assert stats.chisquare(np.bincount(widths, minlength=5)).pvalue > 0.01
    assert stats.kstest(places, stats.uniform(0, 495).cdf).pvalue > 0.01
