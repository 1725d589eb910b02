"""Settings, tables, splits and segments that nobody should have written: one line each, never a traceback."""

import contextlib
import io
import json
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from hamiltone.cli import main
from hamiltone.corpora import load_corpus, read_split, split_random
from hamiltone.errors import HamiltoneError
from hamiltone.files import content_key
from hamiltone.service._segments import read_segments
from hamiltone.settings import read_settings, read_toml
from tests.reliability._endurance import endure, is_clean, mutated

WORDS = [
    *(
        "",
        "nan",
        "-1",
        "0",
        "1e400",
        "1e308",
        "0x10",
        "9" * 400,
        "inf",
        "true",
        '"""',
        "'",
        "[",
        "]",
        "{",
        "}",
        "=",
        "\n",
    ),
    *("..", "../../../etc/passwd", "/etc/passwd", "/dev/null", "\x00", "\x1b[31m", "é", "高兴", "\ufeff", "\u2028"),
    *("\n", "a" * 3000, "[[" * 400, "1,5", "1.000,5", ";", ",", "\t", '"', "SPEAKER", "$HOME", "~", "%s", "{0}"),
]
SETTINGS = """
name = "fuzz"
out = "out"
threads = 1
[corpus]
name = "table"
root = "nowhere.csv"
[split]
kind = "actor"
fractions = [0.7, 0.2, 0.1]
[frames]
silent_peak = 0.005
[front]
kind = "spectrogram"
scale = "decibel"
[network]
kind = "vgg"
depth = 11
width = 0.125
[training]
epochs = 1
learning_rate = 1e-3
batch = 4
[augmentation]
speed = [0.9, 1.1]
"""
STUDY = """
name = "fuzz"
methods = ["none", "S"]
layers = [1, 2]
seeds = [0]
splits = [{ kind = "random", fractions = [0.7, 0.2, 0.1] }]
[corpora.table]
root = "nowhere.csv"
[run]
network = { depth = 11, width = 0.25 }
training = { epochs = 1, batch = 2 }
[word]
corpus = { name = "speech-commands", root = "nowhere" }
[networks.real]
run = { network = { algebra = "real" }, front = { kind = "spectrogram" } }
"""
TABLE = "path,speaker,emotion,start,end,valence\n" + "".join(
    f"{name}.wav,{speaker},{emotion},0.0,0.5,{mark}\n"
    for name, speaker, emotion, mark in (("a", "1", "sad", 2.5), ("b", "2", "happy", 3), ("c", "3", "sad", ""))
)
RTTM = "SPEAKER a 1 0.10 0.30 <NA> <NA> one <NA> <NA>\nSPEAKER a 1 0.20 0.25 <NA> <NA> two <NA> <NA>\n"
SEGMENTS = "recording;start;end;speaker\na;0,1;0,4;one\na;0.2;0.45;two\n"


def edited(text: str, random: random.Random) -> bytes:
    """A text with words put in, taken out or in the place of others; now and then with bytes that are none."""
    if random.random() < 0.15:
        return mutated(text.encode(random.choice(("utf-8", "utf-16", "utf-8-sig"))), random)
    for _ in range(random.choice((1, 1, 2, 3))):
        place = random.randrange(len(text) + 1)
        stop = min(len(text), place + random.choice((0, 0, 1, 3, 20)))
        if random.random() < 0.5:  # a whole value
            marks = [at for at, letter in enumerate(text) if letter in '=,;:"[ \n'] or [0]
            place = random.choice(marks) + 1
            stop = next((at for at in range(place, len(text)) if text[at] in ',;"]}\n'), len(text))
        text = text[:place] + random.choice(WORDS) + text[stop:]
    return text.encode(errors="surrogateescape")


def run(*arguments: str) -> str:
    """What the command does; a failure must be one line on standard error."""
    out, errors = io.StringIO(), io.StringIO()
    old, sys.argv = sys.argv, ["hamiltone", *arguments]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            main()
    except SystemExit as end:
        code = end.code or 0
    else:
        code = 0
    finally:
        sys.argv = old
    told = errors.getvalue()
    assert code in {0, 1, 2}, told
    if code == 2 and not told.startswith("Usage:"):
        lines = told.splitlines()
        assert lines, "nothing was said"
        assert lines[-1].startswith("hamiltone: "), told
        assert is_clean(lines[-1]), repr(told[:3000])
    return f"{arguments[0]} {code}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    for number, name in enumerate("abc"):
        soundfile.write(folder / f"{name}.wav", np.random.default_rng(number).normal(0, 0.1, 8000), 16000)
    (folder / "good.csv").write_text(TABLE)
    frame = pd.read_csv(folder / "good.csv", dtype={"speaker": str})
    frame.to_parquet(folder / "good.parquet", index=False)
    split_random(load_corpus("table", folder / "good.csv"), fractions=(0.4, 0.3, 0.3)).write(folder / "split.json")
    return folder


