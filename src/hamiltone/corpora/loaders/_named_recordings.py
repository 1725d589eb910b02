"""Loading of corpora whose recordings' names tell all that is known of them."""

import re
from collections.abc import Callable
from pathlib import Path

from ..recordings import audio_files, corpus_folder, find_recordings, recordings_with_names, subfolders
from ..utterances import Utterances
from ._corpus import Whole, part_of


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
    language: str = "",
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
        whole: what is published of it, with its classes in the order of ``by_class``.
        language: that is spoken, where it is not English.

    Raises:
        CorpusError: no such folder, no such recordings, or an audio file with another name.
    """
    folder = corpus_folder(corpus, root)
    paths = find_recordings(folder, name, place)
    found = recordings_with_names(paths, name, corpus=corpus, title=title, folder=folder, tree=tree)
    rows = [{"utterance": path.stem, "path": str(path), **told(match)} for path, match in found]
    part = part_of(rows, whole)
    classes = {"emotion": tuple(whole.by_class)}
    note = "; ".join(filter(None, [part, _passed_over(paths, name, folder)]))
    return Utterances.from_rows(
        rows, corpus=corpus, root=folder, note=note, part=part, classes=classes, language=language
    )


def _passed_over(paths: list[Path], name: re.Pattern[str], folder: Path) -> str:
    """Which recordings lie in folders below those that are read, and so are passed over."""
    used = set(paths)
    below = [child for parent in dict.fromkeys(path.parent for path in paths) for child in subfolders(parent)]
    passed = [path for child in below for path in audio_files(child) if name.fullmatch(path.stem) and path not in used]
    return f"{len(passed)} not used, in a folder below, as {passed[0].relative_to(folder)}" if passed else ""
