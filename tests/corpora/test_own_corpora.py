"""Corpora of one's own: a table, or folders by emotion."""

import json
import re
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from hamiltone.audio import AUDIO_SUFFIXES
from hamiltone.corpora import COLUMNS, CorpusError, check_corpus, load_corpus, split_by_speaker

ROWS = [
    {"path": "b/one.wav", "speaker": "02", "emotion": "sad", "word": "NA", "text": 'He said "no", twice'},
    {"path": "a/two.flac", "speaker": "1", "emotion": "", "start": "0.5", "end": "2", "valence": "1.5"},
    {"path": "a/two.flac", "speaker": "", "emotion": "happy", "start": "2", "end": "", "session": "7"},
]
ALL = ["path", "speaker", "emotion", "word", "text", "start", "end", "valence", "arousal", "dominance", "session"]


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def delimited(delimiter: str) -> Callable[[Path, list[dict[str, str]]], None]:
    def write(path: Path, rows: list[dict[str, str]]) -> None:
        pd.DataFrame([{name: row.get(name, "") for name in ALL} for row in rows]).to_csv(
            path, sep=delimiter, index=False
        )

    return write


def json_lines(path: Path, rows: list[dict[str, str]]) -> None:
    numbers = {"start", "end", "valence"}
    typed = [
        {name: float(cell) if cell and name in numbers else cell or None for name, cell in r.items()} for r in rows
    ]
    path.write_text("\n".join(json.dumps(row) for row in typed) + "\n\n", encoding="utf-8")


def parquet(path: Path, rows: list[dict[str, str]]) -> None:
    frame = pd.DataFrame([{name: row.get(name) or None for name in ALL} for row in rows])
    for name in ("start", "end", "valence", "arousal", "dominance"):
        frame[name] = frame[name].astype(np.float64)
    frame.to_parquet(path, engine="pyarrow")


WRITERS = {".csv": delimited(","), ".tsv": delimited("\t"), ".jsonl": json_lines, ".parquet": parquet}
PYARROW = pytest.mark.skipif(find_spec("pyarrow") is None, reason="pyarrow is not installed")
FORMATS = [".csv", ".tsv", ".jsonl", pytest.param(".parquet", marks=PYARROW)]


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_gives_the_same_table(tmp_path: Path, suffix: str):
    touch(tmp_path, "b/one.wav", "a/two.flac")
    WRITERS[suffix](tmp_path / f"corpus{suffix}", ROWS)
    utterances = load_corpus("table", tmp_path / f"corpus{suffix}")
    table = utterances.table
    assert list(table.columns) == list(COLUMNS)
    assert list(table["utterance"]) == ["a/two.flac#0.5-2.0", "a/two.flac#2.0-", "b/one.wav"]
    assert list(table["path"]) == [str(tmp_path / name) for name in ("a/two.flac", "a/two.flac", "b/one.wav")]
    assert list(table["speaker"].fillna("-")) == ["1", "-", "02"]
    assert list(table["emotion"].fillna("-")) == ["-", "happy", "sad"]
    assert list(table["word"].fillna("-")) == ["-", "-", "NA"]
    assert list(table["text"])[2] == 'He said "no", twice'
    np.testing.assert_array_equal(table["start"], [0.5, 2, np.nan])
    np.testing.assert_array_equal(table["end"], [2, np.nan, np.nan])
    np.testing.assert_array_equal(table["valence"], [1.5, np.nan, np.nan])
    assert utterances.labels("session") == ["7"]
    counted = "row" if suffix == ".parquet" else "line"
    first = 1 if suffix in (".parquet", ".jsonl") else 2
    assert utterances.corpus == "table"
    assert utterances.note == (
        f"no speaker in 1 of 3 rows ({counted} {first + 2}); no emotion in 1 of 3 rows ({counted} {first + 1})"
    )


def test_a_table_of_another_place_gives_the_same_identifiers(tmp_path: Path):
    for place in ("here", "there"):
        folder = touch(tmp_path / place, "a.wav", "b.wav")
        (folder / "corpus.csv").write_text(f"path,speaker,emotion\na.wav,1,sad\n{folder / 'b.wav'},2,sad\n")
    tables = [load_corpus("table", tmp_path / place / "corpus.csv").table for place in ("here", "there")]
    assert list(tables[0]["utterance"]) == list(tables[1]["utterance"]) == ["a.wav", "b.wav"]
    assert set(tables[0]["path"]).isdisjoint(tables[1]["path"])


