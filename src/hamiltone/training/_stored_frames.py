"""Stored frames: what is decoded once, and what a frozen front makes of it. Memory-mapped, under keys of content.

Everything lies in the cache folder under a key made of all that produced it (file contents, rules, weights, versions),
so what is found there is right, and what is stale is never read.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor, nn

from hamiltone import __version__
from hamiltone.audio import FRAME_SAMPLES, FrameSettings, decoder_versions, frame_bounds, is_silent
from hamiltone.corpora import Report, Utterances, recording_keys, segments_of
from hamiltone.errors import HamiltoneError
from hamiltone.files import atomic_path, cache_folder, content_key, locked, rows_file
from hamiltone.networks import Front, Stage, weights_key
from hamiltone.records import extension_keys

_VERSION = 2
_BATCH = 50


@dataclass(frozen=True)
class Frames:
    """The frames of a set of utterances: unpadded samples end to end, and where each frame begins and stops.

    Attributes:
        key: of the recordings' contents and the rules that cut them.
        samples: float32, memory-mapped.
        bounds: start and stop of each frame in ``samples``.
        owner: for each frame, the row of its utterance.
        silent: ids of the utterances that were left out because they are silent.
    """

    key: str
    samples: npt.NDArray[np.float32]
    bounds: npt.NDArray[np.int64]
    owner: npt.NDArray[np.int64]
    silent: tuple[str, ...]

    def waveforms(
        self, rows: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64] | None = None
    ) -> Float[Tensor, "batch sample"]:
        """The padded waveforms of some frames; ``offsets`` moves each into its padding by as many samples."""
        batch = torch.zeros(len(rows), FRAME_SAMPLES)
        for position, row in enumerate(rows):
            recording = self.recording(int(row))
            offset = 0 if offsets is None else int(offsets[position])
            batch[position, offset : offset + len(recording)] = recording
        return batch

    def recording(self, row: int) -> Float[Tensor, " sample"]:
        """What was recorded in a frame, without padding."""
        start, stop = self.bounds[row]
        return torch.from_numpy(self.samples[start:stop].copy())

    def random_offsets(self, rows: npt.NDArray[np.int64], seed: int, epoch: int) -> npt.NDArray[np.int64]:
        """How far each frame is moved into its padding: drawn from seed, epoch and row alone, whatever the order."""
        room = FRAME_SAMPLES - (self.bounds[rows, 1] - self.bounds[rows, 0])
        draws = [
            np.random.default_rng([seed, epoch, int(row)]).integers(0, most + 1)
            for row, most in zip(rows, room, strict=True)
        ]
        return np.array(draws, dtype=np.int64)


def frames_key(utterances: Utterances, settings: FrameSettings, keys: Mapping[str, str] | None = None) -> str:
    """The key under which the frames of these utterances are stored; ``keys`` are their :func:`recording_keys`.

    Raises:
        HamiltoneError: a recording is missing or cannot be read.
    """
    keys = recording_keys(utterances.table["path"]) if keys is None else keys
    named = zip(utterances.table["utterance"].tolist(), segments_of(utterances), strict=True)
    rows = [[name, keys[path], start, end] for name, (path, start, end) in named]
    rules = {"version": _VERSION, "last": settings.last, "silent_peak": settings.silent_peak, **decoder_versions()}
    return content_key({"utterances": rows, "rules": rules})


def stored_frames(utterances: Utterances, settings: FrameSettings, key: str, report: Report) -> Frames:
    """Decode utterances and cut them into frames, once; ``key`` is their :func:`frames_key`.

    Raises:
        AudioError: a recording that cannot be decoded; it is named, and nothing is stored.
    """
    folder = cache_folder("frames") / key
    with locked(folder):
        if not _intact(folder):
            with atomic_path(folder) as draft:
                draft.mkdir()
                _decode(utterances, settings, draft, report)
    bounds = np.load(folder / "bounds.npy")
    if len(bounds) == 0:
        raise HamiltoneError(f"{utterances.corpus}: every recording is silent; lower frames.silent_peak")
    return Frames(
        key=key,
        samples=np.memmap(folder / "samples.f32", dtype=np.float32, mode="r"),
        bounds=bounds[:, :2],
        owner=bounds[:, 2],
        silent=tuple(json.loads((folder / "silent.json").read_text(encoding="utf-8"))),
    )


def _intact(folder: Path) -> bool:
    """Whether stored frames are all there: a copy that a full disk or a clean-up has cut is made anew."""
    try:
        bounds = np.load(folder / "bounds.npy")
        end = int(bounds[:, 1].max(initial=0))
        return (folder / "silent.json").is_file() and (folder / "samples.f32").stat().st_size == 4 * end
    except (OSError, ValueError, EOFError, IndexError):
        return False


def _decode(utterances: Utterances, settings: FrameSettings, folder: Path, report: Report) -> None:
    bounds: list[tuple[int, int, int]] = []
    silent: list[str] = []
    position = 0
    with (folder / "samples.f32").open("wb") as file:
        named = zip(utterances.table["utterance"].tolist(), segments_of(utterances), strict=True)
        for row, (name, segment) in enumerate(named):
            waveform = segment.load()
            report("reading recordings", row + 1, len(utterances))
            if is_silent(waveform, settings.silent_peak):
                silent.append(name)
                continue
            for first, stop in frame_bounds(len(waveform), rule=settings.last):
                file.write(waveform[first:stop].astype("<f4").tobytes())
                bounds.append((position, position + stop - first, row))
                position += stop - first
    table = np.array(bounds, dtype=np.int64).reshape(-1, 3)
    with rows_file(folder / "bounds.npy", table.shape, table.dtype) as file:
        file.write(table.tobytes())
    (folder / "silent.json").write_text(json.dumps(silent), encoding="utf-8")


def waveform_batches(frames: Frames, rows: npt.NDArray[np.int64]) -> Iterator[Float[Tensor, "batch sample"]]:
    """Some frames in batches of equal size (but the last), in order."""
    for first in range(0, len(rows), _BATCH):
        yield frames.waveforms(rows[first : first + _BATCH])


def stored_stage(
    frames: Frames, front: Front, stage: Stage, offset_seed: int | None, report: Report
) -> npt.NDArray[np.float32]:
    """What a frozen front makes of all frames, once: an array of (frame, channel, time, frequency), memory-mapped.

    Args:
        frames: all frames of a corpus.
        front: fitted; as much of it as ``stage`` needs is frozen.
        stage: ``spectrogram`` or ``features``.
        offset_seed: moves each frame into its padding by a fixed random offset drawn from this seed; None: not at all.
        report: told of progress.
    """
    path = cache_folder("stages") / f"{stage_key(frames, front, stage, offset_seed)}.npy"
    with locked(path):
        array = _mapped(path)
        if array is None:
            with atomic_path(path) as draft:
                _compute(frames, front.up_to(stage), stage, offset_seed, draft, report)
            array = np.load(path, mmap_mode="r")
    return array


def stage_key(frames: Frames, front: Front, stage: Stage, offset_seed: int | None) -> str:
    """The key under which :func:`stored_stage` stores."""
    used = front.up_to(stage)
    return content_key(
        {
            "version": _VERSION,
            "frames": frames.key,
            "stage": stage,
            "front": used.settings(),
            "weights": weights_key(used),
            "offset_seed": offset_seed,
            "torch": torch.__version__,
            "hamiltone": __version__,
            "processor": torch.backends.cpu.get_cpu_capability(),
            **extension_keys(),
            "threads": torch.get_num_threads(),
        }
    )


def _mapped(path: Path) -> npt.NDArray[np.float32] | None:
    try:
        return np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None  # not there, or damaged: it is made anew


@torch.no_grad()
def _compute(
    frames: Frames, module: nn.Module, stage: Stage, offset_seed: int | None, path: Path, report: Report
) -> None:
    was_training = module.training
    module.eval()
    count = len(frames.bounds)
    with ExitStack() as stack:
        file: BinaryIO | None = None
        for first in range(0, count, _BATCH):
            rows = np.arange(first, min(first + _BATCH, count))
            offsets = None if offset_seed is None else frames.random_offsets(rows, offset_seed, epoch=0)
            values = module(frames.waveforms(rows, offsets)).numpy().astype(np.float32, copy=False)
            file = file or stack.enter_context(rows_file(path, (count, *values.shape[1:]), np.float32))
            file.write(values.tobytes())
            report(f"computing {stage}", int(rows[-1]) + 1, count)
    module.train(was_training)
