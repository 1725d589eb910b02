"""The facts of a run for the card of its model."""

from collections.abc import Mapping, Sequence
from typing import Any

from hamiltone.corpora import licences
from hamiltone.networks import plain_result
from hamiltone.records import Evaluation, RunRecord


def card_facts(record: RunRecord, heard: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What a model card says of a run that has heard these recordings of these corpora."""
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
        "results": _results(record.test, split.unseen_speakers) if record.test else [],
        "versions": record.versions,
        "command": record.command,
    }


def _results(test: Evaluation, unseen_speakers: bool) -> list[str]:
    heard = "of speakers whom it had never heard" if unseen_speakers else "new to it, of speakers whom it had heard"
    scores = {"accuracy": test.accuracy, "uar": test.uar, "macro f1": test.macro_f1}
    return [
        plain_result(test.accuracy.value, len(test.labels), f"recordings {heard}"),
        *(f"test {title} {score.value:.3f} (95 % interval {score.interval})" for title, score in scores.items()),
    ]
