"""Predictions for recordings of any length, batched across files, with bounded memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from hamiltone.audio import FRAME_SAMPLES, SAMPLE_RATE, SILENT_PEAK, AudioError, Level, stream_audio, stream_frames
from hamiltone.networks import Recognizer, load_recognizer

from ._errors import ServiceError
from ._shipped_weights import shipped_model

_BATCH = 8  # frames at once: half a minute of speech

FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE
"""Seconds of a frame, and the default from the beginning of one to that of the next."""


@dataclass(frozen=True)
class FrameScores:
    """The scores of one frame, from ``start`` to ``end`` seconds."""

    start: float
    end: float
    scores: dict[str, float]

    @property
    def label(self) -> str:
        """The class with the highest score."""
        return max(self.scores, key=self.scores.__getitem__)


@dataclass(frozen=True)
class Prediction:
    """The scores (probabilities that sum to 1) of a recording, overall (mean over frames) and frame by frame."""

    path: str
    label: str
    scores: dict[str, float]
    frames: tuple[FrameScores, ...]

    @classmethod
    def of_frames(
        cls,
        path: str,
        labels: Sequence[str],
        spans: Iterable[tuple[float, float]],
        scores: Float[Tensor, "frame label"],
    ) -> "Prediction":
        """The prediction that the scores of a recording's frames make; ``spans`` are their seconds."""
        frames = tuple(
            FrameScores(start, end, dict(zip(labels, row, strict=True)))
            for (start, end), row in zip(spans, scores.tolist(), strict=True)
        )
        overall = scores.mean(dim=0)
        return cls(path, labels[int(overall.argmax())], dict(zip(labels, overall.tolist(), strict=True)), frames)

    def as_json(self) -> dict[str, Any]:
        """Plain dictionaries and lists."""
        return asdict(self)


@dataclass
class _Pending:
    """A recording whose scores are not all there yet."""

    path: Path
    spans: list[tuple[float, float]] = field(default_factory=list)
    rows: list[Tensor] = field(default_factory=list)
    fault: AudioError | None = None
    read: bool = False

    @property
    def done(self) -> bool:
        return self.fault is not None or (self.read and len(self.rows) == len(self.spans))


class Predictor:
    """A recogniser for files.

    Args:
        model: a recogniser, or the folder of a saved one; None: the one that comes with the package.

    Raises:
        BundleError: the folder holds no recogniser.
        ServiceError: no model is named and none comes with the package.
    """

    def __init__(self, model: Recognizer | Path | str | None = None) -> None:
        self.recognizer = (
            model if isinstance(model, Recognizer) else load_recognizer(shipped_model() if model is None else model)
        )
        self.recognizer.eval()

    def predict(self, path: Path | str, *, hop: float = FRAME_SECONDS) -> Prediction:
        """Recognise one recording, in frames of 4 s.

        Args:
            path: the recording.
            hop: seconds from the beginning of a frame to that of the next, above 0 to 4. With 4 frames do not overlap,
                and the overall scores are those of an evaluation; less makes a finer line of time.

        Raises:
            AudioError: the file cannot be decoded, or is silent.
            ServiceError: a hop outside its range.
        """
        (result,) = self.predict_all([path], hop=hop)
        if isinstance(result, AudioError):
            raise result
        return result

    def predict_all(
        self,
        paths: Iterable[Path | str],
        *,
        hop: float = FRAME_SECONDS,
        report: Callable[[Path, float], None] | None = None,
    ) -> Iterator[Prediction | AudioError]:
        """Recognise recordings one after the other; frames of several may share a batch.

        Neither the number nor the length of the recordings counts for the memory, but for the scores themselves.

        Args:
            paths: the recordings.
            hop: as for ``predict``.
            report: is told of each part that is read: the file, and the part's seconds.

        Yields:
            For each path, in order, its prediction, or the error of a file that cannot be used: the others go on.

        Raises:
            ServiceError: a hop outside its range (at the first step).
        """
        samples = round(hop * SAMPLE_RATE) if 0 < hop <= FRAME_SECONDS else 0
        if not samples:
            raise ServiceError(f"a hop of {hop:g} s: choose one above 0 and up to {FRAME_SECONDS:g} s")
        waiting: deque[_Pending] = deque()
        batch: list[tuple[_Pending, Tensor]] = []
        for path in paths:
            recording = _Pending(Path(path))
            waiting.append(recording)
            try:
                for frame in self._frames(recording, samples, report):
                    batch.append((recording, frame))
                    if len(batch) == _BATCH:
                        self._score(batch)
                        batch = []
            except AudioError as error:
                recording.fault = error
                batch = [(other, frame) for other, frame in batch if other is not recording]
            recording.read = True
            yield from self._finished(waiting)
        if batch:
            self._score(batch)
        yield from self._finished(waiting)

    def _frames(
        self, recording: _Pending, hop: int, report: Callable[[Path, float], None] | None
    ) -> Iterator[Float32[Tensor, "64000"]]:
        """Zero-padded frames; where each one lies is added to the recording's spans."""
        blocks = _audible_blocks(stream_audio(recording.path), recording.path, report)
        for index, frame in enumerate(stream_frames(blocks, rule=self.recognizer.frame_rule, hop=hop)):
            start = index * hop
            recording.spans.append((start / SAMPLE_RATE, (start + len(frame)) / SAMPLE_RATE))
            # A copy, so that a frame that waits for its batch does not hold the block that it was cut from.
            yield torch.from_numpy(np.pad(frame, (0, FRAME_SAMPLES - len(frame))))

    def _score(self, batch: list[tuple[_Pending, Tensor]]) -> None:
        scores = self.recognizer.recognize([torch.stack([frame for _, frame in batch])]).frames
        for (recording, _), row in zip(batch, scores, strict=True):
            recording.rows.append(row)

    def _finished(self, waiting: deque[_Pending]) -> Iterator[Prediction | AudioError]:
        while waiting and waiting[0].done:
            recording = waiting.popleft()
            yield recording.fault or self._prediction(recording)

    def _prediction(self, recording: _Pending) -> Prediction:
        scores = torch.stack(recording.rows)
        return Prediction.of_frames(str(recording.path), self.recognizer.labels, recording.spans, scores)


def _audible_blocks(
    blocks: Iterable[Float32[np.ndarray, "_"]], path: Path, report: Callable[[Path, float], None] | None
) -> Iterator[Float32[np.ndarray, "_"]]:
    """The same blocks, reported, and an error at their end where they were silent all along."""
    level = Level()
    for block in blocks:
        level.add(block)
        yield block
        if report is not None:
            report(path, len(block) / SAMPLE_RATE)
    if level.peak < SILENT_PEAK:
        raise AudioError(f"{path}: is silent (its peak is {level.peak:.5f} of 1); there is no emotion to hear")
