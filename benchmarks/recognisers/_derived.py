"""Answers of one protocol taken for another's: the same folds of speakers, fewer recordings, classes put together."""

import numpy as np
import pandas as pd

from ._errors import ComparisonError
from ._folds import Places
from ._protocols import Protocol, Source, chosen, fold_dataset, number_of_folds, read_protocols
from ._results import (
    SystemResults,
    add_fold,
    check_configuration,
    read_answers,
    read_results,
    result_files,
    write_look,
)


def derive(system: str, protocol: str, places: Places, *, why: str) -> int:
    """Take a system's answers on the source of a protocol for those on the protocol itself.

    Args:
        system: its name.
        protocol: one that has a source.
        places: where the files lie.
        why: the reason of the look, where this configuration was not looked at before.

    Returns:
        How many folds there are now.

    Raises:
        ComparisonError: no source, no results of it, results of another configuration, or folds that test other
            recordings; nothing is then written down as looked at.
    """
    asked: Protocol = chosen("protocol", protocol, read_protocols(places.protocols))
    if asked.source is None:
        raise ComparisonError(f"{protocol} has no source: train on it")
    results = read_results(places.results, asked.source.protocol, system)
    if results is None:
        raise ComparisonError(f"{system} has no results on {asked.source.protocol}: train it there first")
    answers = read_answers(places.results, results)
    before = read_results(places.results, protocol, system)
    check_configuration(result_files(places.results, protocol, system)[0], before, results.configuration)
    taken_folds = []
    for facts in results.folds:
        dataset = fold_dataset(asked, places.protocols, facts.fold)
        rows = answers.loc[(answers["fold"] == facts.fold) & (answers["seed"] == facts.seed)]
        table = _taken(rows, asked.source, dataset.labels)
        if {*table["utterance"]} != {*dataset.split.parts["test"]}:
            raise ComparisonError(f"{protocol}: fold {facts.fold} tests other recordings than its source's")
        kept = SystemResults(
            system=system,
            protocol=protocol,
            configuration=results.configuration,
            labels=dataset.labels,
            of_folds=number_of_folds(protocol, places.protocols),
            corpus=str(dataset.utterances),
            folds=(),
        )
        note = f"trained on {results.corpus}; its classes taken together"
        taken = facts.model_copy(update={"split": dataset.split.hash, "notes": (*facts.notes, note)})
        taken_folds.append((kept, taken, table))
    write_look(places.results, system, protocol, results.configuration, why)
    for kept, taken, table in taken_folds:
        add_fold(places.results, kept, taken, table)
    return len(taken_folds)


def _taken(rows: pd.DataFrame, source: Source, labels: tuple[str, ...]) -> pd.DataFrame:
    place = {one: label for label, group in source.classes.items() for one in group}
    rows = rows.loc[rows["truth"].isin(list(place)) & rows["utterance"].str.startswith(source.prefix)]
    sums = np.stack([rows[[f"score_{one}" for one in source.classes[label]]].sum(axis=1) for label in labels], axis=1)
    scores = sums / sums.sum(axis=1, keepdims=True)
    table = pd.DataFrame(
        {
            "utterance": rows["utterance"].str.removeprefix(source.prefix).to_numpy(),
            "speaker": rows["speaker"].str.removeprefix(source.prefix).to_numpy(),
            "truth": [place[one] for one in rows["truth"]],
            "prediction": [labels[index] for index in scores.argmax(axis=1)],
        }
    )
    return table.assign(**{f"score_{label}": scores[:, index] for index, label in enumerate(labels)})
