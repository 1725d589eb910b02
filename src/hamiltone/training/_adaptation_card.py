"""The card of an adapted recogniser, and what it has heard."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from hamiltone.corpora import Split, Utterances, licences
from hamiltone.networks import Recognizer, bundle_config, bundle_licence, save_bundle
from hamiltone.records import heard_folder, joined_heard, read_heard, versions

from ._calibrate import found_how


def by_corpus(utterances: Utterances) -> dict[str, set[str]]:
    """The recordings of each corpus, by the names that runs know them by: several may be one here."""
    parts = {"train": tuple(utterances.table["utterance"]), "validation": (), "test": ()}
    return Split(utterances.corpus, "random", 0, parts).by_corpus("train")


def calibration_line(adapted: Recognizer, predictions: pd.DataFrame | None, loose: Sequence[str]) -> str:
    """The card's line on temperature (of which there may be notes) and threshold."""
    fitted = "as it was before, since nothing was validated"
    if predictions is not None:
        fitted = f"{found_how(loose)} the {len(predictions)} recordings, by layers that had not heard their speakers"
    return (
        f"temperature {adapted.temperature:.3f}, {fitted}; unsure below a score of {adapted.unsure_below:g}, as before"
    )


def save_adapted(
    adapted: Recognizer,
    model: Path,
    out: Path,
    utterances: Utterances,
    results: Sequence[str],
    notes: Sequence[str],
    facts: Mapping[str, Any],
) -> None:
    """Save it, with what its model and its own recordings tell, notes on how little that may be among it.

    Raises:
        BundleError: the folder holds something else than a model.
    """
    before = bundle_config(model).get("card", {})
    folder = heard_folder(model)
    own = by_corpus(utterances)
    heard = joined_heard([read_heard(folder) if folder else {}, own])
    speakers = len(utterances.labels("speaker"))
    kept = f"{before.get('title') or model.name} (trained on {before.get('corpus') or 'unknown recordings'})"
    card = {
        "task": "emotion",
        "corpus": utterances.corpus,
        "corpus_note": f"adapted to {len(utterances)} recordings of {speakers or 'unnamed'} speakers from: {kept}",
        "split": "folds of speakers, for the results; the model itself heard all of them" if results else None,
        "method": before.get("method"),
        "heard": {name: len(its) for name, its in heard.items()},
        "licences": before.get("licences", {}) | licences(own),
        "results": list(results),
        "notes": list(notes),
        "versions": versions(),
    }
    save_bundle(adapted, out, card | dict(facts), licence=bundle_licence(model), heard=heard if folder else None)
