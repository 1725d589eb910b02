"""The pictures of docs/method.md that are made of trained networks."""

from pathlib import Path
from xml.etree import ElementTree

import torch

from hamiltone.networks import RHEmo, TrainedRHEmo, save_bundle
from hamiltone.speech import Spectrogram
from tools.pictures import rh_emo_axes


def test_the_axes_of_a_quickstart_are_drawn_below_the_spectrogram(tmp_path: Path) -> None:
    torch.manual_seed(0)
    spectrogram = Spectrogram().fit([torch.randn(2, 64_000)])
    save_bundle(TrainedRHEmo(spectrogram, RHEmo(None)), tmp_path / "runs" / "synthetic-actor-rh-emo-2-abc" / "model")
    drawn = ElementTree.fromstring(rh_emo_axes(tmp_path))
    assert len(drawn.findall(".//{*}image")) == 5
    told = ["".join(text.itertext()) for text in drawn.findall(".//{*}text")]
    assert {"spectrogram", "r: discrete", "i: valence", "j: arousal", "k: dominance", "seconds"} <= set(told)
