"""What a window's sound is, apart from any emotion: speech is never steady, and is at its limit for moments only.

Both bounds were set on recordings: the level of 1,600 windows of six corpora of speech spreads over 2.6 dB or more
(99 % over 5 dB and more), that of white, pink and brown noise, tones and chords over less than 1 dB; 0.1 % of a clean
recording's samples at most lie at its limit, and 1 to 6 % where it was overdriven by 6 dB.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Float32

from hamiltone.audio import SILENT_PEAK, AudioError, Level

_PART = 512  # samples: 32 ms
_DEPTH = 1e-6  # 60 dB below the loudest part there is no sound
_LEAST_SPREAD = 1.5  # dB
_NEAR = 0.98  # of the highest value

HEAVILY_CLIPPED = 0.02
"""The share of samples at the limit from which on a recording's sound is not the voice's own."""


def audible(blocks: Iterable[Float32[np.ndarray, "_"]], name: str) -> Iterator[Float32[np.ndarray, "_"]]:
    """The same blocks, and an error at their end where they were silent all along.

    Raises:
        AudioError: it is silent.
    """
    level = Level()
    for block in blocks:
        level.add(block)
        yield block
    if level.peak < SILENT_PEAK:
        raise AudioError(f"{name}: is silent (its peak is {level.peak:.5f} of 1); there is no emotion to hear")


def is_steady(samples: Float32[np.ndarray, "_"]) -> bool:
    """Whether the level hardly changes, as that of noise, hum, tones and silence: then there is no speech.

    The level is that of the differences of neighbouring samples, which lifts what is high, over parts of 32 ms; of
    those that are not 60 dB below the loudest, the tenth that is loudest and the tenth that is softest are compared.

    Args:
        samples: at 16 kHz; of less than two parts nothing can be said, and they are not steady.
    """
    count = (len(samples) - 1) // _PART
    if count < 2:
        return False
    steps = np.diff(samples[: count * _PART + 1]).reshape(count, _PART)
    power = np.square(steps, dtype=np.float64).mean(axis=1)
    heard = power[power > _DEPTH * power.max()]
    if not len(heard):
        return True
    low, high = np.percentile(10 * np.log10(heard), [10, 90])
    return bool(high - low < _LEAST_SPREAD)


def clipped_share(samples: Float32[np.ndarray, "_"]) -> float:
    """The share of samples within 2 % of the highest absolute value: few, unless something cut them off there."""
    size = np.abs(samples)
    return float((size > _NEAR * size.max(initial=0.0)).mean()) if len(samples) else 0.0
