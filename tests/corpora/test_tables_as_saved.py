"""Tables and names as people's programs save them: encodings, delimiters, commas, missing values, forms of Unicode."""

import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from hamiltone.corpora import (
    CorpusError,
    SpeakerLists,
    Utterances,
    WordSettings,
    load_corpus,
    relabel,
    word_segments,
)

ROWS = [
    ("path", "speaker", "emotion", "start", "end", "valence"),
    ("müller.wav", "José", "wütend", "0,25", "1,500", "2,5"),
    ("b.wav", "Łucja", "高兴", "10", "12,75", "4"),
]


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def saved(folder: Path, rows: list[tuple[str, ...]], delimiter: str, encoding: str, name: str = "corpus.csv") -> Path:
    text = "".join(delimiter.join(row) + "\r\n" for row in rows)
    touch(folder, "müller.wav", "b.wav")
    (folder / name).write_bytes(text.encode(encoding))
    return folder / name


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize(("delimiter", "name"), [(";", "a.csv"), ("\t", "a.csv"), ("\t", "a.txt"), (";", "a.tsv")])
def test_a_table_of_a_spreadsheet_is_read(tmp_path: Path, encoding: str, delimiter: str, name: str):
    utterances = load_corpus("table", saved(tmp_path, ROWS, delimiter, encoding, name))
    table = utterances.table
    assert list(table["utterance"]) == ["b.wav#10.0-12.75", "müller.wav#0.25-1.5"]
    assert list(table["speaker"]) == ["Łucja", "José"]
    assert list(table["emotion"]) == ["高兴", "wütend"]
    np.testing.assert_array_equal(table[["start", "end", "valence"]], [[10, 12.75, 4], [0.25, 1.5, 2.5]])
    assert utterances.note == ""


def test_commas_and_points_that_cannot_be_mistaken_stand_side_by_side(tmp_path: Path):
    rows = [ROWS[0], ("b.wav", "1", "sad", "0,5", "2.25", "")]
    assert list(load_corpus("table", saved(tmp_path, rows, ";", "utf-8")).table["end"]) == [2.25]
    rows = [ROWS[0], ("b.wav", "1", "sad", "1.500", "2000", "")]
    assert list(load_corpus("table", saved(tmp_path, rows, ";", "utf-8")).table["start"]) == [1.5]


def test_what_is_written_for_a_missing_value_is_no_class_and_no_speaker(tmp_path: Path):
    """Beside it stands what is one: "none" is a class, and "None" is said."""
    header = ("path", "speaker", "emotion", "start", "word", "text")
    missing = ["nan", "NaN", "None", "<NA>", "", " "]
    rows = [(f"{number}.wav", cell, cell, cell, "None", "nan") for number, cell in enumerate(missing)]
    rows += [("6.wav", "ann", "none", "0", "no", "no")]
    touch(tmp_path, *(f"{number}.wav" for number in range(7)))
    file = saved(tmp_path, [header, *rows], ",", "utf-8")
    utterances = load_corpus("table", file)
    assert (utterances.labels("speaker"), utterances.labels("emotion")) == (["ann"], ["none"])
    assert utterances.labels("word") == ["None", "no"]
    assert list(utterances.table["text"]) == ["nan"] * 6 + ["no"]
    assert list(utterances.table["start"].isna()) == [True] * 6 + [False]
    assert utterances.note == (
        "no speaker in 6 of 7 rows (lines 2, 3, 4, ...); no emotion in 6 of 7 rows (lines 2, 3, 4, ...)"
    )


