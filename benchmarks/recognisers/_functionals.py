"""Functionals of openSMILE: one vector for each utterance, computed once and kept in the cache."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float32

from hamiltone.audio import SAMPLE_RATE
from hamiltone.corpora import Report, Utterances, recording_keys, segments_of
from hamiltone.files import atomic_path, cache_folder, content_key

from ._errors import ComparisonError

FeatureSet = Literal["eGeMAPSv02", "ComParE_2016"]
SIZES: dict[FeatureSet, int] = {"eGeMAPSv02": 88, "ComParE_2016": 6373}
"""How many functionals each set has."""

Extractor = Callable[[Float32[np.ndarray, " sample"]], Float32[np.ndarray, " feature"]]


def extractor(features: FeatureSet) -> Extractor:
    """The function from a waveform at 16 kHz to the functionals over all of it.

    Sources: eGeMAPS, Eyben et al. 2016 (doi:10.1109/TAFFC.2015.2457417); ComParE, Schuller et al. 2016
    (doi:10.21437/Interspeech.2016-129); openSMILE, Eyben et al. 2010 (doi:10.1145/1873951.1874246).

    Raises:
        ComparisonError: openSMILE is not installed.
    """
    try:
        import opensmile  # pyright: ignore[reportMissingImports] (an extra that checks do not install)
    except ImportError:
        raise ComparisonError("opensmile is not installed: pip install 'hamiltone[baselines]'") from None
    smile = opensmile.Smile(opensmile.FeatureSet[features], opensmile.FeatureLevel.Functionals)
    return lambda waveform: smile(waveform, SAMPLE_RATE)[0, :, 0].astype(np.float32)


def functionals(
    utterances: Utterances, features: FeatureSet, report: Report
) -> Float32[np.ndarray, "utterance feature"]:
    """The functionals of each utterance, those from the cache that are there.

    What is kept is found by the content of the recording, the segment, and openSMILE's version; a process that was
    killed goes on where it stood.

    Raises:
        ComparisonError: openSMILE is not installed.
        HamiltoneError: a recording that cannot be read or decoded.
    """
    extract = extractor(features)
    keys = recording_keys(utterances.table["path"])
    folder = cache_folder("functionals", features)
    rows = np.zeros((len(utterances), SIZES[features]), dtype=np.float32)
    for row, segment in enumerate(segments_of(utterances)):
        rule = {"recording": keys[segment.path], "start": segment.start, "end": segment.end, "openSMILE": _version()}
        path = folder / f"{content_key(rule)}.npy"
        vector = _kept(path, SIZES[features])
        if vector is None:
            vector = extract(segment.load())
            with atomic_path(path) as draft, draft.open("wb") as file:
                np.save(file, vector)
        rows[row] = vector
        report(f"functionals {features}", row + 1, len(utterances))
    return rows


def _version() -> str:
    from importlib.metadata import version

    return version("opensmile")


def _kept(path: Path, size: int) -> Float32[np.ndarray, " feature"] | None:
    try:
        vector = np.load(path)
    except (OSError, ValueError, EOFError):
        return None  # not there, or damaged: it is made anew
    return vector if vector.shape == (size,) else None
