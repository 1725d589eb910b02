"""Results of RH-Emo on unseen clips: its reconstruction against constant ones, and its axes."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hamiltone.networks import AXES
from hamiltone.records import Reconstruction

from ._batches import Part
from ._results import evaluation_of, part_predictions

_CONSTANT = 1e-4  # of a spectrogram between 0 and 1


@torch.no_grad()
def rh_emo_results(
    rh_emo: nn.Module, parts: Sequence[Part], labels: Sequence[str], device: torch.device, size: int
) -> dict[str, Any]:
    """Results on the test part, as a record takes them.

    Returns:
        ``reconstruction`` and, with heads, ``test``: the evaluation of the discrete axis's scores for each clip.
    """
    rh_emo.eval()
    train, _, test = parts
    mean = torch.zeros(1, dtype=torch.float64)
    for batch in train.in_order(size):
        mean = mean + batch.x.clamp(0, 1).double().sum(dim=0, keepdim=True)
    mean = mean / len(train)

    bce = constant = spectrogram = 0.0
    total = total_squared = torch.zeros(1, dtype=torch.float64)
    scores = []
    for batch in test.in_order(size):
        output = rh_emo(batch.x.to(device))
        target = batch.x.clamp(0, 1).double()
        share = len(target) / len(test)
        bce += share * _bce(output.reconstruction.cpu().double(), target)
        constant += share * _bce(mean.mean().expand_as(target), target)
        spectrogram += share * _bce(mean.expand_as(target), target)
        embedding = output.embedding.cpu().double()
        total = total + embedding.sum(dim=0)
        total_squared = total_squared + embedding.square().sum(dim=0)
        if output.discrete is not None:
            scores.append(output.discrete.cpu().double().softmax(dim=1))
    variance = total_squared / len(test) - (total / len(test)).square()
    reconstruction = Reconstruction(
        bce=bce,
        bce_constant=constant,
        bce_mean_spectrogram=spectrogram,
        axis_deviation=tuple(variance.clamp(min=0).sqrt().mean(dim=(1, 2)).tolist()),
    )
    results: dict[str, Any] = {"reconstruction": reconstruction}
    if scores:
        results["test"] = evaluation_of(part_predictions(test, test.per_utterance(torch.cat(scores)), labels), labels)
    return results


def constant_axes(reconstruction: Reconstruction) -> list[str]:
    """A note where axes of an RH-Emo's embedding are the same for all clips."""
    deviations = zip(AXES, reconstruction.axis_deviation, strict=True)
    constant = [axis for axis, deviation in deviations if deviation <= _CONSTANT]
    if not constant:
        return []
    if len(constant) == len(AXES):
        return ["its embedding is the same for all clips: what rests on it cannot tell them apart; train it longer"]
    told = "axes of its embedding that are the same for all clips"
    return [f"{told}: {', '.join(constant)}; train it longer, or with another seed"]


def _bce(prediction: Float[Tensor, "*shape"], target: Float[Tensor, "*shape"]) -> float:
    return functional.binary_cross_entropy(prediction, target).item()
