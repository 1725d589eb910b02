from collections.abc import Callable

import pytest
import torch

from hamiltone.networks import Derivatives, Front, Recognizer, RHEmoEncoder, vgg
from hamiltone.speech import FRAME_SAMPLES, Spectrogram

LABELS = ("calm", "angry", "sad")


def make_recognizer(
    algebra: str = "quaternion",
    *,
    temperature: float = 1.0,
    pool: str = "flatten",
    encoder: RHEmoEncoder | Derivatives | None = None,
    time_reversed: bool = False,
    width: float = 1 / 16,
) -> Recognizer:
    """A small recogniser that was not trained, whose scores are as far apart as a trained one's."""
    torch.manual_seed(0)
    frames = torch.randn(2, FRAME_SAMPLES)
    front = Front(Spectrogram(scale="decibel", time_reversed=time_reversed).fit([frames]), encoder or RHEmoEncoder())
    network = vgg(11, algebra, len(LABELS), width=width, hidden=16, input_shape=front.shape, pool=pool)
    recognizer = Recognizer(front, network, LABELS, temperature=temperature).eval()
    with torch.no_grad():
        last = network.classifier[-1]
        assert isinstance(last, torch.nn.Linear)
        last.weight.div_(recognizer(frames).std())
    return recognizer


@pytest.fixture(scope="session")
def recognizer_maker() -> Callable[..., Recognizer]:
    return make_recognizer
