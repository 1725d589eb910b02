"""Predictions for recordings of any length, batched across files, with bounded memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from hamiltone.audio import FRAME_SAMPLES, SAMPLE_RATE, AudioError, check_values
from hamiltone.machine import torch_device
from hamiltone.networks import Recognizer, load_recognizer

from ._errors import ServiceError
from ._prediction import Prediction
from ._recordings import Report, reported_blocks
from ._segments import Segment, cut_segments
from ._shipped_weights import model_folder
from ._sound import audible
from ._windows import HOP, Window, hop_samples, stream_windows

_BATCH = 4  # windows at once: more take memory (10 MB each), and are no quicker

_MOST_TO_ADAPT = 225  # windows: a quarter of an hour

Blocks = Iterable[Float32[np.ndarray, "_"]]


@dataclass
class _Part:
    """A recording, or a segment of one, whose scores are not all there yet."""

    path: str
    blocks: Blocks
    segment: Segment | None = None
    samples: int = 0
    windows: list[Window] = field(default_factory=list)
    rows: list[Tensor] = field(default_factory=list)
    fault: AudioError | None = None
    read: bool = False

    @property
    def done(self) -> bool:
        return self.fault is not None or (self.read and len(self.rows) == len(self.windows))

    @property
    def name(self) -> str:
        return self.path if self.segment is None else f"{self.path}: from {self.segment.start:g} s on"

    def hear(self) -> Iterator[Float32[np.ndarray, "_"]]:
        """The sound, once: then it is let go, for a part may wait for others."""
        blocks, self.blocks = self.blocks, ()
        for block in audible(blocks, self.name):
            self.samples += len(block)
            yield block


class Predictor:
    """A recogniser for recordings.

    Args:
        model: a recogniser, or the folder of a saved one; None: the one that comes with the package.
        device: where it computes, as torch names it, or "auto"; a recogniser that is given is brought there.
        only: the classes to choose from, whose scores then sum to 1; None: all that it knows.

    Attributes:
        recognizer: the recogniser, in evaluation.
        note: what every prediction notes beside its own; empty where nothing is.

    Raises:
        BundleError: the folder holds no recogniser.
        ServiceError: no model is named and none comes with the package, or a class that it does not know.
        DeviceError: there is no such device.
    """

    def __init__(
        self,
        model: Recognizer | Path | str | None = None,
        *,
        device: str | None = None,
        only: Sequence[str] | None = None,
    ) -> None:
        recognizer = model if isinstance(model, Recognizer) else load_recognizer(model_folder(model))
        self.note = ""
        if only is not None:
            self.note = f"chosen among {', '.join(only)} alone, whose scores are made to sum to 1"
            try:
                recognizer = recognizer.restricted(only)
            except ValueError as error:
                raise ServiceError(f"only: {error}") from None
        if device is not None:
            recognizer.to(torch_device(device))
        self.recognizer = recognizer.eval()

    def predict(self, path: Path | str, *, hop: float = HOP) -> Prediction:
        """Recognise one recording, in windows of 4 s.

        Args:
            path: the recording.
            hop: seconds from the beginning of a window to that of the next, 0.5 to 4: how fine the line of time is. The
                overall scores do not depend on it.

        Raises:
            AudioError: the file cannot be decoded, or is silent.
            ServiceError: a hop outside its range.
        """
        (result,) = self.predict_all([path], hop=hop)
        if isinstance(result, AudioError):
            raise result
        return result

    def predict_waveform(
        self, waveform: Float32[np.ndarray, " sample"], *, name: str = "waveform", start: float = 0.0, hop: float = HOP
    ) -> Prediction:
        """Recognise sound that is in memory already.

        Args:
            waveform: 16 kHz, mono, -1 to 1.
            name: what the prediction calls it.
            start: the second at which it begins.
            hop: as for ``predict``.

        Raises:
            AudioError: it is empty or silent, or holds values that are no sound.
            ServiceError: a hop outside its range.
        """
        if not len(waveform):
            raise AudioError(f"{name}: holds no samples")
        check_values(waveform, name)
        segment = Segment(start, start + len(waveform) / SAMPLE_RATE) if start else None
        (result,) = self._predictions([_Part(name, [waveform], segment)], hop)
        if isinstance(result, AudioError):
            raise result
        return result

    def predict_all(
        self, paths: Iterable[Path | str], *, hop: float = HOP, report: Report | None = None
    ) -> Iterator[Prediction | AudioError]:
        """Recognise recordings one after the other; windows of several may share a batch.

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
        return self._predictions((_Part(str(path), reported_blocks(Path(path), report)) for path in paths), hop)

    def predict_segments(
        self, path: Path | str, segments: Sequence[Segment], *, hop: float = HOP, report: Report | None = None
    ) -> Iterator[Prediction | AudioError]:
        """Recognise ranges of a recording, each by itself, as if it were a file; it is decoded once.

        Args:
            path: the recording.
            segments: they may overlap; see ``read_segments``.
            hop: as for ``predict``.
            report: as for ``predict_all``.

        Yields:
            For each segment, in the order of their ends, its prediction, or an error: it is silent. A recording that
            cannot be decoded, or ends before a segment does, is one error, the last.

        Raises:
            ServiceError: a hop outside its range (at the first step).
        """
        fault: list[AudioError] = []

        def parts() -> Iterator[_Part]:
            try:
                for segment, waveform in cut_segments(reported_blocks(Path(path), report), segments, path):
                    yield _Part(str(path), [waveform], segment)
            except AudioError as error:
                fault.append(error)

        yield from self._predictions(parts(), hop)
        yield from fault

    def adapt(
        self,
        recordings: Iterable[Path | str],
        *,
        report: Report | None = None,
        fault: Callable[[AudioError], None] | None = None,
    ) -> "Predictor":
        """A predictor that hears one person better; nothing needs to be known of the recordings but whose they are.

        What it answers to these very recordings then rests on all of them: tell such results apart from others.

        Args:
            recordings: of that person; a dozen or more, and better of several moods.
            report: as for ``predict_all``.
            fault: is told of each recording that cannot be used, and the others serve; None: it is an error.

        Raises:
            AudioError: one of them cannot be decoded, or is silent, and nobody is told.
            ServiceError: no recording, or a model that cannot be adapted.
        """
        try:
            adapted = Predictor(self.recognizer.adapted(list(self._speech_batches(recordings, report, fault))))
        except ValueError as error:
            raise ServiceError(f"the recogniser is not adapted: {error}") from None
        adapted.note = self.note
        return adapted

    def _speech_batches(
        self, recordings: Iterable[Path | str], report: Report | None, fault: Callable[[AudioError], None] | None
    ) -> Iterator[Float32[Tensor, "_ 64000"]]:
        """The windows side by side that may hold speech, of the first quarter of an hour at most."""
        batch: list[Tensor] = []
        count = 0
        for path in recordings:
            part = _Part(str(path), reported_blocks(Path(path), report))
            try:
                for window, samples in stream_windows(part.hear(), rule=self.recognizer.frame_rule, hop=FRAME_SAMPLES):
                    if window.speech and count < _MOST_TO_ADAPT:
                        batch.append(torch.from_numpy(np.pad(samples, (0, FRAME_SAMPLES - len(samples)))))
                        count += 1
                    if len(batch) == _BATCH:
                        yield torch.stack(batch)
                        batch = []
            except AudioError as error:
                if fault is None:
                    raise
                fault(error)
        if batch:
            yield torch.stack(batch)

    def _predictions(self, parts: Iterable[_Part], hop: float) -> Iterator[Prediction | AudioError]:
        step = hop_samples(hop)
        waiting: deque[_Part] = deque()
        batch: list[tuple[_Part, Tensor]] = []
        for part in parts:
            waiting.append(part)
            try:
                for window, samples in stream_windows(part.hear(), rule=self.recognizer.frame_rule, hop=step):
                    part.windows.append(window)
                    # A copy, so that a window that waits for its batch does not hold the block that it was cut from.
                    padded = np.pad(samples, (0, FRAME_SAMPLES - len(samples)))
                    batch.append((part, torch.from_numpy(padded)))
                    if len(batch) == _BATCH:
                        self._score(batch)
                        batch = []
            except AudioError as error:
                part.fault = error
                batch = [(other, window) for other, window in batch if other is not part]
            part.read = True
            yield from self._finished(waiting)
        if batch:
            self._score(batch)
        yield from self._finished(waiting)

    def _score(self, batch: list[tuple[_Part, Tensor]]) -> None:
        scores = self.recognizer.recognize([torch.stack([window for _, window in batch])]).frames
        for (part, _), row in zip(batch, scores, strict=True):
            part.rows.append(row)

    def _finished(self, waiting: deque[_Part]) -> Iterator[Prediction | AudioError]:
        while waiting and waiting[0].done:
            part = waiting.popleft()
            if part.fault is not None:
                yield part.fault
                continue
            start, speaker = (part.segment.start, part.segment.speaker) if part.segment else (0.0, None)
            rows = torch.stack(part.rows)
            made = Prediction.of_windows(
                part.path,
                self.recognizer,
                part.windows,
                rows,
                part.samples,
                speaker=speaker,
                start=start,
                whole=part.segment is None,
            )
            yield replace(made, notes=(*made.notes, self.note)) if self.note else made
