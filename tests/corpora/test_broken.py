"""Whatever lies in a folder or a table: a result, or one clear line."""

import json
import os
from collections.abc import Callable
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hamiltone.corpora import CORPORA, CorpusError, check_corpus, load_corpus

PARTS = [
    *("Actor_01", "Actor_24", "wav", "AudioWAV", "OAF_Fear", "YAF_sad", "recordings", "LibriSpeech", "dev-clean"),
    *("84", "121123", "Session1", "sentences", "dialog", "EmoEvaluation", "transcriptions", "Ses01F_impro01", "right"),
    *("_background_noise_", "joy", ".hidden", "\u00e9t\u00e9", "a" * 200, os.fsdecode(b"\xff\xfe")),
]
NAMES = [
    *("03-01-05-02-02-01-01.wav", "03-01-05-02-02-01-24.flac", "16b10Wb.wav", "1001_IEO_ANG_XX.wav"),
    *("OAF_back_fear.wav", "OA_back_fear.wav", "YAF_back_sad.wav", "7_theo_1.wav", "84-121123-0000.flac"),
    *("84-121123.trans.txt", "84-121123.alignment.txt", "84-121123-0000.TextGrid", "Ses01F_impro01_F000.wav"),
    *("Ses01F_impro01.txt", "bb05582b_nohash_3.wav", "._x.wav", "x.wav", "x.zip", "corpus.csv"),
    os.fsdecode(b"\xff.wav"),
]
LAYOUTS = [
    "Actor_01/03-01-05-02-02-01-01.wav",
    "wav/16b10Wb.wav",
    "AudioWAV/1001_IEO_ANG_XX.wav",
    "OAF_Fear/OAF_back_fear.wav",
    "recordings/7_theo_1.wav",
    "LibriSpeech/dev-clean/84/121123/84-121123-0000.flac",
    "LibriSpeech/dev-clean/84/121123/84-121123.trans.txt",
    "LibriSpeech/dev-clean/84/121123/84-121123.alignment.txt",
    "LibriSpeech/dev-clean/84/121123/84-121123-0000.TextGrid",
    "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav",
    "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt",
    "Session1/dialog/transcriptions/Ses01F_impro01.txt",
    "right/bb05582b_nohash_3.wav",
    "joy/ann/x.wav",
    "samples/EB0_anger_1.wav",
    "data.tsv",
    "db.yaml",
    "db.emotion.csv",
    "alignments/ravdess.alignment.txt",
    "alignments/crema_d.alignment.txt",
    "alignments/tess.alignment.txt",
    "alignments/iemocap.alignment.txt",
]
TEXTS = [
    *("84-121123-0000 GO DO", '84-121123-0000 ",GO,DO" "0.1,0.2,0.9"', "[1 - 2]\tSes01F_impro01_F000\tneu\t[1, 2, 3]"),
    *("Ses01F_impro01_F000 [1-2]: Well.", '"ooTextFile" "TextGrid" 0 1 <exists> 1 "IntervalTier" "words" 0 1 1'),
    *("name: x\nsource: y\nusage: other\nlanguages: [en]", "tables:\n  emotion:\n    type: filewise", "file,emotion"),
    *('0 1 "go"', "path,speaker,emotion", "a.wav,1,sad", '{"path": "a.wav", "speaker": 1, "emotion": null}', '"', "["),
]
CONTENTS = st.one_of(
    st.lists(st.sampled_from(TEXTS), max_size=4).map(lambda lines: "\n".join(lines).encode()),
    st.binary(max_size=40),
    st.tuples(st.sampled_from(TEXTS), st.binary(max_size=6)).map(lambda two: two[0].encode() + two[1]),
)
PATHS = st.one_of(
    st.sampled_from(LAYOUTS),
    st.tuples(st.lists(st.sampled_from(PARTS), max_size=5), st.sampled_from(NAMES)).map(
        lambda two: "/".join([*two[0], two[1]])
    ),
    st.tuples(st.sampled_from(["copy/", "copy/copy/"]), st.sampled_from(LAYOUTS)).map("".join),
)
ITEMS = st.tuples(PATHS, st.sampled_from(["file", "file", "file", "folder", "dangling", "circle"]), CONTENTS)


