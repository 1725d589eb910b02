"""Ensembles of finished runs: one recogniser whose scores are the mean of theirs, measured where none had heard."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from hamiltone.corpora import licences
from hamiltone.measures import UNKNOWN_SPEAKERS, expected_calibration_error, summarise
from hamiltone.networks import Ensemble, Recognizer, load_recognizer, plain_result, save_bundle, weights_key
from hamiltone.records import (
    MODEL,
    PREDICTIONS,
    SETTINGS,
    joined_heard,
    read_heard,
    read_predictions,
    read_record,
    versions,
)
from hamiltone.settings import read_settings

from ._calibrate import UNSURE_BELOW, found_how, told_temperature
from ._errors import TrainingError
from ._evaluate import predictions_on_test

_SMALLEST = 1e-12


@dataclass(frozen=True)
class Ensembled:
    """What an ensemble is made of, and what its members said of clips that they had not heard.

    Attributes:
        recognizer: of all members, calibrated on those clips.
        predictions: a row for each test clip of the members' runs, by the member that tested it, calibrated: utterance,
            speaker, truth, prediction, and a score for each class. The temperature is of these, means over a clip's
            frames, as runs leave no others: of a clip of several, ``recognizer`` makes it that of each frame.
        heard: the utterances, by corpus, that any member was trained or selected on.
        notes: what those clips are too few for.
    """

    recognizer: Recognizer
    predictions: pd.DataFrame
    heard: Mapping[str, list[str]]
    notes: tuple[str, ...] = ()

    def save(self, out: Path | str, facts: Mapping[str, Any], *, licence: str = "") -> None:
        """Save the recogniser with a card, and what it has heard beside it.

        Raises:
            BundleError: the folder holds something else than a model.
        """
        counts = {corpus: len(utterances) for corpus, utterances in self.heard.items()}
        known = {"heard": counts, "licences": licences(self.heard), "versions": versions(), "notes": list(self.notes)}
        clips = f"{found_how(self.notes)} the {len(self.predictions)} recordings that its members had not heard"
        unsure = f"unsure below a score of {self.recognizer.unsure_below:g}"
        known["calibration"] = f"temperature {self.recognizer.temperature:.3f}, {clips}; {unsure}"
        save_bundle(self.recognizer, out, known | dict(facts), licence=licence, heard=self.heard)


def ensemble(
    runs: Sequence[Path | str],
    classes: Mapping[str, Sequence[str]] | None = None,
    *,
    speeds: Sequence[float] | None = None,
    unsure_below: float = UNSURE_BELOW,
) -> Ensembled:
    """One recogniser of the finished runs of a cross-validation.

    Its probabilities are the mean of theirs. It has heard all speakers, so nothing is left to test it on: its
    temperature, and what its card says, are those of its members on their own test parts, where no speaker that a
    member was tested on was heard by it. How much the mean is better than one of them is not measured here.

    Args:
        runs: their folders; the same front, classes and rule of frames, and no test clip in two of them.
        classes: new classes, each of one or more of the runs' classes, whose probabilities add up; the others are left
            out. None: the runs' own.
        speeds: hear each recording at several speeds, such as 0.9, 1 and 1.1, and average over them, too. What it costs
            grows with their number. The members are tested so again, which needs the runs' corpus. None: as they are.
        unsure_below: the score, after calibration, below which the label is "unsure"; 0: it never is.

    Raises:
        TrainingError: no run, runs that do not go together, a class that they do not have or that is named twice, or a
            front that takes no such speeds.
        RecordError, BundleError: a run that is not whole.
        ValueError: ``unsure_below`` is no score of 0 to 1.
    """
    folders = [Path(run) for run in runs]
    if not folders:
        raise TrainingError("ensemble: of which runs? Name at least one")
    for folder in folders:
        if (task := read_record(folder).task) != "emotion":
            raise TrainingError(f"ensemble: {folder} recognises {task}, not emotions")
    members = [load_recognizer(folder / MODEL) for folder in folders]
    for member in members:
        member.temperature = 1.0  # a calibrated one, too: the ensemble takes networks alone, and is calibrated itself
    _check_alike(folders, members)
    names = members[0].labels
    groups = None if classes is None else _groups(names, classes)
    labels = names if classes is None else tuple(classes)
    answers = [_answers(folder, member, speeds) for folder, member in zip(folders, members, strict=True)]
    tables = pd.concat(answers, ignore_index=True)
    if tables["utterance"].duplicated().any():
        twice = tables.loc[tables["utterance"].duplicated(), "utterance"].iloc[0]
        raise TrainingError(f"ensemble: {twice} is a test clip of two runs; take runs whose test parts are apart")
    predictions, temperature, notes = _calibrated(tables, names, labels, groups)
    notes += _left_out(names, classes)
    first = members[0]
    network = Ensemble.of([member.network for member in members], groups)
    recognizer = Recognizer(
        first.front,
        network,
        labels,
        frame_rule=first.frame_rule,
        temperature=temperature,
        unsure_below=unsure_below,
    )
    if speeds is not None:
        recognizer = _at_speeds(recognizer, speeds)
    return Ensembled(recognizer.eval(), predictions, joined_heard(map(read_heard, folders)), tuple(notes))


def _at_speeds(recognizer: Recognizer, speeds: Sequence[float]) -> Recognizer:
    try:
        return recognizer.at_speeds(speeds)
    except ValueError as error:
        raise TrainingError(f"ensemble: speeds: {error}") from None


def _answers(folder: Path, member: Recognizer, speeds: Sequence[float] | None) -> pd.DataFrame:
    """What a member says of its run's test part."""
    if speeds is None:
        return read_predictions(folder / PREDICTIONS)
    answers = predictions_on_test(_at_speeds(member, speeds), read_settings(folder / SETTINGS), folder / MODEL)
    if {*answers["utterance"]} != {*read_predictions(folder / PREDICTIONS)["utterance"]}:
        raise TrainingError(
            f"ensemble: the recordings of {folder} are not those that it was trained with, and neither is its test "
            "part: restore them, or leave --speed out"
        )
    return answers


