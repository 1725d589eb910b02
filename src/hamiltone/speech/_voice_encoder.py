"""Vectors of voices: numbers that are alike for recordings of one person, whatever is said."""

import importlib.util
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from hamiltone.audio import SAMPLE_RATE
from hamiltone.errors import HamiltoneError

VOICE_PACKAGE = "resemblyzer"
"""The package whose weights are read; nothing of its code is run, nor needs what that code needs be installed."""

_SIZE = 256
_BANDS = 40
_WINDOW, _HOP = SAMPLE_RATE // 40, SAMPLE_RATE // 100
_COLUMNS, _STEP = 160, 77  # of a part: 1.6 s, 1.3 of them begin each second
_USUAL_LEVEL = -30.0  # dB of full scale; quieter sound is raised to it
_RANGE = 40.0  # dB below the loudest column at which speech begins and ends


class VoiceError(HamiltoneError):
    """The weights are not here, or are none."""


class VoiceEncoder(nn.Module):
    """Speech -> a vector of 256 numbers, of length 1; the more alike two voices are, the larger is their product.

    Three LSTM layers hear 40 mel bands of 1.6 s; a recording's vector is the mean over its parts.

    Source: Wan et al. 2018, "Generalized End-to-End Loss for Speaker Verification", arXiv:1710.10467.
    """

    bands: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(_BANDS, _SIZE, num_layers=3, batch_first=True)
        self.linear = nn.Linear(_SIZE, _SIZE)
        self.register_buffer("bands", _slaney_bands(), persistent=False)

    def forward(self, mels: Float[Tensor, "part 160 40"]) -> Float[Tensor, "part 256"]:
        """Vectors of parts, each of length 1."""
        _, (hidden, _) = self.lstm(mels)
        return nn.functional.normalize(self.linear(hidden[-1]).relu(), dim=1)

    @torch.no_grad()
    def parts(self, waveform: Float32[np.ndarray, " sample"]) -> Float[Tensor, "part 256"]:
        """Vectors of the parts of some speech, silence at its ends left out.

        Args:
            waveform: 16 kHz, mono, at least one sample that is not 0.
        """
        mels = self.mels(torch.from_numpy(waveform))
        levels = 10 * mels.sum(1).clamp(min=1e-10).log10()
        (heard,) = torch.where(levels > levels.max() - _RANGE)
        mels = mels[heard[0] : heard[-1] + 1]
        mels = nn.functional.pad(mels, (0, 0, 0, max(0, _COLUMNS - len(mels))))
        return self(mels.unfold(0, _COLUMNS, _STEP).transpose(1, 2))

    def mels(self, waveform: Float[Tensor, " sample"]) -> Float[Tensor, "column 40"]:
        """Power in each band, every 10 ms, of windows of 25 ms."""
        level = 20 * waveform.square().mean().sqrt().clamp(min=1e-9).log10()
        waveform = waveform * 10 ** ((_USUAL_LEVEL - level).clamp(min=0) / 20)
        window = torch.hann_window(_WINDOW)
        columns = torch.stft(waveform, _WINDOW, _HOP, window=window, pad_mode="constant", return_complex=True)
        return columns.abs().square().T @ self.bands


def load_voice_encoder() -> VoiceEncoder:
    """The encoder with the weights of the package Resemblyzer (Apache-2.0), in evaluation mode.

    Raises:
        VoiceError: they are not installed, or are not those of this network.
    """
    spec = importlib.util.find_spec(VOICE_PACKAGE)
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        raise VoiceError(
            f"voices are told apart by the weights of Resemblyzer, which are not here: pip install --no-deps "
            f"{VOICE_PACKAGE}==0.1.4 (17 MB; nothing else of it is needed)"
        )
    path = Path(places[0]) / "pretrained.pt"
    encoder = VoiceEncoder()
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
        encoder.load_state_dict({name: content[name] for name in encoder.state_dict()})
    except Exception as error:
        raise VoiceError(f"{path}: is no voice encoder of Resemblyzer 0.1.4: {error}") from error
    return encoder.eval()


def _slaney_bands() -> Float[Tensor, "bin 40"]:
    """Triangles of area 1 over the bins, their corners evenly spaced on Slaney's mel scale (1998) from 0 to 8 kHz."""
    straight = 1000 * 3 / 200  # mels at 1 kHz, up to which the scale is straight and above which it is logarithmic
    step = np.log(6.4) / 27
    mels = np.linspace(0, straight + np.log(SAMPLE_RATE / 2 / 1000) / step, _BANDS + 2)
    corners = np.where(mels < straight, mels * 200 / 3, 1000 * np.exp(step * (mels - straight)))
    bins = np.linspace(0, SAMPLE_RATE / 2, _WINDOW // 2 + 1)[:, None]
    low, middle, high = corners[:-2], corners[1:-1], corners[2:]
    triangles = np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)).clip(min=0)
    return torch.from_numpy(triangles * 2 / (high - low)).float()
