"""From samples to the network's input, in torch: the spectrogram, log-mel bands and augmentation.

``Spectrogram`` is the part of a network that turns frames of 4 s into matrices of 512 (time) x 128 (frequency),
normalised with statistics of the training part; ``LogMel`` gives mel bands that no gain changes. ``augment`` changes a
recording at random while it is trained on, and ``VoiceEncoder`` tells voices apart. What makes recordings samples and
frames (``hamiltone.audio``) can be had from here, too.

Source: docs/method.md, "From sound to four axes".
"""

from hamiltone.audio import (
    FRAME_SAMPLES,
    LEAST_SAMPLES,
    SAMPLE_RATE,
    SILENT_PEAK,
    AudioError,
    AudioFormatError,
    AudioLengthError,
    AugmentationSettings,
    FrameRule,
    NoiseColour,
    Recording,
    audio_duration,
    cut_frames,
    frame_bounds,
    is_silent,
    load_audio,
    opened,
    stream_audio,
    stream_frames,
)

from ._augmentation import (
    OCTAVES,
    Augmented,
    add_noise,
    augment,
    change_gain,
    change_response,
    change_speed,
    draw_noise,
    place_in_frame,
)
from ._convolved_spectrogram import ConvolvedSpectrogram
from ._log_mel import LOG_MEL_COLUMNS, ConvolvedLogMel, LogMel, mel_bands, sounding_columns
from ._spectrogram import Normalisation, Scale, Spectrogram
from ._voice_encoder import VOICE_PACKAGE, VoiceEncoder, VoiceError, load_voice_encoder

__all__ = [
    "FRAME_SAMPLES",
    "LEAST_SAMPLES",
    "LOG_MEL_COLUMNS",
    "OCTAVES",
    "SAMPLE_RATE",
    "SILENT_PEAK",
    "VOICE_PACKAGE",
    "AudioError",
    "AudioFormatError",
    "AudioLengthError",
    "AugmentationSettings",
    "Augmented",
    "ConvolvedLogMel",
    "ConvolvedSpectrogram",
    "FrameRule",
    "LogMel",
    "NoiseColour",
    "Normalisation",
    "Recording",
    "Scale",
    "Spectrogram",
    "VoiceEncoder",
    "VoiceError",
    "add_noise",
    "audio_duration",
    "augment",
    "change_gain",
    "change_response",
    "change_speed",
    "cut_frames",
    "draw_noise",
    "frame_bounds",
    "is_silent",
    "load_audio",
    "load_voice_encoder",
    "mel_bands",
    "opened",
    "place_in_frame",
    "sounding_columns",
    "stream_audio",
    "stream_frames",
]