def many(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """So many made examples; those of this file are more than a thousand. Trees take the longest."""
    return settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def build(root: Path, items: list[tuple[str, str, bytes]]) -> None:
    for name, kind, content in items:
        path = root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if kind == "folder":
                path.mkdir(exist_ok=True)
            elif kind == "dangling":
                path.symlink_to(root / "gone")
            elif kind == "circle":
                path.symlink_to(path.parent, target_is_directory=True)
            else:
                path.write_bytes(content)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue


def load(name: str, root: Path) -> int:
    """How many utterances there are; -1 where it is refused in one line."""
    try:
        utterances = load_corpus(name, root)
    except CorpusError as error:
        assert str(error) and "\n" not in str(error)
        return -1
    assert len(utterances) > 0
    assert all(Path(path).is_file() for path in utterances.table["path"])
    return len(utterances)


def load_and_check(name: str, root: Path) -> None:
    """What loads is checked, whatever its recordings hold; what is refused is checked where recordings alone lack."""
    clips = load(name, root)
    try:
        found = check_corpus(name, root)
    except CorpusError as error:
        assert clips == -1
        assert str(error) and "\n" not in str(error)
        return
    assert found.clips.found == clips or (clips == -1 and found.of("unreadable"))
    assert not any("\n" in problem.text for problem in found.problems)
    json.dumps(found.as_json(), allow_nan=False)


@many(200)
@given(st.lists(ITEMS, max_size=12))
def test_broken_trees(items: list[tuple[str, str, bytes]]):
    with TemporaryDirectory() as folder:
        root = Path(folder)
        build(root, items)
        for name in CORPORA:
            if name != "synthetic":
                load_and_check(name, root)
        for name in ("table", "folder", "iemocap"):
            load(name, root / "corpus.csv")


def check_table(folder: str, name: str, content: bytes) -> None:
    """A table beside a recording that holds nothing."""
    (Path(folder) / "a.wav").touch()
    table = Path(folder) / name
    table.write_bytes(content)
    load_and_check("table", table)


@many(400)
@given(st.sampled_from([".csv", ".tsv", ".jsonl", ".parquet"]), CONTENTS, CONTENTS)
def test_broken_tables(suffix: str, first: bytes, second: bytes):
    with TemporaryDirectory() as folder:
        check_table(folder, f"corpus{suffix}", first + b"\n" + second)


CELLS = st.text(st.characters(exclude_categories=()), max_size=8)


@many(250)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), max_size=5), st.sampled_from([",", "\t"]))
def test_any_cells(rows: list[tuple[str, ...]], delimiter: str):
    lines = [("path", "speaker", "emotion", "start"), *rows, *(("a.wav", *row[1:]) for row in rows)]
    text = "\n".join(delimiter.join(cells) for cells in lines)
    with TemporaryDirectory() as folder:
        name = "corpus.csv" if delimiter == "," else "corpus.tsv"
        check_table(folder, name, text.encode("utf-8", "surrogatepass"))


NAMED = ["path", "path", "path", "speaker", "emotion", "utterance", "start", "end", "valence", "text", "split", "x", ""]
COLUMNS = st.sampled_from(
    [
        st.just("a.wav"),
        st.sampled_from(["a.wav", "b.wav", "", ".", "a\0", None]),
        st.text(max_size=4),
        st.integers(-9, 1 << 40),
        st.floats(),
        st.booleans(),
        st.binary(max_size=4),
        st.lists(st.integers(0, 9), max_size=2),
        st.fixed_dictionaries({"a": st.integers(0, 9)}),
        st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),
        st.none(),
    ]
)


@pytest.mark.skipif(find_spec("pyarrow") is None, reason="pyarrow is not installed")
@many(250)
@given(st.data(), st.lists(st.sampled_from(NAMED), max_size=6), st.booleans())
def test_broken_parquet(data: st.DataObject, names: list[str], damaged: bool):
    """Columns of any type under any names, whole and with bytes of the file changed or cut off."""
    import pyarrow
    from pyarrow import parquet

    if data.draw(st.booleans()):
        names = ["path", "speaker", "emotion", *names]
    rows = data.draw(st.integers(0, 3))
    columns: list[Any] = [
        pyarrow.array(data.draw(st.lists(st.none() | data.draw(COLUMNS), min_size=rows, max_size=rows))) for _ in names
    ]
    file = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.Table.from_arrays(columns, names=names), file)
    content = bytearray(file.getvalue().to_pybytes())
    if damaged:
        for place, value in data.draw(st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)))):
            content[place] = value
        del content[data.draw(st.integers(len(content) // 2, len(content))) :]
    with TemporaryDirectory() as folder:
        check_table(folder, "corpus.parquet", bytes(content))


def test_good_trees_are_not_all_refused(tmp_path: Path):
    evaluation = b"[1 - 2]\tSes01F_impro01_F000\tneu\t[1, 2, 3]"
    content = {
        ".trans.txt": b"84-121123-0000 GO",
        "84-121123.alignment.txt": b'84-121123-0000 ",GO" "0.1,0.9"',
        "ravdess.alignment.txt": b'03-01-05-02-02-01-01 "GO" "0.9"',
        "crema_d.alignment.txt": b'1001_IEO_ANG_XX "GO" "0.9"',
        "tess.alignment.txt": b'OAF_back_fear "GO" "0.9"',
        "iemocap.alignment.txt": b'Ses01F_impro01_F000 "GO" "0.9"',
        "data.tsv": b"file_id\temotion\traw_text\tspeaker_id\tgender\nEB0_anger_1\tanger\tTak.\t  EB0\tfemale\n",
        "EmoEvaluation/Ses01F_impro01.txt": evaluation,
    }
    for layout in LAYOUTS:
        text = next((text for ending, text in content.items() if layout.endswith(ending)), b"")
        build(tmp_path, [(layout, "file", text)])
    expected = dict.fromkeys(set(CORPORA) - {"synthetic", "table", "folder", "audformat"}, 1)
    assert {name: load(name, tmp_path) for name in expected} == expected


def test_a_locked_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "wav").mkdir()
    scan = os.scandir

    def locked(folder: Path):
        if Path(folder).name == "wav":
            raise PermissionError(13, "Permission denied", str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", locked)
    for name in ("ravdess", "tess", "emodb", "crema_d", "speech_commands", "folder"):
        with pytest.raises(CorpusError, match=r"wav cannot be read \(Permission denied\)"):
            load_corpus(name, tmp_path)
