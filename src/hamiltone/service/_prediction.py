"""What is said of a recording: scores and labels, overall and over time, and notes on its sound."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Float32
from torch import Tensor

from hamiltone.audio import SAMPLE_RATE, load_audio
from hamiltone.networks import Recognizer

from ._notebook import prediction_figure, prediction_html
from ._sound import HEAVILY_CLIPPED
from ._windows import Window

_SHORT = 0.5  # seconds; there is hardly a syllable in less


@dataclass(frozen=True)
class FrameScores:
    """The scores of one window, from ``start`` to ``end`` seconds; ``label`` as of a :class:`Prediction`."""

    start: float
    end: float
    label: str
    scores: dict[str, float]


class Stretch(NamedTuple):
    """Neighbouring windows of one label as one; ``end`` is where the next one begins, ``score`` the label's mean."""

    start: float
    end: float
    label: str
    score: float | None


@dataclass(frozen=True)
class Prediction:
    """The emotion of a recording, or of a part of one.

    Attributes:
        path: the recording.
        speaker: who speaks, where a table of segments says it.
        start: where the part begins, in seconds.
        end: where it ends.
        label: the class with the highest score, or "unsure": where that is below the recogniser's ``unsure_below``,
            where at least half of the windows hold no speech, and where it lasts less than half a second.
        scores: probabilities that sum to 1: the mean over windows of 4 s side by side, whatever the hop.
        frames: window by window.
        notes: what is wrong with the sound, in words.
        whole: whether it is of all of the recording, and of no segment of it.
    """

    path: str
    speaker: str | None
    start: float
    end: float
    label: str
    scores: dict[str, float]
    frames: tuple[FrameScores, ...]
    notes: tuple[str, ...]
    whole: bool = True

    @classmethod
    def of_windows(
        cls,
        path: str,
        recognizer: Recognizer,
        windows: Sequence[Window],
        rows: Float[Tensor, "window label"],
        samples: int,
        *,
        speaker: str | None = None,
        start: float = 0.0,
        whole: bool = True,
    ) -> "Prediction":
        """The prediction that the probabilities of a recording's windows make.

        Args:
            path: the recording.
            recognizer: which gives labels to scores.
            windows: in their order.
            rows: their probabilities.
            samples: how long the recording, or its part, is.
            speaker: who speaks in it.
            start: where the part begins, in seconds.
            whole: whether that is no segment, but all of the recording.
        """

        def named(row: Float[Tensor, " label"]) -> dict[str, float]:
            return dict(zip(recognizer.labels, row.tolist(), strict=True))

        overall = rows[[window.counted for window in windows]].mean(dim=0)
        counted = [window for window in windows if window.counted]
        steady = 2 * sum(window.speech for window in counted) <= len(counted)
        long_enough = samples / SAMPLE_RATE >= _SHORT
        frames = tuple(
            FrameScores(
                start + window.start / SAMPLE_RATE,
                start + window.stop / SAMPLE_RATE,
                recognizer.label(row.tolist(), speech=window.speech and long_enough),
                named(row),
            )
            for window, row in zip(windows, rows, strict=True)
            if window.listed
        )
        return cls(
            path=path,
            speaker=speaker,
            start=start,
            end=start + samples / SAMPLE_RATE,
            label=recognizer.label(overall.tolist(), speech=long_enough and not steady),
            scores=named(overall),
            frames=frames,
            notes=tuple(_notes(counted, samples / SAMPLE_RATE, steady=steady)),
            whole=whole,
        )

    @property
    def ranked(self) -> list[tuple[str, float]]:
        """The classes with their scores, the highest first."""
        return sorted(self.scores.items(), key=lambda item: -item[1])

    def stretches(self) -> list[Stretch]:
        """The windows as stretches of one label, without gaps; of "unsure" there is no score."""
        groups = [(label, list(group)) for label, group in groupby(self.frames, key=lambda frame: frame.label)]
        ends = [group[0].start for _, group in groups[1:]] + [self.end]
        scores = [[frame.scores[label] for frame in group if label in frame.scores] for label, group in groups]
        return [
            Stretch(group[0].start, end, label, sum(its) / len(its) if its else None)
            for (label, group), end, its in zip(groups, ends, scores, strict=True)
        ]

    def plot(self, waveform: Float32[np.ndarray, " sample"] | None = None) -> Any:
        """A matplotlib figure: waveform, spectrogram and the windows' scores over time.

        Args:
            waveform: the sound that was recognised, at 16 kHz; None: it is read from ``path`` again.

        Raises:
            AudioError: the recording cannot be read.
            ServiceError: a waveform of another length.
        """
        if waveform is None:
            whole = load_audio(self.path)
            waveform = whole[round(self.start * SAMPLE_RATE) : round(self.end * SAMPLE_RATE)]
        return prediction_figure(self, waveform)

    def _repr_html_(self) -> str:
        """What a notebook shows: the scores as bars."""
        return prediction_html(self)

    def as_json(self) -> dict[str, Any]:
        """Plain dictionaries and lists."""
        content = asdict(self)
        del content["whole"]
        return content | {"frames": [asdict(frame) for frame in self.frames], "notes": list(self.notes)}


def _notes(counted: Sequence[Window], seconds: float, *, steady: bool) -> list[str]:
    """What is wrong with the sound."""
    notes = []
    if seconds < _SHORT:
        notes.append(f"only {max(seconds, 0.01):.2f} s of sound: too short to mean much")
    if steady:
        silent = sum(not window.speech for window in counted)
        where = "" if silent == len(counted) else f" in {silent} of {len(counted)} windows"
        return [*notes, f"no speech is heard{where}: the level is as steady as that of noise or of a tone"]
    clipped = sum(window.clipped for window in counted) / len(counted)
    if clipped > HEAVILY_CLIPPED and not notes:  # of few samples, a large share is near the highest
        notes.append(
            f"heavily clipped: {100 * clipped:.0f} % of the samples lie at the limit; it is not the voice's own sound"
        )
    return notes
