"""Pictures of a recording for the page: the waveform's envelope, the spectrogram, the quaternion axes."""

import base64
import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from hamiltone.audio import FRAME_SAMPLES, SAMPLE_RATE, SPECTROGRAM_HOP
from hamiltone.networks import Front
from hamiltone.speech import Spectrogram

COLUMNS = 1000
"""The most columns of a picture, and of an envelope."""

FRAMES_AT_ONCE = 8

_SPECTROGRAM_COLUMNS = FRAME_SAMPLES // SPECTROGRAM_HOP
_DECIBELS = 70.0
_COMPONENTS = "rijk"


class Pictures:
    """Pictures of a recording, from its frames of 4 s without overlap, a few at a time.

    Args:
        front: of the recogniser; one that gives the spectrogram alone has no axes.
        waveform: at 16 kHz, one sample at least.
    """

    def __init__(self, front: Front, waveform: Float32[np.ndarray, "_"]) -> None:
        self._front = front
        self._waveform = waveform
        self._plain = Spectrogram(normalisation="none")
        self._spectrograms: list[np.ndarray] = []
        self._axes: list[np.ndarray] = []
        self.steps = -(-len(waveform) // (FRAME_SAMPLES * FRAMES_AT_ONCE))

    @torch.no_grad()
    def step(self, number: int) -> None:
        """Look at the frames of one step, 0 to ``steps`` - 1, in their order."""
        size = FRAME_SAMPLES * FRAMES_AT_ONCE
        part = self._waveform[number * size : (number + 1) * size]
        frames = torch.from_numpy(np.pad(part, (0, -len(part) % FRAME_SAMPLES))).view(-1, FRAME_SAMPLES)
        self._spectrograms.extend(self._plain(frames)[:, 0, :_SPECTROGRAM_COLUMNS].numpy())
        if axis_names(self._front):
            self._axes.extend(self._forwards(self._front.in_place(frames)).abs().numpy())

    def as_json(self) -> dict[str, Any]:
        """``seconds``; ``waveform`` (low and high, -1 to 1); ``spectrogram``; ``axes``, none where it is all there is.

        A picture has ``width``, ``height`` and ``data``: base64 of bytes, row by row, the highest frequency first.
        The spectrogram's 255 is its maximum and 0 is 70 dB below; an axis shows absolute
        values, from 0 to its ``maximum``.
        """
        seconds = len(self._waveform) / SAMPLE_RATE
        magnitude = self._within_recording(np.concatenate(self._spectrograms), FRAME_SAMPLES / _SPECTROGRAM_COLUMNS)
        return {
            "seconds": seconds,
            "waveform": envelope(self._waveform),
            "spectrogram": _picture(_decibels(_reduced(magnitude, COLUMNS))),
            "axes": self._axis_pictures(),
        }

    def _axis_pictures(self) -> list[dict[str, Any]]:
        if not self._axes:
            return []
        # A frame may span half a column, as RH-Emo's 62.5: then every other one gives a column more.
        columns = self._front.columns
        ends = [math.floor(number * columns) for number in range(len(self._axes) + 1)]
        kept = [axis[:, : ends[number + 1] - ends[number]] for number, axis in enumerate(self._axes)]
        joined = np.concatenate(kept, axis=1)
        axes = []
        for name, component, axis in zip(axis_names(self._front), _COMPONENTS, joined, strict=True):
            matrix = _reduced(self._within_recording(axis, FRAME_SAMPLES / columns), COLUMNS)
            maximum = float(matrix.max())
            levels = matrix / maximum if maximum > 0 else matrix
            axes.append({"name": name, "component": component, "maximum": maximum} | _picture(levels))
        return axes

    def _forwards(self, embedding: Float[Tensor, "batch 4 time frequency"]) -> Float[Tensor, "batch 4 time frequency"]:
        return embedding.flip(2) if self._front.time_reversed else embedding

    def _within_recording(self, matrix: np.ndarray, samples: float) -> np.ndarray:
        """A matrix of time x frequency without the columns behind the recording's end."""
        return matrix[: max(1, round(len(self._waveform) / samples))]


def axis_names(front: Front) -> tuple[str, ...]:
    """What the four components are; none of a front that gives something else than four."""
    names = front.config.channels
    return names if len(names) == len(_COMPONENTS) else ()


def envelope(waveform: Float32[np.ndarray, "_"], columns: int = COLUMNS) -> dict[str, list[float]]:
    """The least and the greatest value in each of at most ``columns`` equal parts."""
    starts = np.unique(np.linspace(0, len(waveform), min(columns, len(waveform)), endpoint=False).astype(int))
    low, high = np.minimum.reduceat(waveform, starts), np.maximum.reduceat(waveform, starts)
    return {"low": np.round(low, 3).tolist(), "high": np.round(high, 3).tolist()}


def _reduced(matrix: np.ndarray, columns: int) -> np.ndarray:
    """Time x frequency with at most ``columns`` times, the greatest value of those that fall together."""
    if len(matrix) <= columns:
        return matrix
    starts = np.linspace(0, len(matrix), columns, endpoint=False).astype(int)
    return np.maximum.reduceat(matrix, starts, axis=0)


def _decibels(magnitude: Float[np.ndarray, "time frequency"]) -> Float[np.ndarray, "time frequency"]:
    loudest = max(float(magnitude.max()), float(np.finfo(np.float32).tiny))
    level = 20 * np.log10(np.maximum(magnitude / loudest, 10 ** (-_DECIBELS / 20)))
    return 1 + level / _DECIBELS


def _picture(levels: Float[np.ndarray, "time frequency"]) -> dict[str, Any]:
    rows: UInt8[np.ndarray, "frequency time"] = np.round(255 * levels.T[::-1]).astype(np.uint8)
    height, width = rows.shape
    return {"width": width, "height": height, "data": base64.b64encode(rows.tobytes()).decode()}