def write(folder: Path, content: str | bytes, suffix: str = ".csv") -> Path:
    touch(folder, "a.wav", "b.wav")
    path = folder / f"corpus{suffix}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_cells_are_stripped_a_mark_of_utf8_is_skipped_and_unused_columns_are_named(tmp_path: Path):
    file = write(tmp_path, "\ufeffpath, speaker,emotion,colour,age\n a.wav,1, sad ,train,30\n\nb.wav,2,sad,test,\n")
    utterances = load_corpus("table", file)
    assert utterances.labels("emotion") == ["sad"]
    assert utterances.note == "columns not used: colour, age"


def test_own_identifiers_win_and_numbers_in_json_may_be_names(tmp_path: Path):
    lines = [{"utterance": "x", "path": "a.wav", "speaker": 3, "emotion": "sad", "session": None}]
    utterances = load_corpus("table", write(tmp_path, "\n".join(map(json.dumps, lines)), ".jsonl"))
    assert list(utterances.table[["utterance", "speaker"]].iloc[0]) == ["x", "3"]


def test_whole_numbers_that_became_fractions_are_names(tmp_path: Path):
    """Pandas writes so what stands in a column with missing cells."""
    lines = ['{"path": "a.wav", "speaker": 3.0, "emotion": "sad"}', '{"path": "b.wav", "speaker": NaN}']
    table = load_corpus("table", write(tmp_path, "\n".join(lines), ".jsonl")).table
    assert list(table["speaker"].fillna("-")) == ["3", "-"]


HEADER = "path,speaker,emotion\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty: it needs a header with path, speaker, emotion"),
        ("path|speaker|emotion\na.wav|1|sad\n", r"one cell, 'path\|speaker\|emotion': separate columns by commas"),
        ("path;speaker\na.wav;1\n", "lacks the column 'emotion': it has 'path', 'speaker'"),
        ("word\n", "lacks the column 'path': it has 'word'"),
        ("path,speaker\na.wav,1\n", "lacks the column 'emotion'"),
        ("path,speaker,emotion,speaker\na.wav,1,sad,1\n", "names a column twice"),
        (HEADER, "holds no rows"),
        (HEADER + "a.wav,1\n", "line 2 has 2 cells, the header 3"),
        (HEADER + "a.wav,1,sad,more\n", "line 2 has 4 cells"),
        (HEADER + "a.wav,1,sad\n,1,sad\n", "line 3 has no path"),
        (
            HEADER + "a.wav,1,sad\nc.wav,1,sad\nd.wav,1,sad\n",
            r"line 3: .*c\.wav does not exist \(2 of 3 rows name no recording\): correct path",
        ),
        (
            HEADER + "a.wav,1,sad\nb.wav,1,sad\na.wav,2,sad\n",
            r"corpus\.csv line 4: 'a\.wav' stands in line 2, too: remove",
        ),
        ("utterance,path,speaker,emotion\nx,a.wav,1,sad\nx,b.wav,1,sad\n", r"line 3: 'x' stands in line 2, too"),
        (HEADER + 'a.wav,1,"sad\n', "cannot be read: unexpected end of data"),
        (HEADER.encode() + b"a.wav,1,tr\xe4urig\n", "cannot be read: .*utf-8.*save it anew, as UTF-8"),
        ("path,speaker,emotion,valence\na.wav,1,sad,high\n", "line 2: valence 'high' is no number"),
        ("path,speaker,emotion,valence\na.wav,1,sad,7\n", r"corpus\.csv line 2: valence 7.0 is not on the scale"),
        ("path,speaker,emotion,start\na.wav,1,sad,inf\n", "line 2: start 'inf' is no number"),
        (HEADER + "nan,1,sad\n", "line 2 has no path"),
        ('path,speaker,emotion,start\na.wav,1,sad,"1,500"\n', "line 2: start '1,500' may be thousands or a fraction"),
        ("path;speaker;emotion;start\na.wav;1;sad;0,5\nb.wav;1;sad;1.500\n", r"line 3: start '1\.500' may be thous"),
        ("path;speaker;emotion;start\na.wav;1;sad;1.234,5\n", r"line 2: start '1\.234,5' is no number"),
        (HEADER + ".,1,sad\n", r"line 2: .* is a folder, not a recording: correct path"),
        ("path,speaker,emotion,start,end\na.wav,1,sad,2,1\n", "line 2: no speech lies between 2.0 s and 1.0 s"),
        ("path,speaker,emotion,start,end\na.wav,1,sad,,0\n", "line 2: no speech lies between 0.0 s and 0.0 s"),
        ("path,speaker,emotion,start\na.wav,1,sad,-1\n", "line 2: start -1.0 is negative"),
        ("path,speaker,emotion,dominance\na.wav,1,sad,0.5\n", "line 2: dominance 0.5 is not on the scale"),
    ],
)
def test_a_wrong_table_is_one_clear_line(tmp_path: Path, content: str | bytes, message: str):
    with pytest.raises(CorpusError, match=message) as caught:
        load_corpus("table", write(tmp_path, content))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2 is no JSON"),
        ("[" * 100_000, "line 2 is no JSON"),
        ('{"path": ' + "9" * 5000 + "}", "line 2 is no JSON"),
        ("[1]", "line 2 is no JSON object"),
        ('{"path": "a.wav", "speaker": true}', "line 2: speaker True is no text"),
        ('{"path": "a.wav", "speaker": 1.5}', "line 2: speaker 1.5 is no text: write names as text"),
        ('{"path": ["a.wav"]}', r"line 2: path \['a.wav'\] is no text"),
        ('{"path": "a.wav", "start": false}', "line 2: start False is no number"),
        ('{"path": "a.wav", "start": {}}', "line 2: start {} is no number"),
        ('{"path": "a.wav", "start": ' + "9" * 400 + "}", r"line 2: start 9+\.\.\. is no number"),
        ('{"path": "a.wav", "text": "\\ud800"}', r"line 2: text '\\ud800' is not Unicode"),
        ('{"path": "a\\u0000.wav"}', "does not exist"),
        ('{"speaker": "1"}', "line 2 has no path"),
    ],
)
def test_a_wrong_line_of_json_is_named(tmp_path: Path, line: str, message: str):
    first = '{"path": "b.wav", "speaker": "1", "emotion": "sad"}\n'
    with pytest.raises(CorpusError, match=message):
        load_corpus("table", write(tmp_path, first + line + "\n", ".jsonl"))


