"""Windows of concurrent recordings in batches: each gets its own scores, and in its turn."""

import asyncio

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hamiltone.audio import FRAME_SAMPLES, cut_frames, frame_bounds
from hamiltone.networks import Recognizer, SpectrogramFront, vgg
from hamiltone.service._batcher import Batcher
from hamiltone.speech import Spectrogram


def linear() -> Recognizer:
    torch.manual_seed(0)
    front = SpectrogramFront(Spectrogram(scale="decibel", normalisation="none"))
    return Recognizer(
        front, vgg(11, "real", 3, width=1 / 64, hidden=4, input_shape=front.shape), ["a", "b", "c"]
    ).eval()


@given(
    st.lists(st.tuples(st.integers(1, 3 * FRAME_SAMPLES), st.integers(32000, FRAME_SAMPLES)), min_size=1, max_size=5)
)
@settings(deadline=None, max_examples=5)
def test_batches_give_each_recording_its_own_scores(clips: list[tuple[int, int]]) -> None:
    model = linear()
    waves = [np.random.default_rng(i).normal(0, 0.1, n).astype(np.float32) for i, (n, _) in enumerate(clips)]
    bounds = [frame_bounds(n, hop=hop) for n, hop in clips]
    sizes: list[int] = []

    async def together() -> list[np.ndarray]:
        batcher = Batcher(model, size=4, wait=0.0, observe=sizes.append)
        await batcher.start()
        try:
            return await asyncio.gather(*(batcher.recognize(*each) for each in zip(waves, bounds, strict=True)))
        finally:
            await batcher.close()

    for rows, wave, (_, hop) in zip(asyncio.run(together()), waves, clips, strict=True):
        frames = torch.from_numpy(cut_frames(wave, hop=hop))
        np.testing.assert_allclose(rows, model.recognize([frames]).frames.numpy(), atol=1e-5)
    assert sum(sizes) == sum(map(len, bounds))
    assert max(sizes) <= 4


@pytest.mark.parametrize(
    ("first", "then", "batches"),
    [
        ([8, 1], [], [[(8, 0), (1, 0)], [(8, 1), (8, 2)]]),
        ([8], [1], [[(8, 0), (8, 1)], [(8, 2), (1, 0)]]),
        ([8, 3, 1], [], [[(8, 0), (3, 0)], [(1, 0), (8, 1)]]),
    ],
)
def test_a_long_recording_does_not_hold_up_a_short_one(
    first: list[int], then: list[int], batches: list[list[tuple[int, int]]]
) -> None:
    """Recordings are called by their numbers of windows, and a window by its recording and its place in it."""
    taken: list[list[tuple[int, int]]] = []

    async def story() -> None:
        batcher = Batcher(linear(), size=2)  # which is not started: the batches are taken here
        asking = []
        for arriving in (first, then):
            for windows in arriving:
                wave = np.zeros(windows * FRAME_SAMPLES, np.float32)
                asking.append(asyncio.create_task(batcher.recognize(wave, frame_bounds(len(wave)))))
            await asyncio.sleep(0)
            batch = batcher._next_windows()
            taken.append([(len(job.waveform) // FRAME_SAMPLES, start // FRAME_SAMPLES) for job, (start, _) in batch])
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await batcher.close()

    asyncio.run(story())
    assert taken == batches


def test_recordings_given_up_and_failures_leave_the_batcher_working(recognizer: Recognizer) -> None:
    wave = np.random.default_rng(0).normal(0, 0.1, 40 * FRAME_SAMPLES).astype(np.float32)
    bounds = frame_bounds(len(wave))

    async def story() -> None:
        batcher = Batcher(recognizer, size=2, wait=0.0)
        await batcher.start()
        given_up = asyncio.create_task(batcher.recognize(wave, bounds))
        await asyncio.sleep(0.05)
        given_up.cancel()
        with pytest.raises(ValueError, match="broadcast"):
            await batcher.recognize(wave, [(0, FRAME_SAMPLES + 1)])
        rows = await batcher.recognize(wave, bounds[:1])
        assert rows.shape == (1, 3)
        await batcher.close()

    asyncio.run(story())
