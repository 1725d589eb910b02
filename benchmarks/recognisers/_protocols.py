"""Protocols of the comparison: which recordings, which emotions, and who tests in which fold."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field

from hamiltone.corpora import CorpusSettings, SplitSettings
from hamiltone.settings import Dataset, load_dataset, read_toml, settings_from, validated
from hamiltone.settings_model import Settings

from ._errors import ComparisonError

PROTOCOLS = Path(__file__).parent / "protocols"


class Source(Settings):
    """Another protocol of the same folds, whose answers serve this one.

    Attributes:
        protocol: its name.
        prefix: what its utterances and speakers are called before they are called as in this protocol.
        classes: the classes of this protocol, each of one or more of the other's; those that are in none are left out.
        systems: those whose answers are taken where no system is named.
    """

    protocol: str
    systems: tuple[str, ...] = Field(default=())
    prefix: str = ""
    classes: dict[str, tuple[str, ...]]


class Protocol(Settings):
    """One protocol; no speaker who tests is heard in training or validation.

    Attributes:
        title: the heading of its tables.
        about: what it asks, in a sentence.
        corpus: as in the settings of a run.
        split: likewise.
        source: the protocol whose answers can be taken for this one's.
        files: one file with lists of speakers in folds, or a file for each fold, in place of the split.
        run: laid over the settings of all networks.
        curve_of: the protocol that is the same with all training speakers: this one is a point of its learning curve.
        systems: those that are trained on it where none is named; all.
    """

    title: str
    about: str
    corpus: CorpusSettings
    split: SplitSettings = SplitSettings()
    source: Source | None = None
    files: tuple[str, ...] = Field(default=())
    run: dict[str, Any] = Field(default={})
    curve_of: str | None = None
    systems: tuple[str, ...] = Field(default=())

    def laid_under(self, folder: Path, fold: int) -> dict[str, Any]:
        """What of a run's settings the protocol decides.

        Args:
            folder: where its files lie.
            fold: which one tests, counted from 0.
        """
        split = self.split.model_dump(exclude_unset=True)
        if self.files:
            several = len(self.files) > 1
            split = {"file": str(folder / self.files[fold if several else 0]), "fold": 0 if several else fold}
        elif fold:
            split["fold"] = fold
        return {**self.run, "task": "emotion", "corpus": self.corpus.model_dump(exclude_unset=True), "split": split}


def read_protocols(folder: Path = PROTOCOLS) -> dict[str, Protocol]:
    """The protocols of a folder, by the names of their files.

    Raises:
        SettingsError: a file that is no protocol.
    """
    files = sorted(folder.glob("*.toml"))
    return {path.stem: validated(Protocol, read_toml(path), str(path)) for path in files}


def chosen(kind: str, name: str, known: Mapping[str, Any]) -> Any:
    """What stands under a name.

    Raises:
        ComparisonError: nothing does.
    """
    if name not in known:
        raise ComparisonError(f"no {kind} is called {name!r}; there are {', '.join(known)}")
    return known[name]


def fold_dataset(protocol: Protocol, folder: Path, fold: int) -> Dataset:
    """The labelled utterances and the parts of one fold, just as a training with these settings takes them.

    Raises:
        HamiltoneError: the corpora are not there, or have no such fold.
    """
    content = {"name": "data", "out": "runs/none", "front": {"kind": "spectrogram"}}
    return load_dataset(settings_from(content | protocol.laid_under(folder, fold), where=protocol.title))


@cache
def _folds(protocol: str, folder: Path) -> int:
    known = read_protocols(folder)[protocol]
    if len(known.files) > 1:
        return len(known.files)
    return fold_dataset(known, folder, 0).split.folds or 1


def number_of_folds(protocol: str, folder: Path) -> int:
    """How many folds a protocol has, which may follow from the speakers that are there.

    Raises:
        HamiltoneError: the corpora are not there.
    """
    return _folds(protocol, folder)