def test_a_table_must_be_a_file_of_a_known_format(tmp_path: Path):
    for root, message in [
        (None, "table: give the table's file"),
        (tmp_path, "is a folder, not a table"),
        (tmp_path / "gone.csv", r"gone\.csv does not exist"),
        (tmp_path / ("long" * 100 + ".csv"), "does not exist"),
        (write(tmp_path, HEADER, ".xlsx"), r"corpus\.xlsx is none of \.csv, \.tsv, \.txt, \.jsonl, \.parquet"),
    ]:
        with pytest.raises(CorpusError, match=message):
            load_corpus("table", root)


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(CorpusError, match="pip install pyarrow"):
        load_corpus("table", write(tmp_path, "PAR1", ".parquet"))


@PYARROW
def test_a_damaged_parquet_file_is_one_clear_line(tmp_path: Path):
    with pytest.raises(CorpusError, match=r"corpus\.parquet cannot be read: .*; write it anew as Parquet"):
        load_corpus("table", write(tmp_path, "PAR1", ".parquet"))


@PYARROW
def test_parquet_with_types_of_its_own(tmp_path: Path):
    frame = pd.DataFrame(
        {
            "path": pd.Series(["a.wav", "b.wav"], dtype="string"),
            "speaker": pd.Series([1, None], dtype="Int64"),
            "emotion": pd.Series(["sad", None], dtype="category"),
            "valence": [np.nan, 2.5],
            "split": ["train", "test"],
        }
    )
    path = write(tmp_path, "", ".parquet")
    frame.to_parquet(path, engine="pyarrow")
    table = load_corpus("table", path).table
    assert list(table["speaker"].fillna("-")) == ["1", "-"]
    assert list(table["emotion"].fillna("-")) == ["sad", "-"]
    np.testing.assert_array_equal(table["valence"], [np.nan, 2.5])
    assert list(table["split"]) == ["train", "test"]


def test_many_segments_of_few_recordings(tmp_path: Path):
    folder = touch(tmp_path, *(f"{name}.wav" for name in range(50)))
    lines = [f"{row % 50}.wav,{row % 7},calm,{row},{row + 0.5}\n" for row in range(10_000)]
    (folder / "corpus.csv").write_text("path,speaker,emotion,start,end\n" + "".join(lines))
    utterances = load_corpus("table", folder / "corpus.csv")
    assert len(utterances) == 10_000
    assert utterances.labels("speaker") == list("0123456")


@pytest.mark.parametrize("speakers", [False, True])
def test_folders_by_emotion(tmp_path: Path, speakers: bool):
    names = [f"{emotion}/{'ann/' if speakers else ''}{take}.wav" for emotion in ("joy", "anger") for take in (1, 2)]
    utterances = load_corpus("folder", touch(tmp_path, *names, "anger/notes.txt", ".git/x.wav"))
    assert list(utterances.table["utterance"]) == sorted(name.removesuffix(".wav") for name in names)
    assert list(utterances.table["emotion"]) == ["anger", "anger", "joy", "joy"]
    assert utterances.labels("speaker") == (["ann"] if speakers else [])
    assert utterances.note == ""


