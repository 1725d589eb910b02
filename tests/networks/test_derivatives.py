"""The four channels without training, against NumPy's gradient, and through settings, bundles and the recognizer."""

from pathlib import Path

import numpy as np
import torch

from hamiltone.networks import (
    Derivatives,
    DerivativesFront,
    Recognizer,
    load_recognizer,
    save_bundle,
    vgg,
)
from hamiltone.speech import Spectrogram


def test_channels_are_the_matrix_and_its_central_differences() -> None:
    x = torch.randn(3, 1, 512, 128, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    got = Derivatives()(x).numpy()
    matrix = x.numpy()[:, 0].reshape(3, 64, 8, 64, 2).mean(axis=(2, 4))

    def difference(values, axis):
        inner = np.gradient(values, axis=axis)
        edges = np.take(np.moveaxis(inner, axis, 0), [0, -1], axis=0)
        assert np.abs(edges).max() > 0  # NumPy's edges are one-sided; ours are zero
        np.moveaxis(inner, axis, 0)[[0, -1]] = 0
        return inner

    over_time = difference(matrix, 1)
    expected = [matrix, 2 * over_time, 2 * difference(over_time, 1), 2 * difference(matrix, 2)]
    for channel, values in enumerate(expected):
        np.testing.assert_allclose(got[:, channel], values, atol=1e-12)


def test_a_recognizer_upon_derivatives_is_saved_and_loaded(tmp_path: Path) -> None:
    spectrogram = Spectrogram(normalisation="none", scale="decibel")
    network = vgg(11, "quaternion", 3, width=1 / 16, hidden=8, input_shape=(4, 64, 64))
    recognizer = Recognizer(DerivativesFront(spectrogram), network, ["a", "b", "c"]).eval()
    assert recognizer.front.kind == "derivatives"
    assert not recognizer.front.trainable
    x = torch.randn(2, 64000, generator=torch.Generator().manual_seed(1))
    save_bundle(recognizer, tmp_path / "model")
    again = load_recognizer(tmp_path / "model")
    assert again.front.kind == "derivatives"
    torch.testing.assert_close(again(x), recognizer(x), rtol=0, atol=0)
