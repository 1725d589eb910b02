"""Valence, arousal and dominance as binary targets, from ratings or from a named table."""

import numpy as np
from jaxtyping import Float32

from ._table import RATINGS, CorpusError, Utterances

_RATING_THRESHOLD = 2.5

_RUSSELL_MEHRABIAN = {
    ("angry", "anger"): (-0.51, 0.59, 0.25),
    ("bored", "boredom"): (-0.65, -0.62, -0.33),
    ("calm", "relaxed"): (0.68, -0.46, 0.20),
    ("disgust", "disgusted"): (-0.60, 0.35, 0.11),
    ("fearful", "fear"): (-0.64, 0.60, -0.43),
    ("happy", "happiness"): (0.81, 0.51, 0.46),
    ("sad", "sadness"): (-0.63, -0.27, -0.33),
    ("surprised", "surprise", "pleasant_surprise"): (0.40, 0.67, -0.13),
}
_TABLES = {"russell-mehrabian-1977": _RUSSELL_MEHRABIAN}


def affect_table(name: str) -> dict[str, tuple[float, float, float]]:
    """Look up what an emotion's name means on the three axes, for corpora without ratings.

    ``russell-mehrabian-1977``: mean pleasure, arousal and dominance, each from -1 to 1, that raters gave to the words
    (J. A. Russell and A. Mehrabian, Evidence for a three-factor theory of emotions, Journal of Research in
    Personality 11, 1977, 273-294). "calm" has the values of their "relaxed"; "neutral" has none.

    Returns:
        Emotion (every synonym is a key) -> (valence, arousal, dominance).

    Raises:
        CorpusError: an unknown table.
    """
    if name not in _TABLES:
        raise CorpusError(f"no affect table {name!r}: there is {', '.join(_TABLES)}")
    return {emotion: values for synonyms, values in _TABLES[name].items() for emotion in synonyms}


def affect_targets(utterances: Utterances, table: str | None = None) -> Float32[np.ndarray, "utterance 3"]:
    """Give the binary targets of RH-Emo's three affective axes.

    Args:
        utterances: n utterances.
        table: the name of an ``affect_table``, for utterances without ratings.

    Returns:
        Valence, arousal and dominance per utterance: 1 = high, 0 = low, NaN = unknown, to be masked. A rating is high
        above 2.5 (of 5); where there is none, the table's value of the emotion is high above 0.

    Raises:
        CorpusError: an unknown table.
    """
    ratings = utterances.table[list(RATINGS)].to_numpy(dtype=np.float64)
    targets = _high(ratings, _RATING_THRESHOLD)
    if table is not None:
        values = affect_table(table)
        unknown = (np.nan,) * len(RATINGS)
        known = [values.get(emotion, unknown) for emotion in utterances.table["emotion"].fillna("")]
        by_name = _high(np.array(known, dtype=np.float64).reshape(-1, len(RATINGS)), 0.0)
        targets = np.where(np.isnan(targets), by_name, targets)
    return targets.astype(np.float32)


def _high(values: np.ndarray, threshold: float) -> np.ndarray:
    return np.where(np.isnan(values), np.nan, values > threshold)
