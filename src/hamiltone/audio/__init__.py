"""From a recording to its samples: guarded decoding, resampling, frames of 4 s. Without torch.

``load_audio`` and ``stream_audio`` turn a file of any rate, channel count and sample format into 16 kHz mono, whole or
in blocks, and answer a file that cannot be used with one line (``AudioError``); ``opened`` gives it at its own rate.
libsndfile decodes what it reads right, PyAV (the extra ``media``) what phones, browsers and telephones record.
``frame_bounds`` and ``cut_frames`` cut a clip into frames of 4 s. ``AUDIO_SUFFIXES`` names the sound files of a folder.
``FrameSettings`` and ``AugmentationSettings`` are what is to be done with frames; ``hamiltone.speech`` augments them.

Source: docs/method.md, "From sound to four axes".
"""

from ._decoding import Recording, decoder_versions, opened
from ._errors import AudioError, AudioFormatError, AudioLengthError
from ._frames import (
    FRAME_SAMPLES,
    LEAST_SAMPLES,
    SILENT_PEAK,
    FrameRule,
    Level,
    cut_frames,
    frame_bounds,
    is_silent,
    stream_frames,
)
from ._isolation import WORKER, worker_environment
from ._loading import SAMPLE_RATE, audio_duration, check_values, load_audio, stream_audio
from ._settings import (
    SPECTROGRAM_BINS,
    SPECTROGRAM_COLUMNS,
    SPECTROGRAM_HOP,
    AugmentationSettings,
    FrameSettings,
    NoiseColour,
)
from ._suffixes import AUDIO_SUFFIXES, OTHER_SUFFIXES, left_out

__all__ = [
    "AUDIO_SUFFIXES",
    "FRAME_SAMPLES",
    "LEAST_SAMPLES",
    "OTHER_SUFFIXES",
    "SAMPLE_RATE",
    "SILENT_PEAK",
    "SPECTROGRAM_BINS",
    "SPECTROGRAM_COLUMNS",
    "SPECTROGRAM_HOP",
    "WORKER",
    "AudioError",
    "AudioFormatError",
    "AudioLengthError",
    "AugmentationSettings",
    "FrameRule",
    "FrameSettings",
    "Level",
    "NoiseColour",
    "Recording",
    "audio_duration",
    "check_values",
    "cut_frames",
    "decoder_versions",
    "frame_bounds",
    "is_silent",
    "left_out",
    "load_audio",
    "opened",
    "stream_audio",
    "stream_frames",
    "worker_environment",
]