def form(name: str, text: str) -> str:
    return unicodedata.normalize(name, text)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("written", "lying"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFD", "NFD")])
def test_both_forms_of_unicode_are_one_label_and_find_the_file(tmp_path: Path, written: str, lying: str):
    file = form(lying, "Übung/müde Frau/é.wav")
    touch(tmp_path, file, "b.wav")
    path = form(written, "Übung/müde Frau/é.wav")
    rows = [
        ("path", "speaker", "emotion"),
        (path, form(written, "José"), form(written, "müde")),
        ("b.wav", "José", "müde"),
    ]
    utterances = load_corpus("table", saved(tmp_path, rows, ",", "utf-8"))
    assert (utterances.labels("speaker"), utterances.labels("emotion")) == (["José"], ["müde"])
    assert list(utterances.table["utterance"]) == ["b.wav", "Übung/müde Frau/é.wav"]
    assert list(utterances.table["path"])[1] == str(tmp_path / file)
    assert relabel(utterances, {form(written, "müde"): "tired"}).labels("emotion") == ["tired"]


def test_one_recording_named_in_both_forms_is_told(tmp_path: Path):
    rows = [("path", "speaker", "emotion"), *((form(name, "müller.wav"), "1", "sad") for name in ("NFC", "NFD"))]
    with pytest.raises(CorpusError, match=r"line 3: 'müller\.wav' stands in line 2, too"):
        load_corpus("table", saved(tmp_path, rows, ",", "utf-8"))


def test_folders_of_both_forms_are_one_emotion_and_one_speaker(tmp_path: Path):
    touch(tmp_path, form("NFD", "müde/José/ä.wav"), form("NFC", "müde/José/b.wav"), "froh/x/c.wav")
    utterances = load_corpus("folder", tmp_path)
    assert utterances.labels("emotion") == ["froh", "müde"]
    assert utterances.labels("speaker") == ["José", "x"]
    assert list(utterances.table["utterance"]) == ["froh/x/c", "müde/José/b", "müde/José/ä"]
    assert all(Path(path).is_file() for path in utterances.table["path"])


def test_lists_of_speakers_may_be_of_another_form(tmp_path: Path, record):
    names = ["José", "Zoë", "Ann"]
    for seed, name in enumerate(names):
        record(tmp_path / "sad" / name / "a.wav", seed=seed)
    lists = SpeakerLists("folder", "mine", "by hand", folds=tuple((form("NFD", name),) for name in names))
    split = lists.split(load_corpus("folder", tmp_path))
    assert split.parts["test"] == ("sad/José/a",)


@pytest.mark.parametrize("lying", ["NFC", "NFD"])
def test_alignments_of_another_form_are_found(tmp_path: Path, lying: str):
    touch(tmp_path, "müller.wav")
    rows = [{"utterance": "müller", "path": str(tmp_path / "müller.wav"), "text": "naïve"}]
    recordings = Utterances.from_rows(rows, corpus="mine", root=tmp_path)
    tier = '"IntervalTier" "words" 0 1 1 0 1 "naïve"'
    grid = f'File type = "ooTextFile"\r\nObject class = "TextGrid"\r\n0 1 <exists> 1 {tier}'
    (tmp_path / "grids").mkdir()
    (tmp_path / "grids" / f"{form(lying, 'müller')}.TextGrid").write_bytes(grid.encode("utf-16"))
    segments = word_segments(recordings, WordSettings(alignments=str(tmp_path / "grids")))
    assert list(segments.table["word"]) == ["naïve"]
    assert list(segments.table["utterance"]) == ["müller-000"]


SCRIPT = """
import json, sys
from hamiltone.corpora import load_corpus
loaded = [load_corpus("table", sys.argv[1]), load_corpus("folder", sys.argv[2])]
print(json.dumps([[each.labels("emotion"), list(each.table["utterance"])] for each in loaded]))
"""


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_the_locale_changes_no_label(tmp_path: Path, locale: str):
    file = saved(tmp_path, ROWS, ";", "utf-8-sig")
    touch(tmp_path / "folder", "高兴/Łucja/ä.wav", "wütend/b.wav")
    environment = os.environ | {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": locale}
    command = [sys.executable, "-c", SCRIPT, file, tmp_path / "folder"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.stderr == ""
    table, folder = json.loads(done.stdout)
    assert table == [["wütend", "高兴"], ["b.wav#10.0-12.75", "müller.wav#0.25-1.5"]]
    assert folder == [["wütend", "高兴"], ["wütend/b", "高兴/Łucja/ä"]]
