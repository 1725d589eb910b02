"""RH-Emo's results: what is said of axes that are the same for all clips; its validation loss."""

from pathlib import Path

import numpy as np
import pytest
import torch

from hamiltone.corpora import Utterances
from hamiltone.networks import RHEmo, SpectrogramFront
from hamiltone.records import Reconstruction
from hamiltone.settings import RHEmoSettings
from hamiltone.speech import Spectrogram
from hamiltone.training._batches import Part, stored_inputs
from hamiltone.training._objectives import Reconstruction as Objective
from hamiltone.training._rh_emo_results import constant_axes


@pytest.mark.parametrize(
    ("deviations", "told"),
    [
        ((0.2, 0.1, 0.3, 0.05), []),
        ((0.2, 0.0, 0.3, 1e-9), ["that are the same for all clips: valence, dominance; train it longer"]),
        ((0.0, 0.0, 0.0, 0.0), ["its embedding is the same for all clips"]),
    ],
)
def test_constant_axes_are_named(deviations: tuple[float, ...], told: list[str]) -> None:
    notes = constant_axes(
        Reconstruction(bce=0.1, bce_constant=0.2, bce_mean_spectrogram=0.2, axis_deviation=deviations)
    )
    assert len(notes) == len(told)
    assert all(part in note for part, note in zip(told, notes, strict=True))


def test_the_validation_loss_does_not_depend_on_how_clips_fall_into_batches() -> None:
    torch.manual_seed(0)
    spectrograms = np.random.default_rng(0).random((4, 1, 512, 128), dtype=np.float32)
    utterances = Utterances.from_rows([{"utterance": str(i), "path": "a"} for i in range(4)], corpus="c", root=Path())
    nan = float("nan")
    affect = torch.tensor([[1.0, 0.0, nan], [nan, 1.0, nan], [nan, 0.0, nan], [0.0, nan, nan]])
    place = np.arange(4)
    inputs = stored_inputs(spectrograms, "spectrogram")
    part = Part("validation", utterances, place, place, torch.tensor([0, 1, 0, 1]), affect, inputs)
    settings = RHEmoSettings(beta=0.01, hidden=4)
    objective = Objective(RHEmo(2, hidden=4).eval(), SpectrogramFront(Spectrogram()), settings)
    whole, halves, single = (objective.validate(part, torch.device("cpu"), size) for size in (4, 3, 1))
    assert whole == pytest.approx(halves, rel=1e-5) and whole == pytest.approx(single, rel=1e-5)
    (batch,) = part.in_order(4)
    assert whole == pytest.approx({k: v.item() for k, v in objective.losses(objective.module, batch).items()})
    assert whole["valence"] > 0 and whole["dominance"] == 0
