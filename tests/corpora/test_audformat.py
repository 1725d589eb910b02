"""Databases in audformat's form, made by its own library."""

import sys
from pathlib import Path

import pandas as pd
import pytest

from hamiltone.corpora import CorpusError, load_corpus, split_by_column

audformat = pytest.importorskip("audformat")

FILES = [f"wav/{name}.wav" for name in ("a", "b", "c", "d")]
EMOTIONS = ["anger", "joy", None, "anger"]
SPEAKERS = ["s1", "s1", "s2", "s3"]


def saved(folder: Path, *, segments: bool = False, storage_format: str = "csv") -> Path:
    """A database with emotions (in two splits), speakers with facts about them, and texts in another table."""
    database = audformat.Database("mine")
    database.schemes["emotion"] = audformat.Scheme("str", labels=["anger", "joy"])
    database.schemes["speaker"] = audformat.Scheme("str", labels={name: {"gender": "female"} for name in set(SPEAKERS)})
    database.schemes["transcription"] = audformat.Scheme("str", labels={"t0": "Good morning", "t1": "Good night"})
    database.splits["train"] = audformat.Split("train")
    database.splits["late"] = audformat.Split("test")
    for name, rows in (("train", slice(0, 2)), ("late", slice(2, 4))):
        index = audformat.filewise_index(FILES[rows])
        if segments:
            index = audformat.segmented_index(FILES[rows], ["0s", "0.5s"], ["1.25s", pd.NaT])
        table = database[f"emotion.{name}"] = audformat.Table(index, split_id=name)
        table["emotion"] = audformat.Column(scheme_id="emotion")
        table["emotion"].set(EMOTIONS[rows])
    files = database["files"] = audformat.Table(audformat.filewise_index(FILES))
    files["speaker"] = audformat.Column(scheme_id="speaker")
    files["speaker"].set(SPEAKERS)
    files["transcription"] = audformat.Column(scheme_id="transcription")
    files["transcription"].set(["t0", "t1", None, "t0"])
    database.save(str(folder), storage_format=storage_format)
    (folder / "wav").mkdir()
    for file in FILES:
        (folder / file).touch()
    return folder


@pytest.mark.parametrize("storage_format", ["csv", "parquet"])
def test_a_database_becomes_the_table(tmp_path: Path, storage_format: str):
    utterances = load_corpus("audformat", saved(tmp_path / "db", storage_format=storage_format))
    table = utterances.table.astype(object).where(utterances.table.notna(), None)
    assert list(table["utterance"]) == FILES
    assert list(table["path"]) == [str(tmp_path / "db" / file) for file in FILES]
    assert list(table["emotion"]) == EMOTIONS
    assert list(table["speaker"]) == SPEAKERS
    assert list(table["text"]) == ["Good morning", "Good night", None, "Good morning"]
    assert list(table["split"]) == ["train", "train", "test", "test"]
    assert table[["start", "end"]].isna().to_numpy().all()
    assert (utterances.corpus, utterances.note) == ("audformat", "")


def test_segments_keep_their_times(tmp_path: Path):
    table = load_corpus("audformat", saved(tmp_path / "db", segments=True)).table
    assert list(table["utterance"]) == ["wav/a.wav#0.0-1.25", "wav/b.wav#0.5-", "wav/c.wav#0.0-1.25", "wav/d.wav#0.5-"]
    assert list(table["start"].fillna(0.0)) == [0.0, 0.5, 0.0, 0.5]
    assert list(table["end"].fillna(-1.0)) == [1.25, -1.0, 1.25, -1.0]
    assert list(table["speaker"]) == SPEAKERS


def test_tables_and_columns_are_chosen(tmp_path: Path):
    folder = saved(tmp_path / "db")
    options = {"table": "emotion.train", "speaker": "gender", "text": "none such"}
    utterances = load_corpus("audformat", folder, options=options)
    assert list(utterances.table["utterance"]) == FILES[:2]
    assert utterances.labels("speaker") == ["female"]
    assert utterances.labels("text") == []
    both = load_corpus("audformat", folder, options={"table": "emotion.train, emotion.late"})
    assert list(both.table["utterance"]) == FILES
    with pytest.raises(CorpusError, match="names no utterance for validation"):
        split_by_column(both)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"table": "emotions"}, r"has no table 'emotions': there are emotion\.late, emotion\.train, files"),
        ({"emotion": "feeling"}, "has no label of feeling: name the scheme of emotions"),
        ({"colour": "x"}, "has no option 'colour': there is table, emotion, speaker, text"),
    ],
)
def test_wrong_choices_are_one_line(tmp_path: Path, options: dict[str, str], message: str):
    with pytest.raises(CorpusError, match=message) as caught:
        load_corpus("audformat", saved(tmp_path / "db"), options=options)
    assert "\n" not in str(caught.value)


def test_broken_databases_are_one_line(tmp_path: Path):
    with pytest.raises(CorpusError, match=r"no audformat recordings below .*: expected db\.yaml with"):
        load_corpus("audformat", tmp_path)
    folder = saved(tmp_path / "db")
    (folder / FILES[1]).unlink()
    with pytest.raises(CorpusError, match=r"b\.wav does not exist: restore or remove it"):
        load_corpus("audformat", folder)
    (folder / "db.emotion.late.csv").unlink()
    with pytest.raises(CorpusError, match="cannot be read") as caught:
        load_corpus("audformat", folder)
    assert "\n" not in str(caught.value)
    for header in ("[1", "3", "name: x\ntables: 3\n", "name: x"):
        (folder / "db.yaml").write_text(header)
        with pytest.raises(CorpusError) as caught:
            load_corpus("audformat", folder)
        assert "\n" not in str(caught.value)


def test_pickled_tables_are_refused(tmp_path: Path):
    folder = saved(tmp_path / "db", storage_format="pkl")
    with pytest.raises(CorpusError, match=r"\.pkl is a pickled table, which could run any program"):
        load_corpus("audformat", folder)


def test_a_header_that_could_run_a_program_is_refused_before_it_does(tmp_path: Path):
    folder, made = saved(tmp_path / "db"), tmp_path / "made"
    header = (folder / "db.yaml").read_text(encoding="utf-8")
    (folder / "db.yaml").write_text(f"{header}\nx: !!python/object/apply:os.mkdir [{made}]\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"db\.yaml is no plain YAML"):
        load_corpus("audformat", folder)
    assert not made.exists()
    (folder / "db.yaml").write_text(header.replace("  files:", "  sub/files:"), encoding="utf-8")
    with pytest.raises(CorpusError, match=r"names the table 'sub/files', which leads elsewhere"):
        load_corpus("audformat", folder)


def test_without_its_library_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "audformat", None)
    with pytest.raises(CorpusError, match=r"pip install 'hamiltone\[audformat\]'"):
        load_corpus("audformat", tmp_path)
