"""What changes each epoch: the training part alone, the same for both networks, and the same whenever it is drawn."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook

from hamiltone.audio import FRAME_SAMPLES, AugmentationSettings
from hamiltone.networks import VGG, RHEmo, RHEmoEncoder
from hamiltone.records import RunRecord
from hamiltone.training import read_record, read_settings, train
from hamiltone.training._batches import Inputs, live_inputs
from hamiltone.training._stored_frames import Frames

EVERYTHING = [
    "augmentation.shift_seconds=0.2",
    "augmentation.gain_db=[-6.0, 6.0]",
    "augmentation.snr_db=[5.0, 20.0]",
    "augmentation.time_masks=2",
    "augmentation.frequency_masks=2",
]
CHOICE = AugmentationSettings(
    shift_seconds=0.2, gain_db=(-6.0, 6.0), snr_db=(5.0, 20.0), time_masks=2, frequency_masks=2
)


def frames() -> Frames:
    """Seven frames of different lengths, the third a whole one."""
    lengths = np.array([1, 9000, FRAME_SAMPLES, 20_000, 31_000, 5000, 64])
    stops = np.cumsum(lengths)
    samples = np.random.default_rng(0).standard_normal(stops[-1]).astype(np.float32)
    return Frames("key", samples, np.stack([stops - lengths, stops], axis=1), np.arange(len(lengths)), ())


FRAMES = frames()


def live(seed: int = 3, choice: AugmentationSettings = CHOICE, random_offset: bool = True) -> Inputs:
    return live_inputs(FRAMES, seed, random_offset=random_offset, augmentation=choice)


@given(st.permutations(range(7)), st.integers(1, 6), st.booleans())
@settings(max_examples=15, deadline=None)
def test_draws_depend_on_seed_epoch_and_frame_alone(order: list[int], cut: int, random_offset: bool) -> None:
    inputs = live(random_offset=random_offset)
    whole = inputs.fetch(np.arange(7), 2)
    torch.rand(cut)  # the global generator has no say
    parts = [inputs.fetch(np.array(rows), 2) for rows in (order[:cut], order[cut:])]
    masks = [part.masked for part in parts if part.masked is not None]
    assert whole.masked is not None
    assert torch.equal(torch.cat([part.x for part in parts]), whole.x[order])
    assert torch.equal(torch.cat(masks), whole.masked[order])


def test_another_epoch_or_seed_draws_anew() -> None:
    rows = np.arange(1, 6)
    drawn = [live(seed).fetch(rows, epoch) for seed, epoch in ((3, 1), (3, 2), (4, 1))]
    for position in range(len(rows)):
        assert len({one.x[position].numpy().tobytes() for one in drawn}) == 3
    assert len({one.masked.numpy().tobytes() for one in drawn if one.masked is not None}) == 3


def test_offsets_alone_move_recordings_and_change_nothing_else() -> None:
    inputs = live(choice=AugmentationSettings())
    places = set()
    for epoch in range(1, 6):
        x, masked = inputs.fetch(np.array([1]), epoch)
        first = int(x[0].nonzero()[0])
        places.add(first)
        assert masked is None
        assert torch.equal(x[0, first : first + 9000], torch.from_numpy(FRAMES.samples[1:9001]))
        assert x.count_nonzero() == 9000
    assert len(places) == 5


# ---- in runs


class Seen:
    """What networks of a kind were given, in order: which network, whether it was being trained, and the input."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, bool, Tensor]] = []

    def inputs(self, *, trained: bool) -> list[bytes]:
        """The inputs of frames that the trained network got in training, or in validation and tests.

        What it got before its first step is no recording: a network is checked before it is trained.
        """
        (network,) = {network for network, training, _ in self.calls if training}
        begun = next(place for place, (_, training, _) in enumerate(self.calls) if training)
        chosen = [x for who, training, x in self.calls[begun:] if who == network and training == trained]
        return [frame.contiguous().numpy().tobytes() for batch in chosen for frame in batch]


@contextmanager
def watching(kind: type[nn.Module]) -> Iterator[Seen]:
    seen = Seen()

    def note(module: nn.Module, args: tuple[Any, ...]) -> None:
        if isinstance(module, kind):
            seen.calls.append((id(module), module.training, args[0].detach().clone()))

    handle = register_module_forward_pre_hook(note)
    try:
        yield seen
    finally:
        handle.remove()