def plain_line(rows: pd.DataFrame, labels: Sequence[str], heard: str) -> str:
    """How often these clips were named rightly, for everybody; ``heard`` as in ``plain_result``."""
    right = rows["truth"].to_numpy() == rows["prediction"].to_numpy()
    return plain_result(float(right.mean()), len(labels), heard)


def result_line(name: str, rows: pd.DataFrame, labels: Sequence[str]) -> str:
    """The recall of some clips with its interval over speakers, and their calibration error, in a line."""
    speakers = rows["speaker"].replace("", None)  # which files of predictions have for a missing one
    summary = summarise(rows["truth"], rows["prediction"], speakers, labels)
    uar, accuracy = summary["uar"], summary["accuracy"]
    span = f"interval not estimable with {summary['speakers']} speakers"
    if uar["note"] == UNKNOWN_SPEAKERS:
        span = f"interval {UNKNOWN_SPEAKERS}"
    if uar["low"] is not None:
        span = f"95 % interval {uar['low']:.3f} to {uar['high']:.3f}"
    scores, truth = _scores(rows, labels), np.array([list(labels).index(name) for name in rows["truth"]])
    return (
        f"{name}: UAR {uar['value']:.3f} ({span}), accuracy {accuracy['value']:.3f}, calibration error "
        f"{expected_calibration_error(scores, truth):.3f}; {summary['clips']} recordings of {summary['speakers']} "
        f"speakers, {rows['truth'].nunique()} classes"
    )


def _check_alike(folders: Sequence[Path], members: Sequence[Recognizer]) -> None:
    first = members[0]
    for folder, member in zip(folders, members, strict=True):
        for what, ours, theirs in (
            ("classes", first.labels, member.labels),
            ("frames", first.frame_rule, member.frame_rule),
            ("front", first.front.settings(), member.front.settings()),
            ("fitted front", weights_key(first.front), weights_key(member.front)),
        ):
            if ours != theirs:
                raise TrainingError(f"ensemble: {folder} has another {what} than {folders[0]}: train them alike")


def _groups(names: Sequence[str], classes: Mapping[str, Sequence[str]]) -> list[list[int]]:
    named = [one for group in classes.values() for one in group]
    for one in named:
        if one not in names:
            raise TrainingError(f"ensemble: no class is called {one}; the runs have {', '.join(names)}")
        if named.count(one) > 1:
            raise TrainingError(f"ensemble: the class {one} is named twice")
    if len(classes) < 2:
        raise TrainingError(
            f"ensemble: of {len(classes)} class nothing is chosen; name two at least, as --class happy=happy for one "
            "that stays as it is: those that are not named are left out"
        )
    return [[names.index(one) for one in group] for group in classes.values()]


def _left_out(names: Sequence[str], classes: Mapping[str, Sequence[str]] | None) -> list[str]:
    """A note on classes that are in none of the new ones."""
    kept = names if classes is None else [one for group in classes.values() for one in group]
    gone = [name for name in names if name not in kept]
    return [f"left out: {', '.join(gone)}; recordings of them get one of the others"] if gone else []


def _calibrated(
    tables: pd.DataFrame, names: Sequence[str], labels: Sequence[str], groups: Sequence[Sequence[int]] | None
) -> tuple[pd.DataFrame, float, list[str]]:
    """The members' predictions in the new classes, calibrated, the temperature that does it, and notes on that."""
    scores, place = _scores(tables, names), {name: index for index, name in enumerate(names)}
    if groups is not None:
        scores = np.stack([scores[:, list(group)].sum(1) for group in groups], axis=1)
        place = {names[one]: index for index, group in enumerate(groups) for one in group}
    kept = tables["truth"].isin(place).to_numpy()
    truth = np.array([place[name] for name in tables.loc[kept, "truth"]], dtype=np.int64)
    logits = np.log(np.maximum(scores[kept], _SMALLEST))
    temperature, notes = told_temperature(logits, truth, "test recordings of its members")
    powers = np.exp(logits / temperature)
    probabilities = powers / powers.sum(1, keepdims=True)
    table = tables.loc[kept, ["utterance", "speaker"]].assign(
        truth=[labels[index] for index in truth], prediction=[labels[index] for index in probabilities.argmax(1)]
    )
    columns = {f"score_{label}": probabilities[:, index] for index, label in enumerate(labels)}
    return table.assign(**columns).reset_index(drop=True), temperature, notes


def _scores(table: pd.DataFrame, labels: Sequence[str]) -> Float[np.ndarray, "clip label"]:
    return table[[f"score_{label}" for label in labels]].to_numpy(np.float64)
