"""Scores of the systems on one protocol: recall by group, calibration, differences, and what they cost."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from hamiltone.measures import (
    Interval,
    expected_calibration_error,
    holm,
    paired_interval,
    paired_permutation_test,
    speaker_interval,
    unweighted_average_recall_from_confusion,
)

from ._errors import ComparisonError
from ._results import SystemResults, read_answers, read_results, result_files
from ._speakers import sex_of
from ._systems import NetworkSystem, SvmSystem

NOTHING = "(no answer)"
"""What a system says of a clip that others answer and it does not, as a silent one: it counts as wrong."""
REFERENCE, REFERENCE_PER_SPEAKER = "egemaps-svm", "egemaps-svm-speaker"
System = SvmSystem | NetworkSystem


@dataclass(frozen=True)
class Measured:
    """A system on a protocol.

    Attributes:
        name: the system's.
        system: itself.
        seeds: of the trainings that are counted: those that have all folds.
        uar: recall over all clips, with an interval over speakers.
        groups: corpus or sex -> the recall there.
        mean: of the corpora's recalls; None where there is one corpus.
        ece: the expected calibration error.
        unanswered: how many clips have no answer.
        parameters: of all the networks that give one answer together.
        model_bytes: likewise.
        minutes: of the processor, to fit one fold.
    """

    name: str
    system: System
    seeds: tuple[int, ...]
    uar: Interval
    groups: Mapping[str, Interval]
    mean: float | None
    ece: float
    unanswered: int
    parameters: float
    model_bytes: float
    minutes: float


@dataclass(frozen=True)
class Difference:
    """Two systems on the same clips: the first one's recall less the second one's; p is corrected after Holm."""

    name: str
    baseline: str
    interval: Interval
    p: float | None
    corrected: float | None


@dataclass(frozen=True)
class ProtocolScores:
    """All that is told of a protocol.

    Attributes:
        measured: the systems that have all folds, in order, of one seed at least (of all, where they are averaged).
        differences: of the pairs that are compared.
        unfinished: system -> how many folds and seeds it lacks.
        corpus: which recordings, in a line.
        clips: how many test.
        speakers: how many they are of.
        folds: how many there are.
    """

    measured: tuple[Measured, ...]
    differences: tuple[Difference, ...]
    unfinished: Mapping[str, int]
    corpus: str
    clips: int
    speakers: int
    folds: int


def protocol_scores(
    folder: Path, protocol: str, corpora: Sequence[str], systems: Mapping[str, System]
) -> ProtocolScores | None:
    """Measure every system that is done; None where none is.

    Args:
        folder: of the results.
        protocol: its name.
        corpora: those of the protocol.
        systems: by name, in order.

    Raises:
        ComparisonError: systems that were tested on different parts.
        RecordError: results that cannot be read.
    """
    found = {name: read_results(folder, protocol, name) for name in systems}
    started = {name: results for name, results in found.items() if results is not None}
    lacking = {name: len(results.missing(systems[name].seeds)) for name, results in started.items()}
    counted = {name: _counted(results, systems[name]) for name, results in started.items()}
    done = {name: results for name, results in started.items() if counted[name]}
    if not done:
        return None
    _check_parts(folder, done.values())
    answers = {name: _answers(folder, results, systems[name], counted[name]) for name, results in done.items()}
    every = pd.DataFrame(pd.concat(answers.values()), columns=["utterance", "speaker", "truth"])
    clips = every.drop_duplicates(subset="utterance")
    whole = {name: _with_unanswered(table, clips) for name, table in answers.items()}
    some = next(iter(done.values()))
    return ProtocolScores(
        tuple(_measured(name, systems[name], counted[name], done[name], whole[name], corpora) for name in done),
        _differences(whole, systems),
        {name: count for name, count in lacking.items() if count},
        some.corpus,
        len(clips),
        len(set(clips["speaker"])),
        some.of_folds,
    )


def _check_parts(folder: Path, results: Iterable[SystemResults]) -> None:
    parts: dict[int, tuple[str, str]] = {}
    for one in results:
        for facts in one.folds:
            split, first = parts.setdefault(facts.fold, (facts.split, one.system))
            if split != facts.split:
                path, _ = result_files(folder, one.protocol, one.system)
                raise ComparisonError(
                    f"{path}: fold {facts.fold} is not parted as that of {first}: one of them was tested on other "
                    "recordings; train it again on the same"
                )


def _averages(system: System) -> bool:
    return isinstance(system, NetworkSystem) and system.average


def _counted(results: SystemResults, system: System) -> tuple[int, ...]:
    """The seeds that have all folds; none where a mean of trainings lacks one."""
    whole = results.whole(system.seeds)
    return () if _averages(system) and whole != system.seeds else whole


def _answers(folder: Path, results: SystemResults, system: System, seeds: Sequence[int]) -> pd.DataFrame:
    """A row for each clip and seed; where trainings are averaged, for each clip."""
    table = read_answers(folder, results)
    table = table.loc[table["seed"].isin(seeds)]
    if not _averages(system):
        return table
    scores = [f"score_{label}" for label in results.labels]
    clips = table.drop_duplicates(subset="utterance")[["utterance", "speaker", "truth"]]
    mean = pd.DataFrame(table.groupby("utterance")[scores].mean()).loc[clips["utterance"]].to_numpy()
    named = np.array(results.labels)[mean.argmax(axis=1)]
    return clips.assign(prediction=named, seed=0, **dict(zip(scores, mean.T, strict=True)))


def _with_unanswered(table: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """The same with a row for each clip that lacks in a seed."""
    lacking = [
        clips[~clips["utterance"].isin(own["utterance"])].assign(prediction=NOTHING, seed=seed)
        for seed, own in table.groupby("seed")
    ]
    return pd.concat([table, *lacking], ignore_index=True)


def _measured(
    name: str,
    system: System,
    seeds: tuple[int, ...],
    results: SystemResults,
    table: pd.DataFrame,
    corpora: Sequence[str],
) -> Measured:
    groups = {group: _uar(rows) for group, rows in _groups(table, corpora)}
    answered = table.loc[table["prediction"] != NOTHING]
    scores = answered[[f"score_{label}" for label in results.labels]].to_numpy()
    classes = answered["truth"].map(results.labels.index).to_numpy()
    facts = [one for one in results.folds if one.seed in seeds]
    together = len(seeds) if _averages(system) else 1
    return Measured(
        name,
        system,
        seeds,
        _uar(table),
        groups,
        float(np.mean([groups[corpus].estimate for corpus in corpora])) if len(corpora) > 1 else None,
        expected_calibration_error(scores, classes),
        len(table) - len(answered),
        together * float(np.mean([one.parameters for one in facts])),
        together * float(np.mean([one.model_bytes for one in facts])),
        together * float(np.mean([one.minutes for one in facts])),
    )


def _groups(table: pd.DataFrame, corpora: Sequence[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each corpus where there are several, women, and men."""
    several = len(corpora) > 1
    corpus = table["speaker"].str.partition("/")[0] if several else pd.Series(corpora[0], index=table.index)
    speaker = table["speaker"].str.partition("/")[2] if several else table["speaker"]
    if several:
        yield from ((name, table.loc[corpus == name]) for name in corpora)
    sexes = pd.Series([sex_of(*pair) for pair in zip(corpus, speaker, strict=True)], index=table.index)
    yield from ((sex, table.loc[sexes == sex]) for sex in ("women", "men") if (sexes == sex).any())


