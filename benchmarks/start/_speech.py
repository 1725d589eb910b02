"""Speech for the measurements: frames of the embedded corpus of synthetic voices."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hamiltone.audio import FRAME_SAMPLES, load_audio
from hamiltone.corpora import load_corpus
from hamiltone.networks import build_front
from hamiltone.settings import DerivativesSettings, SpectrogramSettings

Scale = Literal["linear", "decibel"]

_SOUNDING = 128  # columns of a spectrogram: a word of the embedded corpus takes less than a second


@dataclass(frozen=True)
class Speech:
    """Some frames, every so many of the corpus."""

    waveforms: Float[Tensor, "frame sample"]

    @classmethod
    def of_the_embedded_corpus(cls, frames: int) -> "Speech":
        """So many frames, spread over voices, words and emotions."""
        paths = load_corpus("synthetic").table["path"].to_list()
        waveforms = torch.zeros(frames, FRAME_SAMPLES)
        for row, place in enumerate(np.linspace(0, len(paths) - 1, frames).round().astype(int)):
            sound = torch.from_numpy(load_audio(paths[place]))[:FRAME_SAMPLES]
            waveforms[row, : len(sound)] = sound
        return cls(waveforms)

    def maps(self) -> Float[Tensor, "frame 4 64 64"]:
        """Spectrogram and derivatives, normalised: what a quaternion network takes without an RH-Emo."""
        front = build_front(DerivativesSettings(scale="decibel"))
        front.fit([self.waveforms])
        return front(self.waveforms)

    def spectrograms(self, scale: Scale) -> Float[Tensor, "frame 1 columns 128"]:
        """The part of the spectrograms that sounds, in 0..1, as an RH-Emo takes them."""
        front = build_front(SpectrogramSettings(scale=scale, normalisation="unit"))
        front.fit([self.waveforms])
        return front(self.waveforms)[:, :, :_SOUNDING]
