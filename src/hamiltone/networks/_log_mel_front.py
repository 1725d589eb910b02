"""The front of log-mel bands: waveform -> bands of the speech and their derivatives, whatever its level."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hamiltone.settings import LogMelSettings
from hamiltone.speech import LOG_MEL_COLUMNS, ConvolvedLogMel, LogMel

from ._front import Front, Stage, register_front


@register_front(LogMelSettings)
class LogMelFront(Front):
    """Log-mel bands and their derivatives, at one speed or several; nothing is fitted, nothing learned.

    Args:
        copies: waveform -> 4 x 400 x bands, for each speed at which it is heard; they differ in that alone.
    """

    def __init__(self, copies: Sequence[LogMel]) -> None:
        super().__init__()
        self.copies = nn.ModuleList(copies)
        self.shape = (4 * len(copies), LOG_MEL_COLUMNS, copies[0].filters.shape[1])
        self.set_trainable(False)

    @classmethod
    def from_settings(cls, settings: LogMelSettings) -> "LogMelFront":
        """As the settings ask for."""
        made = (settings.bands, settings.normalisation, settings.speech_range)
        return cls([LogMel(*made, speed) for speed in settings.speeds])

    def settings(self) -> dict[str, Any]:
        """Kind, bands, normalisation, the range of speech and the speeds."""
        log_mel = self._as_spoken
        return {
            "kind": self.kind,
            "bands": self.shape[2],
            "normalisation": log_mel.normalisation,
            "speech_range": log_mel.speech_range,
            "speeds": [one.speed for one in self._log_mels],
        }

    def at_speeds(self, speeds: Sequence[float]) -> "LogMelFront":
        """The same at other speeds: four channels for each."""
        return self.from_settings(LogMelSettings.model_validate(self.settings() | {"speeds": list(speeds)}))

    @property
    def _log_mels(self) -> list[LogMel]:
        return [one for one in self.copies if isinstance(one, LogMel)]

    @property
    def _as_spoken(self) -> LogMel:
        """The copy whose speed is nearest to 1."""
        return min(self._log_mels, key=lambda one: abs(one.speed - 1))

    def forward(
        self,
        x: Float[Tensor, "batch *shape"],
        stage: Stage = "waveform",
        masked: Bool[Tensor, "batch 512 128"] | None = None,
    ) -> Float[Tensor, "batch c t f"]:
        """The channels of waveforms, four of each speed; see :class:`Front`."""
        if stage == "waveform":
            return torch.cat([one(x, masked) for one in self.copies], 1)
        if masked is not None:
            raise ValueError("masks hide parts of a spectrogram: they cannot be laid over features")
        return x

    def in_place(self, waveform: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch c t f"]:
        """The bands as spoken (at a speed of 1, or near it) without moving the speech to the beginning."""
        return self._as_spoken(waveform, in_place=True)

    def for_export(self) -> Front:
        """With a convolution in place of the Fourier transform."""
        front = copy.deepcopy(self)
        front.copies = nn.ModuleList(ConvolvedLogMel(one) for one in self._log_mels)
        return front
