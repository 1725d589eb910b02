"""From a recording to the network's input: guarded decoding, frames of 4 s, the spectrogram.

``load_audio`` and ``stream_audio`` turn a file of any rate, channel count and sample format into 16 kHz mono, whole or
in blocks, and answer a file that cannot be used with one line (``AudioError``). ``frame_bounds`` and ``cut_frames`` cut
a clip into frames of 4 s; ``Spectrogram`` is the part of a network that turns such frames into matrices of
512 (time) x 128 (frequency), normalised with statistics of the training part.

Source: REFERENCE section 1.
"""

from ._audio import SAMPLE_RATE, audio_duration, load_audio, stream_audio
from ._errors import AudioError, AudioFormatError, AudioLengthError
from ._frames import FRAME_SAMPLES, SILENT_PEAK, FrameRule, cut_frames, frame_bounds, is_silent, stream_frames
from ._spectrogram import Normalisation, Scale, Spectrogram

__all__ = [
    "FRAME_SAMPLES",
    "SAMPLE_RATE",
    "SILENT_PEAK",
    "AudioError",
    "AudioFormatError",
    "AudioLengthError",
    "FrameRule",
    "Normalisation",
    "Scale",
    "Spectrogram",
    "audio_duration",
    "cut_frames",
    "frame_bounds",
    "is_silent",
    "load_audio",
    "stream_audio",
    "stream_frames",
]