def test_audio_files_of_all_endings_are_found_and_read(tmp_path: Path):
    """Each is a recording of its own, so that none is told as a duplicate."""
    forms = {".flac": "FLAC", ".ogg": "OGG", ".oga": "OGG", ".opus": "OGG", ".mp3": "MP3", ".aiff": "AIFF"}
    written = {suffix: forms.get(suffix, "WAV") for suffix in AUDIO_SUFFIXES}
    (tmp_path / "joy").mkdir()
    for seed, (suffix, form) in enumerate(written.items()):
        noise = np.random.default_rng(seed).uniform(-0.3, 0.3, 16000)
        subtype = "OPUS" if suffix == ".opus" else None
        soundfile.write(tmp_path / "joy" / f"{seed}{suffix.upper()}", noise, 16000, format=form, subtype=subtype)
    check = check_corpus("folder", tmp_path)
    assert check.clips.found == len(written)
    assert (check.problems, check.sound) == ((), True)


def test_what_looks_like_sound_and_is_not_read_is_counted_and_named(tmp_path: Path):
    others = ["joy/a.voc", "joy/ann/b.VOC", "fear/c.gsm"]
    touch(tmp_path, *others, "joy/notes.txt", "joy/.hidden.voc")
    told = r"3 files look like sound and are left out: fear/c\.gsm, joy/a\.voc, joy/ann/b\.VOC"
    with pytest.raises(CorpusError, match=f"no folder recordings below .*; {told}"):
        load_corpus("folder", tmp_path)
    utterances = load_corpus("folder", touch(tmp_path, "joy/d.wav"))
    assert utterances.labels("emotion") == ["joy"]
    assert re.fullmatch(told, utterances.note)
    (tmp_path / "joy/a.voc").unlink()
    (tmp_path / "fear/c.gsm").unlink()
    assert load_corpus("folder", tmp_path).note == "1 file looks like sound and is left out: joy/ann/b.VOC"


def test_recordings_with_and_without_speaker(tmp_path: Path):
    utterances = load_corpus("folder", touch(tmp_path, "joy/a.wav", "joy/ann/b.wav", "fear/bob/c.mp3"))
    assert list(utterances.table["speaker"].fillna("-")) == ["bob", "-", "ann"]
    assert utterances.note == "1 recordings have no speaker"
    with pytest.raises(CorpusError, match="utterance joy/a has no speaker to split by"):
        split_by_speaker(utterances)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("x.wav", r"x\.wav lies in no emotion's folder"),
        ("joy/ann/session 1/x.wav", r"x\.wav lies too deep"),
        ("joy/a.flac", r"'joy/a' stands twice"),
    ],
)
def test_recordings_in_other_places_are_refused(tmp_path: Path, name: str, message: str):
    with pytest.raises(CorpusError, match=message):
        load_corpus("folder", touch(tmp_path, "joy/a.wav", name))


def test_speakers_by_a_pattern(tmp_path: Path):
    folder = touch(tmp_path, "joy/ann_1.wav", "joy/bob_2.wav", "fear/x/ann_3.wav")
    utterances = load_corpus("folder", folder, options={"speaker": r"(?P<speaker>[a-z]+)_\d+$"})
    assert list(utterances.table["utterance"]) == ["fear/x/ann_3", "joy/ann_1", "joy/bob_2"]
    assert list(utterances.table["speaker"]) == ["ann", "ann", "bob"]
    assert utterances.note == ""


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("folder", {"speaker": "("}, r"option speaker: '\(' is no regular expression"),
        ("folder", {"speaker": "(a)"}, r"has no group \(\?P<speaker>\.\.\.\): add it"),
        ("folder", {"speaker": "(?P<speaker>bob)"}, r"finds no speaker in joy/ann_1 \(1 of 2 recordings\)"),
        ("folder", {"speaker": "(?P<speaker>x?)"}, r"finds no speaker in joy/ann_1 \(2 of 2 recordings\)"),
        ("folder", {"spaeker": "x"}, "folder: has no option 'spaeker': there is speaker"),
        ("table", {"speaker": "x"}, "table: has no option 'speaker': it has none"),
    ],
)
def test_wrong_options_are_one_line(tmp_path: Path, name: str, options: dict[str, str], message: str):
    touch(tmp_path, "joy/ann_1.wav", "joy/bob_2.wav")
    with pytest.raises(CorpusError, match=message):
        load_corpus(name, tmp_path, options=options)
