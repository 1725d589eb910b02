"""Corpora and splits of a study: what its runs are trained and tested on."""

from functools import cached_property
from pathlib import Path

from hamiltone.corpora import (
    CorpusError,
    CorpusSettings,
    Split,
    SplitSettings,
    Utterances,
    load_utterances,
    recordings_of,
    split_utterances,
)
from hamiltone.files import content_key, file_key
from hamiltone.settings import RunSettings
from hamiltone.settings_paths import expand

from ._errors import StudyError
from ._settings import Partial, Study, StudySplit

SPLITS = "splits"
"""Where splits lie below the study's folder."""


class Recordings:
    """The recordings of a study's corpora, each listed once, and the splits that were made of them, by path."""

    def __init__(self, study: Study) -> None:
        self.splits: dict[str, Split] = {}
        self._study = study
        self._split_files: dict[str, str] = {}
        self._corpus_keys: dict[str, str] = {}
        self._loaded: dict[str, Utterances] = {}

    def corpus_settings(self, name: str) -> Partial:
        """A corpus of emotions as settings of a run."""
        corpus = self._study.corpora[name].model_dump(mode="json", exclude={"run"}, exclude_defaults=True)
        if "parts" in corpus:
            del corpus["name"]  # it follows from theirs
        return absolute(corpus)

    def split_file(self, corpus: Partial, choice: Partial) -> str:
        """The path of a split, which is made if need be."""
        request = content_key([corpus, choice])
        if request not in self._split_files:
            utterances = self._utterances(CorpusSettings(**corpus))
            # Of all clips, also those without emotion, which serve RH-Emo's first stage.
            split = split_utterances(SplitSettings(**choice), utterances, stratify="emotion")
            path = f"{SPLITS}/{split.corpus}-{split.scheme or split.kind}-{split.hash[:12]}.json"
            self.splits[path] = split
            self._split_files[request] = path
        return self._split_files[request]

    def key(self, corpus: CorpusSettings) -> str:
        """The hash of what is told of a corpus's recordings, whichever of them a run may use; not of their sound."""
        request = content_key(corpus.model_dump(mode="json", exclude={"within"}))
        if request not in self._corpus_keys:
            whole = self._utterances(corpus.model_copy(update={"within": None}))
            self._corpus_keys[request] = whole.key()
        return self._corpus_keys[request]

    def split_hash(self, path: str | None) -> str | None:
        """The hash of the split at a path, or of a user's file of a split or of lists of speakers."""
        if path is None:
            return None
        if path in self.splits:
            return self.splits[path].hash
        try:
            return file_key(expand(path, "split.file"))
        except OSError as error:
            raise CorpusError(f"cannot read the split {path}: {error.strerror}") from error

    def training_clips(self, settings: RunSettings) -> int:
        """How many clips a run trains on, about: silent ones and those without label are counted, too."""
        if settings.split.file in self.splits:
            return len(self.splits[settings.split.file].parts["train"])
        if settings.corpus.within in self.splits:
            whole = len(self.splits[settings.corpus.within].parts["train"])
        else:
            whole = len(self._utterances(settings.corpus))
        return round(whole * settings.split.fractions[0])

    def _utterances(self, corpus: CorpusSettings) -> Utterances:
        request = content_key(corpus.model_dump(mode="json"))
        if request not in self._loaded:
            self._loaded[request] = load_utterances(corpus)
        return self._loaded[request]


class Place:
    """A corpus in one split, on which recognisers are trained."""

    def __init__(self, recordings: Recordings, corpus: str, split: StudySplit, fold: int) -> None:
        self._recordings = recordings
        self.corpus, self.split, self.fold = corpus, split, fold

    @cached_property
    def settings(self) -> Partial:
        """Corpus and split as settings of a run; the split is a file, the same for all."""
        choice = self.split.model_dump(mode="json", exclude={"only"}) | {"fold": self.fold}
        corpus = self._recordings.corpus_settings(self.corpus)
        path = self._recordings.split_file(corpus, choice)
        return {"corpus": corpus, "split": choice | {"file": path}}

    @property
    def name(self) -> str | None:
        """What runs call its corpus: of several that are one another name than the study's."""
        return corpus_name(self.settings["corpus"])

    @property
    def file(self) -> str:
        """The path of its split."""
        return self.settings["split"]["file"]

    @property
    def made(self) -> Split:
        """Its split."""
        return self._recordings.splits[self.file]


def absolute(told: Partial) -> Partial:
    """Settings of a corpus or of a split whose places are told in full, since runs work from the output folder.

    $NAMES and ~ stay; what is no text is refused later.
    """
    found = {key: value for key, value in told.items() if value is not None}
    for key in ("root", "within", "alignments", "file"):
        place = found.get(key)
        if isinstance(place, str) and not place.startswith(("$", "~")):
            found[key] = str(Path(place).resolve())
    if isinstance(found.get("words"), dict):
        found["words"] = absolute(found["words"])
    parts = found.get("parts")
    if isinstance(parts, list) and all(isinstance(part, dict) for part in parts):
        found["parts"] = [absolute(part) for part in parts]
    return found


def corpus_name(corpus: Partial) -> str | None:
    """The name of a corpus in settings that are not checked yet."""
    parts = corpus.get("parts")
    if isinstance(parts, list) and all(isinstance(part, dict) for part in parts):
        return "+".join(str(part.get("name")) for part in parts)
    return corpus.get("name")


def same_recordings(task: str, taught: str, recognised: str) -> bool:
    """Whether an orthogonal task is taught on the recordings that are recognised, or on words cut from them.

    Raises:
        StudyError: on some of several corpora that are recognised as one, whose test part it would hear.
    """
    whole, _ = recordings_of(taught, set())
    if whole != recognised and whole in recognised.split("+"):
        raise StudyError(f"{task}: {taught} is a part of {recognised}, whose test part it would hear: name another")
    return whole == recognised