def tried(place: Path, work: Path) -> Callable[[random.Random], str]:
    parquet, split = (place / "good.parquet").read_bytes(), (place / "split.json").read_text()
    lines = str(pd.read_csv(place / "good.csv").to_json(orient="records", lines=True))

    def put(folder: Path, name: str, content: bytes) -> str:
        (folder / name).write_bytes(content)
        return str(folder / name)

    def once(random: random.Random) -> str:  # noqa: PLR0911
        os.chdir(work)
        match random.randrange(8):
            case 0:
                return run("train", put(work, "run.toml", edited(SETTINGS, random)), "--quiet")
            case 1:
                good = put(work, "good.toml", SETTINGS.encode())
                words = [word for word in WORDS if "\0" not in word]
                keys = ("training.epochs", "network.kind", "corpus", "split.fold", "front", "x", "", "out", "threads")
                given = [f"{random.choice(keys)}={random.choice(words)}", random.choice(words)]
                return run("train", good, "--quiet", *given[: random.randrange(1, 3)])
            case 2:
                return run("study", "plan", put(work, "study.toml", edited(STUDY, random)), "--out", "planned")
            case 3:
                name = random.choice(("t.csv", "t.tsv", "t.txt"))
                text = TABLE if name == "t.csv" else TABLE.replace(",", "\t")
                return run("corpus", "check", f"table={put(place, name, edited(text, random))}", "--quiet")
            case 4:
                return run("corpus", "check", f"table={put(place, 't.jsonl', edited(lines, random))}", "--quiet")
            case 5:
                content = mutated(parquet, random, head=len(parquet))
                return run("corpus", "check", f"table={put(place, 't.parquet', content)}", "--quiet")
            case 6:
                content = SETTINGS.replace("nowhere.csv", str(place / "good.csv"))
                content = content.replace(
                    'kind = "actor"', f'file = "{put(work, "s.json", changed_split(split, random))}"'
                )
                return run("train", put(work, "run.toml", content.encode()), "--quiet", "network.depth=12")
            case _:
                name, text = random.choice((("s.rttm", RTTM), ("s.csv", SEGMENTS)))
                file = put(work, name, edited(text, random))
                return run("predict", str(place / "a.wav"), "--segments", file, "--quiet", "--format", "csv")

    return once


def changed_split(split: str, random: random.Random) -> bytes:
    if random.random() < 0.5:
        return edited(split, random)
    content = json.loads(split)
    key = random.choice(list(content))
    content[key] = random.choice((None, 1, -1, "x", [], {}, [1], {"train": 1}, 1e308, "\ud800", [[1]], True))
    content.pop("hash", None)
    with contextlib.suppress(ValueError):
        content["hash"] = content_key(content)
    return json.dumps(content).encode()


def test_texts_that_nobody_should_write(place: Path, tmp_path: Path) -> None:
    ends = endure(range(120), tried(place, tmp_path), megabytes=2048)
    assert {"train 2", "study 2", "corpus 2", "predict 2"} <= set(ends)


@pytest.mark.soak
def test_5_000_texts_that_nobody_should_write(place: Path, tmp_path: Path, record_property) -> None:
    ends = endure(range(1000, 6000), tried(place, tmp_path), megabytes=2048)
    record_property("changed settings, tables, splits and segments", ends.total())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("start,end\n0,1e305\n", "'1e305' is no time in seconds"),
        (f"start,end,speaker\n0,1,{'x' * 200_000}\n", "field larger than field limit"),
        ("start,end\n\0,1\n", "is no time in seconds"),
    ],
)
def test_segments_beyond_all_bounds(place: Path, tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(HamiltoneError, match=told):
        read_segments(tmp_path / "s.csv", [place / "a.wav"])


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a" + ".a" * 5000 + " = 1", "a = " + "{a=" * 5000])
def test_settings_that_are_nested_without_end(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.toml").write_text(text)
    with pytest.raises(HamiltoneError):
        read_settings(tmp_path / "run.toml")
    with pytest.raises(HamiltoneError):
        read_toml(tmp_path / "none.toml", [text.replace(" = ", "=")])


@pytest.mark.parametrize(
    "changes",
    [
        {"corpus": ["x"]},
        {"seed": "0"},
        {"fold": 1.5},
        {"fractions": [0.1, "x"]},
        {"parts": {"train": "abc", "validation": [], "test": []}},
        {"parts": {"train": [1], "validation": [[]], "test": [None]}},
        {"stratify": 3},
        {"kind": None},
    ],
)
def test_a_split_of_other_kinds_of_values_is_none_though_its_hash_is_right(
    place: Path, tmp_path: Path, changes: dict[str, object]
) -> None:
    content = json.loads((place / "split.json").read_text()) | changes
    content.pop("hash")
    (tmp_path / "s.json").write_text(json.dumps(content | {"hash": content_key(content)}))
    with pytest.raises(HamiltoneError, match="is not a split"):
        read_split(tmp_path / "s.json")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"format": "hamiltone split 1", "seed": NaN}'])
def test_a_split_that_is_no_json_of_ours_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(HamiltoneError, match="is not a split"):
        read_split(tmp_path / "s.json")


def test_a_line_is_bounded_and_does_not_act_on_a_terminal() -> None:
    line = str(HamiltoneError("نمی\u200cخندم \x1b[2J\udce9\n" + "b" * 5000 + " do this"))
    assert line.startswith("نمی\u200cخندم \\x1b[2J\\udce9 bbb")
    assert line.endswith("b do this")
    assert len(line) < 1100
