"""RH-Emo's results: what is said of axes that are the same for all clips."""

import pytest

from hamiltone.records import Reconstruction
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
