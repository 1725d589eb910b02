"""The facts of a run for the card of its model."""

from collections.abc import Mapping, Sequence
from typing import Any

from hamiltone.corpora import licences
from hamiltone.records import RunRecord


def card_facts(record: RunRecord, heard: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What a model card says of a run that has heard these recordings of these corpora."""
    measures = {"accuracy": "accuracy", "uar": "uar", "macro f1": "macro_f1"} if record.test else {}
    scores = {title: getattr(record.test, name) for title, name in measures.items()}
    split = record.split
    kind = f"{split.kind} split" + (f" ({split.scheme})" if split.scheme else "")
    sizes = f"{split.train.clips} clips of {split.train.speakers} speakers to train"
    method, form = record.method_words
    layers = f"layers {list(record.layers)}" if record.layers else ""
    return {
        "title": record.name,
        "task": record.task,
        "corpus": record.corpus.name,
        "corpus_note": record.corpus.note,
        "split": f"{kind}, {sizes}; {split.protocol}",
        "method": ", ".join(filter(None, (method, layers, form))),
        "heard": {corpus: len(utterances) for corpus, utterances in heard.items()},
        "licences": licences(heard),
        "results": [
            f"test {title} {score.value:.3f} (95 % interval {score.interval})" for title, score in scores.items()
        ],
        "versions": record.versions,
        "command": record.command,
    }
