"""The microphone (extra ``mic``): what its last seconds sound like, again and again."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np
import soxr

from hamiltone.audio import FRAME_SAMPLES, SAMPLE_RATE, AudioError

from ._errors import ServiceError
from ._prediction import Prediction
from ._predictor import Predictor
from ._windows import HOP, hop_samples

_NAME = "microphone"


def listen(predictor: Predictor, *, hop: float = HOP) -> Iterator[Prediction | AudioError]:
    """Hear the system's own microphone until the iterator is closed or interrupted.

    Args:
        predictor: what recognises it.
        hop: seconds from one result to the next, 0.5 to 4.

    Yields:
        Every ``hop`` seconds the prediction of the last 4 s (of less at first), or the error that they are silent.

    Raises:
        ServiceError: the extra is not installed, there is no microphone, or a hop is outside its range.
    """
    hop_samples(hop)
    sounddevice = _sounddevice()
    try:
        rate = round(sounddevice.query_devices(kind="input")["default_samplerate"])
        with sounddevice.InputStream(samplerate=rate, channels=1, dtype="float32") as stream:
            yield from _predictions(predictor, stream, rate, hop)
    except sounddevice.PortAudioError as error:
        raise ServiceError(f"the microphone cannot be heard: {error}; is one plugged in, and may it be used?") from None


def _predictions(predictor: Predictor, stream: Any, rate: int, hop: float) -> Iterator[Prediction | AudioError]:
    resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    last, end = np.zeros(0, np.float32), 0
    while True:
        block, _ = stream.read(round(hop * rate))
        new = resampler.resample_chunk(block[:, 0])
        last, end = np.concatenate([last, new])[-FRAME_SAMPLES:], end + len(new)
        try:
            yield predictor.predict_waveform(last, name=_NAME, start=(end - len(last)) / SAMPLE_RATE)
        except AudioError as error:
            yield error


def _sounddevice() -> Any:
    try:
        return import_module("sounddevice")
    except ImportError:
        raise ServiceError("sounddevice is missing, which hears the microphone: pip install 'hamiltone[mic]'") from None
    except OSError as error:  # the package is there, the library is not
        raise ServiceError(f"{error}: sounddevice needs it (on Debian: apt install libportaudio2)") from None
