"""What a model has heard: the recordings that it, and all beneath it, were trained or selected on."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PureWindowsPath

from hamiltone.corpora import Split
from hamiltone.files import atomic_write

from ._content import RecordError

HEARD = "heard.json"


def write_heard(heard: Mapping[str, Sequence[str]], folder: Path) -> None:
    """Write the utterances, by corpus, into the folder of a run or of weights that came without their run."""
    atomic_write(folder / HEARD, json.dumps(heard) + "\n")


def read_heard(folder: Path) -> dict[str, list[str]]:
    """The utterances, by corpus.

    Raises:
        RecordError: they cannot be read.
    """
    path = folder / HEARD
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise RecordError(f"{path}: is missing or damaged; copy the whole run, or train it again") from None


def joined_heard(several: Iterable[Mapping[str, Iterable[str]]]) -> dict[str, list[str]]:
    """Utterances by corpus, all together, in order."""
    joined: dict[str, set[str]] = {}
    for heard in several:
        for corpus, utterances in heard.items():
            joined.setdefault(corpus, set()).update(utterances)
    return {corpus: sorted(utterances) for corpus, utterances in sorted(joined.items())}


def heard_folder(model: Path) -> Path | None:
    """Where it stands what a model has heard: beside weights that came without their run, or in its run."""
    return next((folder for folder in (model, model.parent) if (folder / HEARD).is_file()), None)


def heard_of(heard: Mapping[str, Sequence[str]], split: Split) -> tuple[int, int]:
    """How many of a split's test recordings were heard, and how many there are."""
    tested = split.by_corpus("test")
    seen = sum(len(utterances.intersection(heard.get(corpus, []))) for corpus, utterances in tested.items())
    return seen, sum(map(len, tested.values()))


def namesakes(
    heard: Mapping[str, Sequence[str]], given: Mapping[str, Iterable[str]], called: str, what: str
) -> list[str]:
    """Notes on recordings (by corpus; what they are called, in words) named as some of another corpus that was heard.

    Corpora are told apart by their names, so that a table of one's own with recordings of a corpus is another one; its
    utterances are paths, with ``#start-end`` where it cuts them.
    """
    notes = []
    for corpus, names in heard.items():
        others = [name for its, found in given.items() if its != corpus for name in found]
        alike = {PureWindowsPath(name.partition("#")[0]).stem for name in others}.intersection(names)
        if alike:
            notes.append(
                f"{what} has heard {corpus}, where {len(alike)} recordings have names of these {len(others)} "
                f"{called} (as {min(alike)}): if they are the same, the results are too good"
            )
    return notes
