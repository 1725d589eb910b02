"""Results of classifiers: predictions of a part's clips, and what the measures say of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from hamiltone.measures import summarise
from hamiltone.records import PREDICTIONS, Evaluation, predictions_table, write_predictions

from ._batches import Part
from ._objectives import Classification


def part_predictions(
    part: Part, probabilities: Float[Tensor, "utterance label"], labels: Sequence[str]
) -> pd.DataFrame:
    """A row for each utterance of a part: its true class, the predicted one, and the scores."""
    return predictions_table(part.utterances, part.classes.numpy(), probabilities.numpy(), labels)


def evaluation_of(predictions: pd.DataFrame, labels: Sequence[str]) -> Evaluation:
    """Accuracy, UAR and macro F1 of predictions, with intervals over speakers, and the confusion matrix."""
    truth, predicted, speakers = (predictions[name] for name in ("truth", "prediction", "speaker"))
    return Evaluation.model_validate(summarise(truth, predicted, speakers, labels))


def classification_results(
    objective: Classification, parts: Sequence[Part], labels: Sequence[str], device: torch.device, size: int, out: Path
) -> dict[str, Any]:
    """The evaluations of some parts by name, as a record takes them; predictions of the test part go to a file."""
    results = {}
    for part in parts:
        table = part_predictions(part, objective.probabilities(part, device, size), labels)
        results[part.name] = evaluation_of(table, labels)
        if part.name == "test":
            write_predictions(table, out / PREDICTIONS)
    return results