Again = Callable[..., tuple[RunRecord, Seen]]


@pytest.fixture
def again(chain: dict[str, Path], tmp_path: Path) -> Again:
    """Do a run of the chain again with other settings, watching what its networks see."""

    def run(name: str, *overrides: str, kind: type[nn.Module] = VGG) -> tuple[RunRecord, Seen]:
        out = tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}"
        with watching(kind) as seen:
            record = train(read_settings(chain[name] / "settings.toml", [f"out={out}", *overrides]), quiet=True)
        return record, seen

    return run


def test_the_training_part_changes_for_both_networks_and_nothing_else_does(again: Again) -> None:
    record, seen = again("at-speaker", *EVERYTHING)
    _, plain = again("at-speaker")
    trained = next(network for network, training, _ in seen.calls if training)
    steps = [place for place, (network, training, _) in enumerate(seen.calls) if network == trained and training]
    frames = record.split.train.frames
    assert len(steps) == 2 * -(-frames // 16)
    for place in steps:  # the frozen network runs after each step of the trained one, on the same input
        frozen, training, x = seen.calls[place + 1]
        assert frozen != trained
        assert not training
        assert torch.equal(x, seen.calls[place][2])
    assert len({network for network, _, _ in plain.calls}) == 1  # without augmentation the targets are stored
    assert record.notes[-1] == f"the training part was augmented: {CHOICE}"
    assert all(epoch.train["anti_transfer"] > 0.01 for epoch in record.epochs)

    first, second = epochs(record, seen)
    unchanged, _ = epochs(record, plain)
    assert len(first) == len(second) == len(unchanged) == frames
    assert not first & second
    assert not (first | second) & unchanged
    assert seen.inputs(trained=False) == plain.inputs(trained=False)


def test_what_mixup_mixes_is_the_same_for_both_networks(again: Again) -> None:
    _, seen = again("at-speaker", "training.mixup=0.4", "training.epochs=1")
    trained = next(network for network, training, _ in seen.calls if training)
    steps = [place for place, (network, training, _) in enumerate(seen.calls) if network == trained and training]
    for place in steps:
        frozen, _, x = seen.calls[place + 1]
        assert frozen != trained
        assert torch.equal(x, seen.calls[place][2])


def epochs(record: RunRecord, seen: Seen) -> tuple[set[bytes], set[bytes]]:
    """What was seen in the first epoch of two, and in the second."""
    frames = record.split.train.frames
    return set(seen.inputs(trained=True)[:frames]), set(seen.inputs(trained=True)[frames:])


def test_offsets_of_words_are_drawn_anew_in_training_and_stay_in_validation(again: Again) -> None:
    record, seen = again("word")
    first, second = epochs(record, seen)
    assert len(first) == len(second) == record.split.train.frames
    assert not first & second
    checked, once = seen.inputs(trained=False), record.split.validation.frames
    assert checked[:once] == checked[once : 2 * once]
    assert len(set(checked[:once])) == once


def test_switched_off_it_is_the_run_without_it(chain: dict[str, Path], again: Again) -> None:
    record, _ = again("at-speaker", "augmentation.time_mask_width=7", "augmentation.shift_seconds=0")
    before = read_record(chain["at-speaker"])
    assert (record.run, record.settings_hash) == (before.run, before.settings_hash)
    assert record.notes == before.notes
    for name in ("model/model.safetensors", "predictions.csv"):
        assert Path(record.settings["out"], name).read_bytes() == (chain["at-speaker"] / name).read_bytes()


def test_rh_emo_learns_on_what_is_augmented_and_is_tested_on_what_is_not(chain: dict[str, Path], again: Again) -> None:
    plain = read_record(chain["rh-emo"])
    record, seen = again("rh-emo", *EVERYTHING, kind=RHEmo)
    assert len(set(seen.inputs(trained=True))) == record.split.train.frames
    assert record.epochs[0].train != plain.epochs[0].train
    for constant in ("bce_constant", "bce_mean_spectrogram"):  # of the training and the test part as they are
        assert getattr(record.reconstruction, constant) == getattr(plain.reconstruction, constant)


def test_a_front_that_is_trained_sees_it(again: Again) -> None:
    record, seen = again("joint", *EVERYTHING, "frames.random_offset=true", kind=RHEmoEncoder)
    first, second = epochs(record, seen)
    assert len(first) == len(second) == record.split.train.frames
    assert not first & second
