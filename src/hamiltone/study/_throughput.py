"""The assumed time of a run, from what its network multiplies, where nothing like it was measured."""

from hamiltone.settings import RunSettings

MULTIPLY_ADDS_PER_SECOND = 4e10
"""Of a core in a training step, measured on a quiet machine with AVX-512 (``make bench`` measures a machine's own)."""
ASSUMPTION = (
    "every epoch that the settings allow, and a quiet machine with AVX-512, whose cores multiply and add 4e10 times a "
    "second each; beside other work it takes several times as long"
)

_PASSES = 3  # forwards, and the gradients of inputs and of weights
_SECONDS_PER_FRAME = 0.002  # what a step takes besides: reading, activations, Adam
_RH_EMO_SECONDS_PER_FRAME = 0.01  # its maps are large and its layers small
_SECONDS_PER_RUN = 15  # to start, to read recordings, to test


def assumed_seconds(settings: RunSettings, clips: int) -> float | None:
    """How long a run takes with all its epochs, a clip being one frame; None where its network does not tell.

    Args:
        settings: of the run.
        clips: of its training part.
    """
    if settings.task == "rh-emo":
        heads = settings.rh_emo.hidden if settings.rh_emo and settings.rh_emo.beta > 0 else 0
        operations, besides = 4 * heads * (64 * 64 + heads), _RH_EMO_SECONDS_PER_FRAME
    else:
        # Anti-transfer's targets are stored: its frozen network runs once, which is little among the epochs.
        shape, besides = settings.front.shape, _SECONDS_PER_FRAME
        operations = None if shape is None else settings.network.multiply_adds(shape)
        if operations is None:
            return None
    cores = settings.threads * settings.processes
    per_frame = _PASSES * operations / (cores * MULTIPLY_ADDS_PER_SECOND) + besides
    return _SECONDS_PER_RUN + settings.training.epochs * clips * per_frame
