"""Corpora whose recordings' names tell all that is known of them."""

import re
from collections.abc import Callable
from pathlib import Path

from ._folders import by_name, corpus_folder, recordings
from ._utterances import Utterances
from ._whole import Whole


def load_named(
    root: Path | None,
    told: Callable[[re.Match[str]], dict[str, str]],
    *,
    corpus: str,
    title: str,
    name: re.Pattern[str],
    place: re.Pattern[str],
    tree: str,
    whole: Whole,
    emotions: tuple[str, ...],
) -> Utterances:
    """The recordings of such a corpus; an utterance is called by its file's stem, unless its name tells otherwise.

    Args:
        root: the corpus' folder, or a folder above it, or one folder with all recordings.
        told: the columns that a name tells, from its match.
        corpus: the loader's name.
        title: what the corpus is called.
        name: what the stem of each recording matches.
        place: what the name of the folders matches that the corpus is distributed in.
        tree: how it lies on the disk.
        whole: what is published of it.
        emotions: its classes.

    Raises:
        CorpusError: no such folder, no such recordings, or an audio file with another name.
    """
    folder = corpus_folder(corpus, root)
    found = by_name(recordings(folder, name, place), name, corpus=corpus, title=title, folder=folder, tree=tree)
    rows = [{"utterance": path.stem, "path": str(path), **told(match)} for path, match in found]
    part = whole.part(len(rows), len({row["speaker"] for row in rows}))
    classes = {"emotion": emotions}
    return Utterances.from_rows(rows, corpus=corpus, root=folder, note=part, part=part, classes=classes)
