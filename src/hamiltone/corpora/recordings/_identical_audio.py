"""Groups of utterances of one recording, or of identical audio, which a split must not part."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Hashable, Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Int64

from hamiltone.audio import AudioError, opened

from ..utterances import CorpusError, Utterances

_PROBE = 4096
_REMEMBERED = 1 << 17  # recordings


def audio_groups(utterances: Utterances) -> Int64[np.ndarray, " utterance"]:
    """Number the groups of utterances that share a recording or whose recordings hold identical audio.

    Two recordings are identical when they decode to the same samples (channels averaged) at the same rate, whatever
    their container. Every file is opened and its first samples are read; only files that agree in rate, length and
    first samples are decoded whole. What a file begins with is remembered as long as its size and time stay the same,
    since the folds of a split ask for it again and again.

    Returns:
        One number per utterance; equal numbers belong together. Numbers count from 0 in order of first appearance.

    Raises:
        CorpusError: a file that is missing or cannot be decoded.
    """
    paths = utterances.table["path"].to_numpy(dtype=object)
    alike = _classes((path, _head(path)) for path in dict.fromkeys(paths))
    representative = {}
    for candidates in alike:
        if len(candidates) == 1:
            representative[candidates[0]] = candidates[0]
            continue
        for same in _classes((path, _digest(path)) for path in candidates):
            representative.update(dict.fromkeys(same, same[0]))
    numbers: dict[str, int] = {}
    groups = [numbers.setdefault(representative[path], len(numbers)) for path in paths]
    return np.array(groups, dtype=np.int64)


def _classes(keyed: Iterable[tuple[str, Hashable]]) -> list[list[str]]:
    classes = defaultdict(list)
    for path, key in keyed:
        classes[key].append(path)
    return list(classes.values())


def _head(path: str) -> tuple[int, int, bytes]:
    try:
        state = os.stat(path)  # noqa: PTH116 - Path is slow for so many
    except (OSError, ValueError):
        return _first_samples(path, 0, 0)  # which says what is wrong
    return _first_samples(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=_REMEMBERED)
def _first_samples(path: str, _size: int, _modified: int) -> tuple[int, int, bytes]:
    rate, frames, samples = _read(path, _PROBE)
    return rate, frames, _hash(samples)


def _digest(path: str) -> bytes:
    return _hash(_read(path, -1)[2])


def _read(path: str, frames: int) -> tuple[int, int, np.ndarray]:
    try:
        with soundfile.SoundFile(path) as file:
            return file.samplerate, file.frames, file.read(frames, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError):
        return _decoded(path, frames)


def _decoded(path: str, frames: int) -> tuple[int, int, np.ndarray]:
    # The guarded decoder reads more kinds and says what is wrong, but takes longer than many corpora bear.
    try:
        with opened(Path(path)) as recording:
            pieces = [np.empty(0, dtype=np.float32), *recording.pieces(None if frames < 0 else frames)]
            return recording.rate, recording.frames or 0, np.concatenate(pieces)[:, None]
    except AudioError as error:
        raise CorpusError(f"{error}: restore the recording, or leave it out of the corpus") from error


def _hash(samples: np.ndarray) -> bytes:
    return hashlib.sha256(samples.mean(axis=1, dtype=np.float32).tobytes()).digest()
