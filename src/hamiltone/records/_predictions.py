"""Predictions: a row for each clip, with the score of each class."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from hamiltone.corpora import Utterances
from hamiltone.files import atomic_path

from ._content import RecordError

PREDICTIONS = "predictions.csv"
_COLUMNS = ("utterance", "speaker", "truth", "prediction")


def predictions_table(
    utterances: Utterances,
    classes: Int[np.ndarray, " utterance"],
    probabilities: Float[np.ndarray, "utterance label"],
    labels: Sequence[str],
) -> pd.DataFrame:
    """A row per utterance: utterance, speaker, truth, prediction and one score (a probability) for each class."""
    table = pd.DataFrame(
        {
            "utterance": utterances.table["utterance"].to_numpy(),
            "speaker": utterances.table["speaker"].to_numpy(),
            "truth": [labels[index] for index in classes.tolist()],
            "prediction": [labels[index] for index in probabilities.argmax(axis=1).tolist()],
        }
    )
    return table.assign(**{f"score_{label}": probabilities[:, index] for index, label in enumerate(labels)})


def write_predictions(table: pd.DataFrame, path: Path) -> None:
    """Write a table of predictions as CSV."""
    with atomic_path(path) as draft:
        table.to_csv(draft, index=False, float_format="%.9g", lineterminator="\n")


def read_predictions(path: Path) -> pd.DataFrame:
    """Read a table of predictions; labels and speakers stay text, scores are numbers, an unknown speaker is "".

    Raises:
        RecordError: it cannot be read, or lacks a column.
    """
    remedy = "train again, or remove the file"
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        if missing := [column for column in _COLUMNS if column not in table.columns]:
            raise RecordError(f"{path}: has no column {', '.join(missing)}; {remedy}")
        scores = [column for column in table.columns if column.startswith("score_")]
        return table.astype(dict.fromkeys(scores, float))
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise RecordError(f"{path}: cannot be read: {reason}; {remedy}") from None