def _uar(table: pd.DataFrame) -> Interval:
    return speaker_interval(
        unweighted_average_recall_from_confusion, table["truth"], table["prediction"], table["speaker"]
    )


def _differences(tables: Mapping[str, pd.DataFrame], systems: Mapping[str, System]) -> tuple[Difference, ...]:
    """Each system less the reference of its kind, and less the one that it differs from in one thing."""
    pairs: list[Difference] = []
    for name in tables:
        system = systems[name]
        plain = system.compared_with if isinstance(system, NetworkSystem) else None
        for other in (REFERENCE_PER_SPEAKER if system.per_speaker else REFERENCE, plain):
            if other is not None and other in tables and other != name:
                pairs.append(Difference(name, other, *_compared(tables[name], tables[other]), None))
    corrected = holm([pair.p for pair in pairs])
    return tuple(replace(pair, corrected=value) for pair, value in zip(pairs, corrected, strict=True))


def _compared(table: pd.DataFrame, other: pd.DataFrame) -> tuple[Interval, float | None]:
    """The difference and its p. Where there are several seeds, each meets each, so that all count the same."""
    both = table.merge(other[["utterance", "prediction"]], on="utterance", suffixes=("", "_other"))
    columns = both["truth"], both["prediction"], both["prediction_other"], both["speaker"]
    measure = unweighted_average_recall_from_confusion
    return paired_interval(measure, *columns), paired_permutation_test(measure, *columns).p
