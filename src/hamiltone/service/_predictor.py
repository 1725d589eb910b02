"""Recognise the emotion of recordings of any length, with bounded memory."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from hamiltone.networks import Recognizer, load_recognizer
from hamiltone.speech import FRAME_SAMPLES, SAMPLE_RATE, SILENT_PEAK, AudioError, stream_audio, stream_frames

_BATCH = 8  # frames at once: half a minute of speech


@dataclass(frozen=True)
class FrameScores:
    """The scores of one frame, from ``start`` to ``end`` seconds."""

    start: float
    end: float
    scores: dict[str, float]


@dataclass(frozen=True)
class Prediction:
    """The scores (probabilities that sum to 1) of a recording, overall (mean over frames) and frame by frame."""

    path: str
    label: str
    scores: dict[str, float]
    frames: tuple[FrameScores, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain dictionaries and lists."""
        return asdict(self)


class Predictor:
    """A recogniser for files.

    Args:
        model: a recogniser, or the folder of a saved one.

    Raises:
        BundleError: the folder holds no recogniser.
    """

    def __init__(self, model: Recognizer | Path | str) -> None:
        self.recognizer = model if isinstance(model, Recognizer) else load_recognizer(model)
        self.recognizer.eval()

    def predict(self, path: Path | str) -> Prediction:
        """Recognise one recording, in frames of 4 s.

        Raises:
            AudioError: the file cannot be decoded, or is silent.
        """
        lengths: list[int] = []
        frames = stream_frames(_audible(stream_audio(path), path), rule=self.recognizer.frame_rule)
        recognition = self.recognizer.recognize(_batches(frames, lengths))
        labels = recognition.labels
        scored = tuple(
            FrameScores(
                start=index * FRAME_SAMPLES / SAMPLE_RATE,
                end=(index * FRAME_SAMPLES + length) / SAMPLE_RATE,
                scores=dict(zip(labels, row.tolist(), strict=True)),
            )
            for index, (length, row) in enumerate(zip(lengths, recognition.frames, strict=True))
        )
        overall = dict(zip(labels, recognition.overall.tolist(), strict=True))
        return Prediction(str(path), recognition.label, overall, scored)


def _audible(blocks: Iterable[npt.NDArray[np.float32]], path: Path | str) -> Iterator[npt.NDArray[np.float32]]:
    """The same blocks, and an error at their end where they were silent all along."""
    peak = 0.0
    for block in blocks:
        peak = max(peak, float(np.abs(block).max(initial=0.0)))
        yield block
    if peak < SILENT_PEAK:
        raise AudioError(f"{path}: is silent (its peak is {peak:.4f} of 1); there is no emotion to hear")


def _batches(frames: Iterable[npt.NDArray[np.float32]], lengths: list[int]) -> Iterator[Float[Tensor, "frame sample"]]:
    """Zero-padded frames in batches; each one's own length is added to ``lengths``."""
    batch: list[Tensor] = []
    for frame in frames:
        lengths.append(len(frame))
        batch.append(torch.nn.functional.pad(torch.from_numpy(frame), (0, FRAME_SAMPLES - len(frame))))
        if len(batch) == _BATCH:
            yield torch.stack(batch)
            batch = []
    if batch:
        yield torch.stack(batch)
