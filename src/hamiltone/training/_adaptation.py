"""Adaptation: a saved recogniser's last layers, fitted to labelled recordings with classes of their own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hamiltone.corpora import CorpusSettings, Split, Utterances, load_utterances
from hamiltone.networks import (
    Recognizer,
    check_bundle_place,
    load_recognizer,
)
from hamiltone.records import (
    predictions_table,
)
from hamiltone.settings import Dataset, settings_from

from ._adaptation_card import calibration_line, save_adapted
from ._adaptation_notes import FEW_SPEAKERS, heard_before, new_classes, too_few
from ._batches import Part, make_part
from ._calibrate import told_temperature
from ._determinism import deterministic
from ._display import TrainingDisplay
from ._ensemble import plain_line, result_line
from ._errors import TrainingError
from ._head_fitting import STRENGTHS, Head, fit_heads
from ._last_layers import LastLayers
from ._preparation import prepare_frames

_FOLDS = 5
_LEAST = 1e-12


@dataclass(frozen=True)
class Adapted:
    """A recogniser that was adapted, and what is known of it.

    Attributes:
        recognizer: of the recordings' classes.
        predictions: a row for each recording, by layers that had heard nothing of its speaker; None where nothing could
            be validated.
        results: what they say, a line each.
        notes: what the recordings are too few for.
    """

    recognizer: Recognizer
    predictions: pd.DataFrame | None
    results: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Heard:
    """The recordings as the last layers take them."""

    part: Part
    features: list[Float[Tensor, "heard feature"]]
    copies: int
    first: list[Head]
    groups: Float[Tensor, "score label"]

    def fitted(self, chosen: np.ndarray, report: Callable[[str, int, int], None] | None = None) -> list[list[Head]]:
        """Last layers, for each strength those of all members, fitted to some recordings; classes count alike."""
        owner = torch.from_numpy(self.part.owner).repeat_interleave(self.copies)
        frames = torch.from_numpy(chosen)[owner]
        clips = 1.0 / torch.bincount(owner)[owner]
        classes = self.part.classes[owner]
        weights = clips[frames]
        per_class = torch.zeros(self.groups.shape[1]).index_add_(0, classes[frames], weights)
        weights = weights / per_class[classes[frames]]
        paths = []
        for first, features in zip(self.first, self.features, strict=True):
            if report is not None:
                report("fitting last layers", len(paths), len(self.first))
            paths.append(fit_heads(first, features[frames], classes[frames], weights / weights.sum(), self.groups))
        return [list(heads) for heads in zip(*paths, strict=True)]

    def scores(self, heads: Sequence[Head]) -> Float[Tensor, "frame label"]:
        """Of each frame: logarithms of the mean probabilities over its copies and the members."""
        pairs = zip(heads, self.features, strict=True)
        heard = torch.stack([head(features).softmax(1) @ self.groups for head, features in pairs]).mean(0)
        return heard.unflatten(0, (-1, self.copies)).mean(1).clamp_min(_LEAST).log()

    def probabilities(self, scores: Float[Tensor, "frame label"], temperature: float) -> Float[Tensor, "clip label"]:
        """Of each recording, as a recogniser has them: the temperature is of its frames, over which the mean is."""
        return self.part.per_utterance((scores / temperature).softmax(1).double())

    def loss(self, scores: Float[Tensor, "frame label"], chosen: np.ndarray) -> float:
        """Cross-entropy of some recordings."""
        probabilities = self.probabilities(scores, 1.0)
        right = probabilities.gather(1, self.part.classes.unsqueeze(1)).squeeze(1)[torch.from_numpy(chosen)]
        return -right.clamp_min(_LEAST).log().mean().item()


def adapt(
    corpus: CorpusSettings,
    model: Path | str,
    out: Path | str,
    *,
    title: str = "A recogniser adapted to recordings of one's own",
    command: str = "",
    threads: int = 2,
    quiet: bool = False,
) -> Adapted:
    """Fit a saved recogniser's last layers to labelled recordings, and save it.

    All else stays as it is: a few hundred recordings tell a few thousand weights, and no more. Of an ensemble the last
    layer of each member is fitted, so it stays a mean of as many. A class that the recogniser knows by name starts from
    what it is, a new one from nothing; how far the layers may go is chosen where they have not heard the speaker. Where
    speakers are named, recordings are also judged so: five folds of speakers (as many as there are), and how far the
    layers may go chosen anew within the others.

    Args:
        corpus: the recordings; each needs an emotion, and all or none of them a speaker.
        model: folder of the saved recogniser.
        out: where the adapted one goes.
        title: what its card calls it.
        command: how it was started, for the card.
        threads: of the computation.
        quiet: show no progress.

    Raises:
        HamiltoneError: recordings or a model that cannot be read, a place that no model can be saved to, fewer than two
            classes, speakers of some only.
    """
    check_bundle_place(out)
    recognizer = load_recognizer(model)
    utterances = load_utterances(corpus).having("emotion")
    _check(utterances)
    labels = tuple(utterances.labels("emotion"))
    with deterministic(threads), TrainingDisplay("adapt", quiet=quiet) as display:
        last = LastLayers.of(recognizer, labels)
        heard, silent = _hear(recognizer, last, utterances, labels, corpus, display)
        folds = _folds(heard.part.utterances)
        strength, held_out = _validated(heard, folds, display)
        everything = np.ones(len(heard.part.utterances), bool)
        heads = heard.fitted(everything, display.report)[strength]
        temperature, loose = recognizer.temperature, []
        if held_out is not None:
            temperature, loose = told_temperature(
                held_out.numpy(), heard.part.classes[heard.part.owner].numpy(), "frames of the recordings"
            )
    adapted = last.with_heads(heads, temperature)
    results, predictions = _results(heard, labels, held_out, temperature, recognizer)
    notes = [*new_classes(labels, recognizer.labels), *loose]
    notes += [*heard_before(Path(model), heard.part.utterances), *too_few(heard.part.utterances, labels, folds)]
    if silent:
        notes.append(f"{len(silent)} silent recordings were left out: {', '.join(silent)}")
    facts = {"title": title, "command": command, "calibration": calibration_line(adapted, predictions, loose)}
    save_adapted(adapted, Path(model), Path(out), heard.part.utterances, results, notes, facts)
    return Adapted(adapted, predictions, tuple(results), tuple(notes))


def _check(utterances: Utterances) -> None:
    labels, nameless = utterances.labels("emotion"), len(utterances) - len(utterances.having("speaker"))
    if len(labels) < 2:
        named = f"only {labels[0]}" if labels else "no emotion"
        raise TrainingError(f"{utterances.root}: has {named}; at least two emotions are needed to tell them apart")
    if 0 < nameless < len(utterances):
        raise TrainingError(
            f"{utterances.root}: {nameless} of {len(utterances)} recordings have no speaker; name all speakers, or none"
        )


def _hear(
    recognizer: Recognizer,
    last: LastLayers,
    utterances: Utterances,
    labels: Sequence[str],
    corpus: CorpusSettings,
    display: TrainingDisplay,
) -> tuple[_Heard, tuple[str, ...]]:
    content = {
        "name": "adapt",
        "out": "adapt",
        "corpus": corpus.model_dump(),
        "frames": {"last": recognizer.frame_rule},
        "front": {"kind": "spectrogram"},  # not used: the recogniser brings its own
    }
    names = tuple(utterances.table["utterance"])
    whole = Split(utterances.corpus, "random", 0, {"train": names, "validation": (), "test": ()})
    dataset = Dataset(utterances, whole, tuple(labels))
    prepared = prepare_frames(settings_from(content, where="adapt"), dataset, display.report)
    inputs = prepared.inputs(recognizer.front, "features")
    part = make_part("train", {*names}, utterances, prepared.frames, "emotion", labels, inputs)
    features = last.features((batch.x for batch in part.in_order(32)), len(part), display.report)
    return _Heard(part, features, last.copies, last.first, last.groups), prepared.frames.silent


def _folds(utterances: Utterances) -> Int[np.ndarray, " clip"] | None:
    """The fold of each recording, by speaker; None where there are not two."""
    number = len(utterances.labels("speaker"))
    if number < FEW_SPEAKERS:
        return None
    folds = np.zeros(len(utterances), np.int64)
    from sklearn.model_selection import GroupKFold  # noqa: PLC0415 - slow to import

    dealt = GroupKFold(min(_FOLDS, number)).split(folds, groups=utterances.table["speaker"])
    for fold, (_, tested) in enumerate(dealt):
        folds[tested] = fold
    return folds


def _validated(
    heard: _Heard, folds: Int[np.ndarray, " clip"] | None, display: TrainingDisplay
) -> tuple[int, Float[Tensor, "frame label"] | None]:
    """The strength to take, and the scores of each frame by layers that had not heard its speaker."""
    usual = 1
    if folds is None:
        return usual, None
    number = int(folds.max()) + 1
    total = number * (number + 1) // 2

    @cache
    def without(*left_out: int) -> list[Float[Tensor, "frame label"]]:
        display.report("validating", without.cache_info().misses, total)
        chosen = ~np.isin(folds, left_out)
        if len(np.unique(heard.part.classes.numpy()[chosen])) < 2:
            return [heard.scores(heard.first)] * len(STRENGTHS)
        return [heard.scores(heads) for heads in heard.fitted(chosen)]

    def best(among: Sequence[int], beside: tuple[int, ...] = ()) -> int:
        losses = np.zeros(len(STRENGTHS))
        for fold in among:
            tried = without(*sorted((*beside, fold)))
            losses += [heard.loss(scores, folds == fold) for scores in tried]
        return int(losses.argmin())

    held_out = torch.empty(len(heard.part), heard.groups.shape[1])
    for fold in range(number):
        others = [other for other in range(number) if other != fold]
        strength = best(others, (fold,)) if number > 2 else usual
        chosen = torch.from_numpy(folds == fold)[heard.part.owner]
        held_out[chosen] = without(fold)[strength][chosen]
    return (best(range(number)) if number > 2 else usual), held_out


def _results(
    heard: _Heard,
    labels: Sequence[str],
    held_out: Float[Tensor, "frame label"] | None,
    temperature: float,
    before: Recognizer,
) -> tuple[list[str], pd.DataFrame | None]:
    if held_out is None:
        return [], None

    def table(scores: Float[Tensor, "frame label"], temperature: float) -> pd.DataFrame:
        probabilities = heard.probabilities(scores, temperature).numpy()
        return predictions_table(heard.part.utterances, heard.part.classes.numpy(), probabilities, labels)

    predictions = table(held_out, temperature)
    results = [plain_line(predictions, labels, "recordings of speakers whom its last layers had not heard")]
    results += [result_line("adapted, each recording by layers that never heard its speaker", predictions, labels)]
    if set(labels) <= set(before.labels):
        first = table(heard.scores(heard.first), before.temperature)
        results.append(result_line("as it was, among these classes", first, labels))
    return results, predictions
