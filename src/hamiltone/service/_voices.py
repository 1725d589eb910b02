"""Recordings of one person, found by how the voice sounds, where nobody has named the speakers."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from hamiltone.audio import FRAME_SAMPLES, AudioError
from hamiltone.speech import VoiceEncoder, load_voice_encoder

from ._errors import ServiceError
from ._recordings import Report, reported_blocks
from ._sound import audible
from ._windows import stream_windows

FEWEST_OF_A_VOICE = 6
"""Recordings that a voice which was found by its sound must have to be adapted to: fewer tell little of it."""

_MOST = 5000  # recordings: the distances of all pairs are in memory
_WINDOWS = 15  # of 4 s: a minute of speech tells a voice
_FARTHEST = 0.35  # mean distance (1 - cosine) of two groups that are one; see docs/predict.md for what it finds


def recordings_by_voice(recordings: Iterable[Path | str], *, report: Report | None = None) -> dict[str, list[Path]]:
    """The recordings of each voice, by their sound alone.

    Two speakers may be taken for one voice, and one for several (docs/predict.md has how often).

    Args:
        recordings: each of one person.
        report: is told of each part that is read: the file, and the part's seconds.

    Returns:
        Recordings by name of their voice, "voice 1" being the first that is heard; under "" those that cannot be
        used, hold no speech, or are of a voice with fewer than ``FEWEST_OF_A_VOICE``.

    Raises:
        VoiceError: the weights that tell voices apart are not installed.
        ServiceError: too many recordings.
    """
    paths = [Path(path) for path in recordings]
    if len(paths) > _MOST:
        raise ServiceError(f"{len(paths)} recordings are too many to be grouped by voice, {_MOST} at most: name fewer")
    encoder = load_voice_encoder()
    voices = [_voice(path, encoder, report) for path in paths]
    groups = iter(_groups([voice for voice in voices if voice is not None]))
    group_of = [None if voice is None else next(groups) for voice in voices]
    sizes = Counter(group_of)
    names: dict[int, str] = {}
    found: dict[str, list[Path]] = {}
    for path, group in zip(paths, group_of, strict=True):
        name = ""
        if group is not None and sizes[group] >= FEWEST_OF_A_VOICE:
            name = names.setdefault(group, f"voice {len(names) + 1}")
        found.setdefault(name, []).append(path)
    return found


def _voice(path: Path, encoder: VoiceEncoder, report: Report | None) -> Float[Tensor, "256"] | None:
    """The mean over the parts of its first minute of speech, of length 1; None where there is no speech."""
    parts: list[Tensor] = []
    try:
        blocks = audible(reported_blocks(path, report), str(path))
        for window, samples in stream_windows(blocks, rule="drop_short", hop=FRAME_SAMPLES):
            if window.speech and samples.any() and len(parts) < _WINDOWS:
                parts.append(encoder.parts(samples))
    except AudioError:
        return None  # it is told where the recording's turn comes
    return torch.nn.functional.normalize(torch.cat(parts).mean(0), dim=0) if parts else None


def _groups(voices: Sequence[Float[Tensor, "256"]]) -> list[int]:
    """The number of each voice's group: those are put together first that are nearest in the mean over their pairs."""
    from scipy.cluster.hierarchy import fcluster, linkage  # noqa: PLC0415 - who only predicts does without scipy

    if len(voices) < 2:
        return [0] * len(voices)
    tree = linkage(torch.stack([*voices]).numpy(), method="average", metric="cosine")
    return fcluster(tree, _FARTHEST, criterion="distance").tolist()
