"""Several corpora as one, and the labels that mean the same in all of them."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pandas as pd

from hamiltone.corpus_settings import CorpusPartSettings
from hamiltone.settings_paths import expand

from ..loaders import CORPORA, load_corpus
from ..utterances import AND, WITHIN, CorpusError, Utterances, composed

_OWN_NAMES = ("utterance", "speaker", "session")  # two corpora may use the same ones for different things


def load_corpora(
    parts: Sequence[CorpusPartSettings],
    *,
    common_names: bool = False,
    labels: Mapping[str, str] | None = None,
    only: bool = False,
) -> Utterances:
    """Load several corpora as one.

    Its name is theirs with "+" between them. An utterance, a speaker and a session have their corpus' name in front
    (``emodb/03a01Fa``), so that none stands for two. Splits keep the corpora in proportion. The note tells what the
    corpora's own notes tell, and which classes one corpus alone has: those that it has under another name need a map.

    Args:
        parts: at least one; one alone is loaded as it is, but for its labels.
        common_names: call the emotions of all parts by their common names (``COMMON_EMOTIONS``).
        labels: emotion -> the class that it counts as in all parts that have it, as ``relabel``'s.
        only: leave out the emotions that ``labels`` does not name.

    Raises:
        CorpusError: no part, a corpus twice, a label that no part has, or what ``load_corpus`` and ``relabel`` raise.
        SettingsError: a folder with a name of the environment that is not set.
    """
    loaded = [relabel(_loaded(part, common_names=common_names), part.labels, only=part.only) for part in parts]
    if not loaded:
        raise CorpusError("several corpora: there is none: name at least one")
    if labels or only:
        loaded = _relabelled(loaded, labels or {}, only=only)
    return loaded[0] if len(loaded) == 1 else _joined(loaded)


def _loaded(part: CorpusPartSettings, *, common_names: bool) -> Utterances:
    root = None if part.root is None else expand(part.root, "corpus.root")
    words = part.words
    if words is not None and words.alignments is not None:
        alignments = expand(words.alignments, "corpus.words.alignments")
        words = words.model_copy(update={"alignments": str(alignments)})
    utterances = load_corpus(part.name, root, words, part.options)
    if not (common_names or part.common_names):
        return utterances
    common, own = CORPORA[part.name].common, _emotions(utterances)
    return relabel(utterances, {emotion: name for emotion, name in common.items() if emotion in own})


def _relabelled(parts: Sequence[Utterances], labels: Mapping[str, str], *, only: bool) -> list[Utterances]:
    labels = {composed(label): name for label, name in labels.items()}
    known = [_emotions(part) for part in parts]
    if unknown := [label for label in labels if not any(label in emotions for emotions in known)]:
        there = ", ".join(dict.fromkeys(chain(*known)))
        raise CorpusError(f"labels names {unknown[0]!r}, which is no emotion of any corpus ({there}): correct it")
    return [
        relabel(part, {label: name for label, name in labels.items() if label in emotions}, only=only)
        for part, emotions in zip(parts, known, strict=True)
    ]


def _emotions(utterances: Utterances) -> tuple[str, ...]:
    return utterances.classes.get("emotion") or tuple(utterances.labels("emotion"))


def relabel(utterances: Utterances, labels: Mapping[str, str], *, only: bool = False) -> Utterances:
    """Call emotions by other names, count several as one, or leave some out.

    What is left out has no emotion any more, but stays: it serves the tasks that need none.

    Args:
        utterances: of one corpus.
        labels: emotion -> the class that it counts as; "" leaves it out.
        only: leave out the emotions that ``labels`` does not name, too.

    Returns:
        The same utterances; the note tells what was changed.

    Raises:
        CorpusError: ``labels`` names an emotion that the corpus does not have.
    """
    labels = {composed(label): composed(name) for label, name in labels.items()}
    known = _emotions(utterances)
    for label in labels:
        if label not in known:
            raise CorpusError(
                f"{utterances.corpus}: labels names {label!r}, which is none of its emotions "
                f"({', '.join(known)}): correct it"
            )
    meant = {label: labels.get(label, "" if only else label) for label in known}
    if all(label == name for label, name in meant.items()):
        return utterances
    emotion = utterances.table["emotion"]
    counts = Counter(emotion.dropna())
    out = [label for label, name in meant.items() if not name]
    remarks = [utterances.note, *(f"{label} as {name}" for label, name in meant.items() if name not in ("", label))]
    if out:
        remarks.append(f"without {', '.join(out)} ({sum(counts[label] for label in out)} recordings)")
    kept = {label: name for label, name in meant.items() if name}
    return replace(
        utterances,
        table=utterances.table.assign(emotion=emotion.astype(object).map(kept.get)),
        note="; ".join(filter(None, remarks)),
        classes={**utterances.classes, "emotion": tuple(dict.fromkeys(kept.values()))},
    )


def _common_folder(roots: Sequence[str]) -> Path:
    try:
        return Path(os.path.commonpath(roots))
    except ValueError:  # of two drives
        return Path(roots[0])


def _joined(parts: Sequence[Utterances]) -> Utterances:
    names = [part.corpus for part in parts]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise CorpusError(f"several corpora: {twice} is named twice: name each once (put tables into one table)")
    tables = [part.table.assign(**{name: _with_corpus(part, name) for name in _OWN_NAMES}) for part in parts]
    notes = [f"{part.corpus}: {part.note}" for part in parts if part.note]
    notes += [f"only in {name}: {', '.join(labels)}" for name, labels in _in_one_corpus_only(parts).items()]
    return Utterances(
        pd.concat(tables, ignore_index=True),
        AND.join(names),
        _common_folder([str(part.root) for part in parts]),
        note="; ".join(notes),
        part="; ".join(f"{part.corpus}: {part.part}" for part in parts if part.part),
        classes={column: _classes(parts, column) for column in dict.fromkeys(chain(*(part.classes for part in parts)))},
    )


def _with_corpus(part: Utterances, column: str) -> pd.Series:
    return pd.Series(part.table[column]).radd(f"{part.corpus}{WITHIN}")


def _classes(parts: Sequence[Utterances], column: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chain(*(part.classes.get(column) or part.labels(column) for part in parts))))


def _in_one_corpus_only(parts: Sequence[Utterances]) -> dict[str, list[str]]:
    """The emotions that one corpus alone has, by corpus."""
    having = Counter(chain(*(part.labels("emotion") for part in parts)))
    alone = {part.corpus: [label for label in part.labels("emotion") if having[label] == 1] for part in parts}
    return {name: labels for name, labels in alone.items() if labels}
