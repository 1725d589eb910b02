"""corpus get and corpus align as a user meets them."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hamiltone.corpora import CORPORA, load_corpus

COMMAND = [
    sys.executable,
    "-c",
    # A process that was started in the background ignores SIGINT, and so would its children.
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "sys.argv[0] = 'hamiltone'; from hamiltone._command import main; main()",
]


def hamiltone(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )


def assert_refused(result: subprocess.CompletedProcess[str], *messages: str) -> None:
    assert result.returncode == 2, result.stderr
    assert all(message in result.stderr for message in messages), result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_the_licence_is_asked_for_and_without_a_terminal_it_is_one_line(tmp_path: Path):
    result = hamiltone("corpus", "get", "ravdess", "--out", tmp_path)
    assert_refused(result, "CC BY-NC-SA 4.0", "https://zenodo.org/records/1188976", "--accept-licence")
    assert list(tmp_path.iterdir()) == []


def asked(answer: bytes | None, *arguments: object) -> tuple[int, str, str]:
    """Exit code, output and errors of a command at a terminal that is answered so; None is Ctrl-C."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        os.close(theirs)
        assert process.stdout is not None
        shown = b""
        while b"accept the licence?" not in shown:
            block = os.read(process.stdout.fileno(), 1000)
            assert block, "it ended before it asked"
            shown += block
        if answer is None:
            process.send_signal(signal.SIGINT)
        else:
            os.write(ours, answer)
        try:
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()  # one that goes on would be waited for without end
    os.close(ours)
    return process.returncode, (shown + output).decode(), errors.decode()


def test_who_does_not_accept_the_licence_gets_one_line_and_no_bar(tmp_path: Path):
    code, output, errors = asked(b"n\n", "corpus", "get", "fsdd", "--out", tmp_path, "--mirror", "http://127.0.0.1:1/x")
    assert (code, errors) == (2, "hamiltone: fsdd: without its licence nothing is fetched\n")
    assert "from http://127.0.0.1:1/x/free-spoken-digit-dataset-1.0.9.tar.gz" in output
    assert "github.com/Jakobovski/free-spoken-digit-dataset/archive" not in output
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_at_the_question_ends_as_elsewhere(tmp_path: Path):
    code, _, errors = asked(None, "corpus", "get", "fsdd", "--out", tmp_path)
    assert (code, errors.strip()) == (130, "hamiltone: interrupted")


def test_what_was_there_already_and_is_not_whole_is_no_success(tmp_path: Path):
    recordings = tmp_path / "ravdess/Actor_01"
    recordings.mkdir(parents=True)
    (recordings / "03-01-01-01-01-01-01.wav").touch()
    result = hamiltone("corpus", "get", "ravdess", "--out", tmp_path, "--accept-licence")
    assert result.returncode == 1, result.stderr
    assert (
        f"{tmp_path / 'ravdess'} was there already and was not fetched, and it is not whole: 1 of 1440" in result.stdout
    )
    assert "remove it, or get the corpus into another folder (--out)" in result.stdout
    assert "all of it" not in result.stdout
    (recordings / "03-01-01-01-01-01-01.wav").unlink()
    result = hamiltone("corpus", "get", "ravdess", "--out", tmp_path, "--accept-licence")
    assert result.returncode == 1, result.stderr
    assert "it is not whole: no RAVDESS recordings below" in result.stdout


def test_align_writes_what_the_word_loader_reads(tmp_path: Path, speech_data: Path):
    pytest.importorskip("pocketsphinx")
    chapter = tmp_path / "LibriSpeech/test-other/533/1066"
    chapter.mkdir(parents=True)
    lines = (speech_data / "librispeech/LibriSpeech/test-other/533/1066/533-1066.trans.txt").read_text().splitlines()
    for line in lines[:2]:
        name = f"{line.split()[0]}.flac"
        (chapter / name).symlink_to(speech_data / "librispeech/LibriSpeech/test-other/533/1066" / name)
    (chapter / "533-1066.trans.txt").write_text("\n".join(lines[:2]))
    result = hamiltone("corpus", "align", f"librispeech={tmp_path}")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[0] == "librispeech: 2 of 2 utterances aligned (0 before)"
    assert result.stderr == ""
    spoken = [word.lower() for line in lines[:2] for word in line.split()[1:]]
    assert sorted(load_corpus("librispeech-words", tmp_path).table["word"]) == sorted(spoken)


def test_without_a_name_it_lists_what_there_is_and_whom_to_ask():
    result = hamiltone("corpus", "get")
    lines = dict(line.split(": ", 1) for line in result.stdout.splitlines())
    assert result.returncode == 0
    assert set(lines) == {name for name, corpus in CORPORA.items() if corpus.source is not None}
    assert lines["tess"] == "TESS, the Toronto emotional speech set (licence: CC BY-NC-ND 4.0, non-commercial)"
    assert "git clone" in lines["crema_d"]
