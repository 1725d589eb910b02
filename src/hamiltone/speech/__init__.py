"""From a recording to the network's input: guarded decoding, frames of 4 s, the spectrogram.

``load_audio`` and ``stream_audio`` turn a file of any rate, channel count and sample format into 16 kHz mono, whole or
in blocks, and answer a file that cannot be used with one line (``AudioError``); ``opened`` gives it at its own rate.
``frame_bounds`` and ``cut_frames`` cut a clip into frames of 4 s; ``Spectrogram`` is the part of a network that turns
such frames into matrices of 512 (time) x 128 (frequency), normalised with statistics of the training part. ``augment``
changes a recording at random while it is trained on.

Source: REFERENCE section 1.
"""

from ._audio import SAMPLE_RATE, audio_duration, load_audio, stream_audio
from ._augment import (
    Augmentation,
    Augmented,
    NoiseColour,
    add_noise,
    augment,
    change_gain,
    change_speed,
    draw_noise,
    place_in_frame,
)
from ._convolved import ConvolvedSpectrogram
from ._decoding import Recording, opened
from ._errors import AudioError, AudioFormatError, AudioLengthError
from ._frames import (
    FRAME_SAMPLES,
    LEAST_SAMPLES,
    SILENT_PEAK,
    FrameRule,
    cut_frames,
    frame_bounds,
    is_silent,
    stream_frames,
)
from ._spectrogram import Normalisation, Scale, Spectrogram

__all__ = [
    "FRAME_SAMPLES",
    "LEAST_SAMPLES",
    "SAMPLE_RATE",
    "SILENT_PEAK",
    "AudioError",
    "AudioFormatError",
    "AudioLengthError",
    "Augmentation",
    "Augmented",
    "ConvolvedSpectrogram",
    "FrameRule",
    "NoiseColour",
    "Normalisation",
    "Recording",
    "Scale",
    "Spectrogram",
    "add_noise",
    "audio_duration",
    "augment",
    "change_gain",
    "change_speed",
    "cut_frames",
    "draw_noise",
    "frame_bounds",
    "is_silent",
    "load_audio",
    "opened",
    "place_in_frame",
    "stream_audio",
    "stream_frames",
]
