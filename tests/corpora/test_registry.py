"""Corpora that are added: as a module among the loaders, and from outside of the package."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hamiltone.corpora import (
    CORPORA,
    Corpus,
    CorpusError,
    Utterances,
    Whole,
    licences,
    load_corpus,
    loaders,
    register_corpus,
    source_of,
)

EXAMPLE = Path(__file__).parents[2] / "examples" / "extending" / "corpus.py"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """What a test registers is forgotten."""
    known = dict(CORPORA)
    yield
    CORPORA.clear()
    CORPORA.update(known)


def corpus(name: str, **known: object) -> Corpus:
    def load(root: Path | None) -> Utterances:
        rows = [{"utterance": "a", "path": str(Path(root or "") / "a.wav"), "speaker": "ann", "emotion": "glad"}]
        return Utterances.from_rows(rows, corpus=name, root=Path(root or ""))

    return Corpus(name, load, "*.wav", **known)  # pyright: ignore[reportArgumentType]


def test_every_module_with_a_corpus_is_found():
    modules = {path.stem for path in Path(str(loaders.__file__)).parent.glob("[a-z]*.py")}
    assert modules == {name.partition("-")[0] for name in CORPORA}


def test_what_is_known_of_a_corpus_from_outside_is_found_by_its_name(tmp_path: Path, record):
    record(tmp_path / "a.wav")
    register_corpus(corpus("mine", licence="CC0 1.0", source="ask me", words=True))
    assert load_corpus("mine", tmp_path).labels("emotion") == ["glad"]
    assert licences(["mine", "mine-words"]) == {"mine": "CC0 1.0", "mine-words": "CC0 1.0"}
    assert CORPORA["mine-words"].recordings is CORPORA["mine"]
    with pytest.raises(CorpusError, match=r"^mine: ask me$"):
        source_of("mine")
    with pytest.raises(CorpusError, match=r"mine-words: no alignments below"):
        load_corpus("mine-words", tmp_path)


def test_a_corpus_that_is_not_whole_says_so(tmp_path: Path, record):
    record(tmp_path / "a.wav")
    register_corpus(corpus("mine", whole=Whole(clips=2, speakers=1)))
    published = CORPORA["mine"].published(load_corpus("mine", tmp_path))
    assert published is not None and published.part(1, 1) == "1 of 2 clips, 1 of 1 speakers"


@pytest.mark.parametrize("name", ["ravdess", "ravdess-words", "", "a+b", "a/b", "a=b"])
def test_names_that_are_taken_or_none_are_refused(name: str):
    known = dict(CORPORA)
    with pytest.raises(CorpusError, match=r"already: register yours under another name|is no name of a corpus"):
        register_corpus(corpus(name))
    assert known == CORPORA


def test_neither_is_registered_where_the_name_of_its_words_is_taken():
    register_corpus(corpus("mine-words"))
    with pytest.raises(CorpusError, match="'mine-words' already"):
        register_corpus(corpus("mine", words=True))
    assert "mine" not in CORPORA


def test_the_example(tmp_path: Path):
    result = subprocess.run([sys.executable, EXAMPLE, tmp_path / "moods"], capture_output=True, text=True, check=False)
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[:2] == ["four_moods: 32 utterances, 4 speakers", "whole and readable: True"]
    assert [line.split(" clips")[0] for line in lines[2:]] == ["train: 16", "validation: 8", "test: 8"]
    speakers = [name for line in lines[2:] for name in line.split(" by ")[1].split(", ")]
    assert sorted(speakers) == ["ann", "bob", "cem", "dan"]


def test_what_is_slow_to_import_is_imported_where_it_is_needed():
    listing = "import sys, json, hamiltone.corpora; print(json.dumps(list(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    modules = set(json.loads(result.stdout))
    assert "hamiltone.corpora.loaders.ravdess" in modules
    assert not modules & {
        "sklearn",
        "scipy.signal",
        "pooch",
        "requests",
        "pocketsphinx",
        "audformat",
        "espeakng_loader",
    }
