"""The verbs that look at corpora: tables, JSON, exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from typer.testing import CliRunner, Result

from hamiltone.cli import app
from hamiltone.corpora import Split, load_corpus

SETTINGS = """
name = "tiny"
out = "{folder}/out"
[corpus]
name = "table"
root = "{folder}/corpus.csv"
[split]
file = "{folder}/split.json"
[front]
kind = "spectrogram"
"""


def hamiltone(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "120"})


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Nine recordings by three speakers, and settings that part them by speaker."""
    rows, parts = ["path,speaker,emotion,text"], {}
    for number in range(9):
        noise = np.random.default_rng(number).normal(0, 0.1, 12000)
        soundfile.write(tmp_path / f"{number}.wav", noise, 16000)
        rows.append(f"{number}.wav,{number // 3},{'joy' if number % 2 else 'fear'},Sentence {number % 3}.")
        parts.setdefault(("train", "validation", "test")[number // 3], []).append(f"{number}.wav")
    (tmp_path / "corpus.csv").write_text("\n".join(rows))
    Split("table", "actor", 0, {part: tuple(names) for part, names in parts.items()}).write(tmp_path / "split.json")
    (tmp_path / "run.toml").write_text(SETTINGS.format(folder=tmp_path))
    return tmp_path


def test_a_sound_corpus(corpus: Path) -> None:
    result = hamiltone("corpus", "check", f"table={corpus / 'corpus.csv'}")
    assert result.exit_code == 0, result.output
    assert "found: 9 clips, 0.00 h; recordings: 9 at 16000 Hz" in result.output
    assert "nothing is missing, and all can be read" in result.output
    rows = {tuple(line.replace("│", " ").split()) for line in result.output.splitlines()}
    assert {("joy", "4"), ("fear", "5"), ("0", "3"), ("all", "9")} <= rows


def test_what_is_wrong_is_told_and_the_exit_code_says_so(corpus: Path) -> None:
    (corpus / "3.wav").write_text("no audio")
    (corpus / "4.wav").write_bytes((corpus / "5.wav").read_bytes())
    result = hamiltone("corpus", "check", f"table={corpus / 'corpus.csv'}")
    assert result.exit_code == 1
    assert "3.wav: is no audio file" in result.output
    assert "5.wav: the same sound as 4.wav" in result.output
    told = json.loads(hamiltone("corpus", "check", f"table={corpus / 'corpus.csv'}", "--json").output)
    assert [(problem["kind"], problem["name"]) for problem in told["problems"]] == [
        ("unreadable", "3.wav"),
        ("duplicate", "5.wav"),
    ]
    assert told["sound"] is False


def test_a_folder_without_speakers_says_so(corpus: Path) -> None:
    (corpus / "joy").mkdir()
    for number in range(2):
        (corpus / f"{number}.wav").rename(corpus / f"joy/{number}.wav")
    for path in corpus.glob("*.wav"):
        path.unlink()
    result = hamiltone("corpus", "check", f"folder={corpus}")
    assert (
        "problem: no recording has a speaker: a run cannot split by speaker; give corpus.options.speaker"
        in result.output
    )


def test_a_part_is_missing_something(speech_data: Path) -> None:
    result = hamiltone("corpus", "check", f"emodb={speech_data / 'original-layout' / 'emodb'}")
    assert result.exit_code == 1
    assert "missing: 528 of 535 clips (there are 7)" in result.output
    assert "expected: wav/SSsssEv.wav or .flac" in result.output


@pytest.mark.parametrize("verb", ["check", "align"])
def test_a_root_alone_is_told_what_it_lacks(corpus: Path, verb: str) -> None:
    told = str(hamiltone("corpus", verb, corpus).exception)
    assert told == f"{corpus}: has no corpus' name before it; write NAME=ROOT, as ravdess={corpus}"


def test_an_audit_without_leaks(corpus: Path) -> None:
    result = hamiltone("corpus", "audit", corpus / "run.toml")
    assert result.exit_code == 0, result.output
    assert "protocol: speaker-independent, not text-independent: of 1 test speaker, 0 in training" in result.output
    assert "no audio is in two parts" in result.output
    told = json.loads(hamiltone("corpus", "audit", corpus / "run.toml", "--json").output)
    assert (told["leaking"], told["leaks"], told["speaker_independent"]) == (False, [], True)
    assert told["shared_texts"]["train and test"] == ["sentence 0", "sentence 1", "sentence 2"]


def test_an_audit_does_not_know_sentences_that_nobody_tells(corpus: Path) -> None:
    table = pd.read_csv(corpus / "corpus.csv", dtype=str).drop(columns="text")
    table.to_csv(corpus / "corpus.csv", index=False)
    result = hamiltone("corpus", "audit", corpus / "run.toml")
    assert result.exit_code == 0, result.output
    assert result.output.count("not known") >= 3
    told = json.loads(hamiltone("corpus", "audit", corpus / "run.toml", "--json").output)
    assert told["shared_texts"]["train and test"] is None
    assert told["shared_speakers"]["train and test"] == []


def test_an_audit_tells_classes_that_training_does_not_hear(corpus: Path) -> None:
    table = (corpus / "corpus.csv").read_text(encoding="utf-8")
    (corpus / "corpus.csv").write_text(table.replace("7.wav,2,joy", "7.wav,2,calm"), encoding="utf-8")
    result = hamiltone("corpus", "audit", corpus / "run.toml")
    assert "note: emotion 'calm' is not in the training part (1 recording in test), and cannot be" in result.output
    check = hamiltone("corpus", "check", f"table={corpus / 'corpus.csv'}")
    assert "problem: emotion 'calm' stands in one recording\n" in check.output


def test_an_audit_names_the_scheme_of_the_split(corpus: Path) -> None:
    (corpus / "run.toml").write_text(SETTINGS.format(folder=corpus).replace("file =", "# file ="))
    for kind, told in (("leave-one-out", "actor split, leave-one-out "), ("actor", "actor split ")):
        result = hamiltone(
            "corpus", "audit", corpus / "run.toml", f"split.kind={kind}", "split.fractions=[0.4,0.3,0.3]"
        )
        assert f"table, {told}" in result.output
        assert ("leave-one-out" in result.output) == (kind == "leave-one-out")


def test_an_audit_finds_a_copy_that_is_softer(corpus: Path) -> None:
    samples, _ = soundfile.read(corpus / "1.wav")
    soundfile.write(corpus / "7.wav", 0.5 * samples, 16000, subtype="FLOAT")
    result = hamiltone("corpus", "audit", corpus / "run.toml")
    assert result.exit_code == 1
    assert "leak: 1.wav (train) and 7.wav (test) have the same audio (0 % of their bits differ, +0 ms)" in result.output
    assert "audio leaks between the parts" in result.output


def test_the_name_alone_is_a_corpus_that_needs_no_folder() -> None:
    pytest.importorskip("espeakng_loader")
    assert load_corpus("synthetic")
    result = hamiltone("corpus", "check", "synthetic", "--json")
    assert result.exit_code == 0
    assert json.loads(result.output)["clips"] == {"found": 512, "published": None}


def test_an_extension_with_the_name_of_a_corpus_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from hamiltone.corpora import Corpus, register_corpus\nregister_corpus(Corpus('ravdess', print, 'a tree'))\n"
    )
    environment = os.environ | {"HAMILTONE_EXTENSIONS": str(tmp_path / "mine.py")}
    command = [sys.executable, "-m", "hamiltone", "corpus", "check", f"ravdess={tmp_path}"]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    told = f"HAMILTONE_EXTENSIONS: {tmp_path / 'mine.py'}: there is a corpus 'ravdess' already"
    assert done.stderr.startswith(f"hamiltone: {told}")
    assert len(done.stderr.splitlines()) == 1
