"""Frames of 4 s: which samples they hold."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hamiltone.audio import FRAME_SAMPLES, SAMPLE_RATE, FrameRule, Level, cut_frames, frame_bounds, is_silent

SAMPLES = st.one_of(
    st.integers(1, 400_000),
    st.builds(lambda frames, extra: max(1, frames * FRAME_SAMPLES + extra), st.integers(0, 5), st.integers(-2, 2)),
    st.builds(lambda frames, extra: frames * FRAME_SAMPLES + extra, st.integers(1, 5), st.integers(15_998, 16_002)),
)
RULES = st.sampled_from(["drop_short", "keep", "drop"])
HOPS = st.one_of(st.just(FRAME_SAMPLES), st.integers(500, FRAME_SAMPLES))


@pytest.mark.parametrize(
    ("seconds", "rule", "frames"),
    [
        (0.1, "drop_short", 1),
        (0.1, "drop", 1),
        (3.9, "drop", 1),
        (4.0, "drop", 1),
        (4.23, "drop_short", 1),
        (4.23, "keep", 2),
        (4.23, "drop", 1),
        (5.0, "drop_short", 2),
        (5.0, "drop", 1),
        (8.0, "drop", 2),
        (8.9999, "drop_short", 2),
        (9.0, "drop_short", 3),
    ],
)
def test_examples(seconds: float, rule: FrameRule, frames: int) -> None:
    assert len(frame_bounds(round(seconds * SAMPLE_RATE), rule=rule)) == frames


def test_the_numbers_of_the_method() -> None:
    assert FRAME_SAMPLES == 64_000
    assert frame_bounds(150_000) == [(0, 64_000), (64_000, 128_000), (128_000, 150_000)]
    assert frame_bounds(130_000) == [(0, 64_000), (64_000, 128_000)]
    assert frame_bounds(130_000, hop=32_000) == [(0, 64_000), (32_000, 96_000), (64_000, 128_000), (96_000, 130_000)]
    assert frame_bounds(128_000, hop=32_000) == [(0, 64_000), (32_000, 96_000), (64_000, 128_000)]


@given(samples=SAMPLES, rule=RULES)
def test_without_a_hop_frames_cover_and_do_not_overlap(samples: int, rule: FrameRule) -> None:
    bounds = frame_bounds(samples, rule=rule)
    assert bounds[0][0] == 0
    assert all(stop == start for (_, stop), (start, _) in itertools.pairwise(bounds))
    left_out = samples - bounds[-1][1]
    least = {"drop_short": SAMPLE_RATE, "keep": 1, "drop": FRAME_SAMPLES}[rule]
    assert 0 <= left_out < least


@given(samples=SAMPLES, rule=RULES, hop=HOPS)
def test_with_a_hop(samples: int, rule: FrameRule, hop: int) -> None:
    bounds = frame_bounds(samples, rule=rule, hop=hop)
    assert [start for start, _ in bounds] == [hop * i for i in range(len(bounds))]
    assert all(stop - start == FRAME_SAMPLES for start, stop in bounds[:-1])
    assert 0 < bounds[-1][1] - bounds[-1][0] <= FRAME_SAMPLES
    # Only the last one may touch the clip's end.
    assert all(stop < samples for _, stop in bounds[:-1])
    last = bounds[-1][1] - bounds[-1][0]
    if samples <= FRAME_SAMPLES:
        assert bounds == [(0, samples)]
    elif rule == "keep":
        assert bounds[-1][1] == samples
    elif rule == "drop":
        assert last == FRAME_SAMPLES
    else:
        assert last >= min(SAMPLE_RATE, FRAME_SAMPLES)


@given(samples=SAMPLES, hop=HOPS)
def test_the_rules_differ_in_the_last_frame_only(samples: int, hop: int) -> None:
    keep, short, drop = (frame_bounds(samples, rule=rule, hop=hop) for rule in ("keep", "drop_short", "drop"))
    assert short in (keep, keep[:-1])
    assert drop in (keep, keep[:-1])
    assert len(drop) <= len(short) <= len(keep)


@pytest.mark.parametrize("samples", [0, -1])
def test_an_empty_clip(samples: int) -> None:
    with pytest.raises(ValueError, match="no frames"):
        frame_bounds(samples)


@pytest.mark.parametrize("hop", [0, -5, FRAME_SAMPLES + 1])
def test_impossible_hops(hop: int) -> None:
    with pytest.raises(ValueError, match="hop must be"):
        frame_bounds(100_000, hop=hop)


def test_unknown_rule() -> None:
    rule: Any = "pad"
    with pytest.raises((ValueError, TypeError)):
        frame_bounds(100_000, rule=rule)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("rule", "hop"), [("keep", FRAME_SAMPLES), ("drop", FRAME_SAMPLES), ("drop_short", 20_000)])
@pytest.mark.parametrize("samples", [1, 64_000, 70_000, 150_000])
def test_cut_frames(samples: int, rule: FrameRule, hop: int, dtype: type) -> None:
    waveform = np.random.default_rng(samples).standard_normal(samples).astype(dtype)
    frames = cut_frames(waveform, rule=rule, hop=hop)
    bounds = frame_bounds(samples, rule=rule, hop=hop)
    assert frames.shape == (len(bounds), 64_000)
    assert frames.dtype == np.float32
    assert not np.shares_memory(frames, waveform)
    for frame, (start, stop) in zip(frames, bounds, strict=True):
        np.testing.assert_array_equal(frame[: stop - start], waveform[start:stop].astype(np.float32))
        assert not frame[stop - start :].any()


def test_an_empty_waveform_cannot_be_cut() -> None:
    with pytest.raises(ValueError, match="no frames"):
        cut_frames(np.zeros(0, np.float32))


def test_silence() -> None:
    clip = np.zeros(1000, np.float32)
    assert is_silent(clip)
    clip[3] = -0.0004
    assert is_silent(clip)
    clip[4] = -0.0006
    assert not is_silent(clip)
    assert is_silent(clip, peak=0.0007)
    assert is_silent(np.zeros(0, np.float32))


def test_the_quietest_speech_is_heard() -> None:
    assert not is_silent(0.0045 * np.sin(np.arange(16000) / 20, dtype=np.float32))


@pytest.mark.parametrize("offset", [0.5, -0.02, 1e-3])
def test_a_constant_offset_is_no_sound(offset: float) -> None:
    assert is_silent(np.full(16000, offset, np.float32))
    wave = np.sin(np.arange(16000) / 20)
    assert is_silent(offset + 0.0004 * wave)
    assert not is_silent(offset + 0.0006 * wave)


@given(st.lists(st.integers(0, 50), max_size=6), st.integers(0, 99))
def test_a_level_is_that_of_the_whole(lengths: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    blocks = [random.normal(0.3, 0.1, length) for length in lengths]
    level = Level()
    for block in blocks:
        level.add(block)
    whole = np.concatenate([np.zeros(0), *blocks])
    expected = np.abs(whole - whole.mean()).max() if len(whole) else 0.0
    assert level.peak == pytest.approx(expected, abs=1e-12)
