"""The front of log-mel bands: waveform -> bands of the speech and their derivatives, whatever its level."""

import copy
from typing import Any

from jaxtyping import Bool, Float
from torch import Tensor

from hamiltone.settings import LogMelSettings
from hamiltone.speech import LOG_MEL_COLUMNS, ConvolvedLogMel, LogMel

from ._front import Front, Stage, register_front


@register_front(LogMelSettings)
class LogMelFront(Front):
    """Log-mel bands and their derivatives: waveform -> 4 x 400 x bands; nothing is fitted, nothing learned.

    Args:
        log_mel: waveform -> 4 x 400 x bands.
    """

    def __init__(self, log_mel: LogMel) -> None:
        super().__init__()
        self.log_mel = log_mel
        self.shape = (4, LOG_MEL_COLUMNS, log_mel.filters.shape[1])
        self.set_trainable(False)

    @classmethod
    def from_settings(cls, settings: LogMelSettings) -> "LogMelFront":
        """As the settings ask for."""
        return cls(LogMel(settings.bands, settings.normalisation, settings.speech_range))

    def settings(self) -> dict[str, Any]:
        """Kind, bands, normalisation and the range of speech."""
        log_mel = self.log_mel
        return {
            "kind": self.kind,
            "bands": self.shape[2],
            "normalisation": log_mel.normalisation,
            "speech_range": log_mel.speech_range,
        }

    def forward(
        self,
        x: Float[Tensor, "batch *shape"],
        stage: Stage = "waveform",
        masked: Bool[Tensor, "batch 512 128"] | None = None,
    ) -> Float[Tensor, "batch c t f"]:
        """The four channels of waveforms; see :class:`Front`."""
        if stage == "waveform":
            return self.log_mel(x, masked)
        if masked is not None:
            raise ValueError("masks hide parts of a spectrogram: they cannot be laid over features")
        return x

    def in_place(self, waveform: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch c t f"]:
        """The bands without moving the speech to the beginning."""
        return self.log_mel(waveform, in_place=True)

    def for_export(self) -> Front:
        """With a convolution in place of the Fourier transform."""
        front = copy.deepcopy(self)
        front.log_mel = ConvolvedLogMel(self.log_mel)
        return front
