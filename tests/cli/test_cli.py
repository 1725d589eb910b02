"""The command line as a user meets it: exit codes, one line for a mistake, nothing half-written."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from typer.testing import CliRunner

from hamiltone import __version__
from hamiltone.cli import app
from hamiltone.cli._prediction_text import common_folder, print_prediction, print_predictions
from hamiltone.errors import HamiltoneError
from hamiltone.networks import Recognizer, RHEmoEncoder, RHEmoFront, load_recognizer, save_bundle, vgg
from hamiltone.service import FrameScores, Prediction
from hamiltone.speech import FRAME_SAMPLES, Spectrogram

CONFIG = """
name = "tiny"
out = "{out}"
device = "cpu"
threads = 1
[corpus]
name = "synthetic"
[front]
kind = "spectrogram"
scale = "decibel"
[network]
depth = 11
algebra = "real"
width = 0.03125
hidden = 8
[training]
epochs = 1
"""


def hamiltone(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv[0] = 'hamiltone'; from hamiltone._command import main; main()"]
        + [str(argument) for argument in arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        check=False,
    )


def assert_refused(result: subprocess.CompletedProcess[str], message: str) -> None:
    assert result.returncode == 2, result.stderr
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("hamiltone: ")
    assert result.stdout == ""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    front = RHEmoFront(Spectrogram(scale="decibel").fit([torch.randn(2, FRAME_SAMPLES)]), RHEmoEncoder())
    network = vgg(11, "quaternion", 3, width=1 / 16, hidden=8, input_shape=front.shape)
    folder = tmp_path_factory.mktemp("model") / "m"
    save_bundle(Recognizer(front, network, ["calm", "angry", "sad"]), folder)
    return folder


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise that comes and goes as syllables do, so that it may be speech."""
    path = tmp_path_factory.mktemp("speech") / "nine seconds.wav"
    noise = np.random.default_rng(0).normal(0, 0.1, (9 * 48000, 2))
    syllables = np.sin(2 * np.pi * 2 * np.arange(9 * 48000) / 48000) ** 2
    soundfile.write(path, noise * syllables[:, None], 48000)
    return path


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    script = (
        "import sys; from hamiltone.cli import app\n"
        "heavy = {'torch', 'numpy', 'pandas', 'scipy', 'matplotlib', 'accelerate', 'soundfile'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    result = hamiltone("--help")
    assert result.returncode == 0
    for verb in ("doctor", "pretrain", "train", "evaluate", "predict", "serve", "quickstart", "report"):
        assert verb in result.stdout


def test_completion_can_be_installed(tmp_path: Path) -> None:
    shell = {"HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = hamiltone("--install-completion", "bash", **shell)
    assert done.returncode == 0, done.stderr
    (script,) = tmp_path.rglob("hamiltone.sh")
    assert "_HAMILTONE_COMPLETE=complete_bash" in script.read_text()
    asked = {"_HAMILTONE_COMPLETE": "complete_bash", "COMP_WORDS": "hamiltone pred", "COMP_CWORD": "1"}
    assert hamiltone(**asked).stdout.split() == ["predict"]


def test_version_and_doctor(tmp_path: Path) -> None:
    assert hamiltone("--version").stdout.strip().count(".") == 2
    result = hamiltone("doctor", HAMILTONE_CACHE=str(tmp_path))
    assert result.returncode == 0
    assert "torch" in result.stdout
    assert str(tmp_path) in result.stdout


def test_predict_tells_one_recording_over_time(model: Path, speech: Path) -> None:
    result = hamiltone("predict", speech, "--model", model)
    assert result.returncode == 0, result.stderr
    first, *lines = result.stdout.splitlines()
    assert first.startswith(f"{speech}: ")
    stretches = [line.split() for line in lines if " to " in line]
    assert (stretches[0][0], stretches[-1][2]) == ("0.0", "9.0")
    assert all(one[2] == other[0] for one, other in pairwise(stretches))


def test_predict_lists_a_folder_and_writes_its_table(model: Path, speech: Path, tmp_path: Path) -> None:
    table = tmp_path / "x.csv"
    result = hamiltone("predict", speech.parent, speech, "--model", model, "--csv", table, "--hop", "2")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert result.stdout.count(speech.name) == 2
    lines = table.read_text().splitlines()
    assert len(lines) == 1 + 2 * (1 + 4)  # windows at 0, 2, 4 and 6 s
    assert lines[0].endswith("score_calm,score_angry,score_sad,notes")


def test_a_table_that_cannot_be_written_is_told_before_anything_is_heard(
    model: Path, speech: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    arguments = ["predict", str(speech), "--model", str(model), "--csv", str(tmp_path / "file" / "x.csv")]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, HamiltoneError)
    assert result.stdout == ""


def test_names_are_not_cut_short_and_tell_where_files_lie(model: Path, speech: Path, tmp_path: Path) -> None:
    long = tmp_path / f"{'x' * 150}.wav"
    long.symlink_to(speech)
    result = CliRunner().invoke(app, ["predict", str(long), str(speech), "--model", str(model)])
    assert result.stdout.count("x") >= 150
    assert common_folder([Path("/home/a/x.wav"), Path("/home/a/b/y.wav")]) == Path("/home/a")
    assert common_folder([Path("/home/a/x.wav"), Path("/data/y.wav")]) is None


def test_a_recording_of_many_short_stretches_does_not_fill_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    scores = {"sad": {"sad": 1.0, "happy": 0.0}, "happy": {"sad": 0.0, "happy": 1.0}}
    labels = ["sad", "happy"] * 50
    frames = tuple(FrameScores(float(start), start + 4.0, label, scores[label]) for start, label in enumerate(labels))
    print_prediction(Prediction("x.wav", None, 0.0, 103.0, "sad", {"sad": 0.5, "happy": 0.5}, frames, ()))
    lines = capsys.readouterr().out.splitlines()
    assert "mean score of the windows" in lines[3]
    assert lines[4].split() == ["0.0", "to", "1.0", "s", "sad", "(100", "%)"]
    assert (len(lines), lines[-1].strip()) == (35, "and 70 more; --csv FILE and --json have all windows")


def test_of_whole_recordings_the_table_has_the_length_and_of_segments_the_place(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def heard(name: str, start: float, end: float, speaker: str | None, *, whole: bool = False) -> Prediction:
        frames = (FrameScores(start, end, "sad", {"sad": 0.9, "happy": 0.1}),)
        return Prediction(str(tmp_path / name), speaker, start, end, "sad", frames[0].scores, frames, (), whole)

    print_predictions([heard("a.wav", 0.0, 2.5, "voice 1", whole=True), heard("b.wav", 0.0, 3.5, None, whole=True)])
    assert " to " not in (out := capsys.readouterr().out)
    assert "2.5" in out and "3.5" in out
    for segments in (
        [heard("a.wav", 0.0, 2.5, None), heard("a.wav", 0.0, 3.5, None)],
        [heard("a.wav", 0.0, 2.5, None), heard("b.wav", 1.0, 3.5, None)],
    ):
        print_predictions(segments)
        out = capsys.readouterr().out
        assert "0.0 to 2.5" in out and f"{segments[1].start:.1f} to 3.5" in out


def test_hardly_any_sound_is_noted(model: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "click.wav", np.random.default_rng(0).normal(0, 0.1, 480), 16000)
    result = hamiltone("predict", tmp_path / "click.wav", "--model", model)
    assert result.returncode == 0
    assert result.stderr == f"note: {tmp_path / 'click.wav'}: only 0.03 s of sound: too short to mean much\n"


def test_a_name_that_is_no_text_is_shown_as_far_as_it_goes(model: Path, speech: Path, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"odd-\xff.wav")
    try:
        odd.symlink_to(speech)
    except OSError:
        pytest.skip("this system's names are text")
    result = hamiltone("predict", odd, "--model", model, "--csv", tmp_path / "x.csv", PYTHONIOENCODING="ascii")
    assert result.returncode == 0, result.stderr
    assert "odd-\\udcff.wav: " in result.stdout
    assert (tmp_path / "x.csv").read_bytes().count(b"/odd-\xff.wav,") == 1 + 6


def test_a_limit_without_end_is_refused(model: Path) -> None:
    result = CliRunner().invoke(app, ["serve", "--model", str(model), "--timeout", "inf"])
    assert isinstance(result.exception, HamiltoneError)
    assert "timeout" in str(result.exception)


def test_info_and_export(model: Path, tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["info", str(model)])
    assert shown.exit_code == 0, shown.output
    assert "algebra quaternion" in shown.output
    about = json.loads(CliRunner().invoke(app, ["info", str(model), "--json"]).output)
    assert about["labels"] == ["calm", "angry", "sad"]
    exported = CliRunner().invoke(app, ["export", str(model), "--hub", str(tmp_path / "hub")])
    assert exported.exit_code == 0, exported.output
    assert load_recognizer(tmp_path / "hub").labels == ("calm", "angry", "sad")
    assert_refused(hamiltone("export", model), "name --onnx, --hub, --page or --to")
    (tmp_path / "file").touch()
    for target in ("--hub", "--onnx", "--page"):  # before anything is computed or fetched
        result = CliRunner().invoke(app, ["export", str(model), target, str(tmp_path / "file" / "x.onnx")])
        assert isinstance(result.exception, HamiltoneError)
        assert str(result.exception).startswith(f"{tmp_path / 'file'}: is a file, so that ")


def test_an_export_into_a_locked_folder_names_it(plain_user: Path) -> None:
    (plain_user / "locked").mkdir(mode=0o500)
    for target in ("--hub", "--onnx", "--page"):
        result = CliRunner().invoke(app, ["export", "four", target, str(plain_user / "locked" / "x")])
        assert str(result.exception).startswith(f"{plain_user / 'locked'}: may not be written; name another place")


def test_who_uses_a_model_is_told_its_licence(model: Path, tmp_path: Path) -> None:
    licensed = tmp_path / "model"
    save_bundle(load_recognizer(model), licensed, licence="For non-commercial use only.\n\nMore.\n")
    config = tmp_path / "run.toml"
    config.write_text(CONFIG.format(out=tmp_path / "out"))
    for command in (
        ["evaluate", config, "--model", licensed],
        ["calibrate", config, "--model", licensed, "--out", tmp_path / "calibrated"],
        ["export", licensed, "--hub", tmp_path / "hub"],
    ):
        result = CliRunner().invoke(app, list(map(str, command)))
        assert result.stderr.startswith("note: For non-commercial use only.\n"), command


def test_predict_json(model: Path, speech: Path) -> None:
    (prediction,) = json.loads(hamiltone("predict", speech, "--model", model, "--json", "--hop", "4").stdout)
    assert prediction["label"] == max(prediction["scores"], key=prediction["scores"].get)
    assert [(frame["start"], frame["end"]) for frame in prediction["frames"]] == [(0, 4), (4, 8), (8, 9)]
    for label, score in prediction["scores"].items():
        assert score == pytest.approx(np.mean([frame["scores"][label] for frame in prediction["frames"]]), abs=1e-6)
    assert sum(prediction["scores"].values()) == pytest.approx(1)


def test_a_bad_file_is_one_line_and_the_others_go_on(model: Path, speech: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("not sound")
    (tmp_path / "cut.wav").write_bytes(speech.read_bytes()[:5000])
    soundfile.write(tmp_path / "silent.wav", np.zeros(16000), 16000)
    nan = np.full(16000, np.nan, dtype=np.float32)
    soundfile.write(tmp_path / "nan.wav", nan, 16000, subtype="FLOAT")
    bad = [tmp_path / name for name in ("none.wav", "empty.wav", "text.wav", "cut.wav", "silent.wav", "nan.wav")]
    result = hamiltone("predict", *bad, speech, "--model", model)
    assert result.returncode == 2
    errors = result.stderr.splitlines()
    assert len(errors) == len(bad)
    for path, line in zip(bad, errors, strict=True):
        assert line.startswith("hamiltone: ")
        assert str(path) in line
    assert speech.name in result.stdout


def test_mistakes_are_one_line_and_leave_nothing(model: Path, speech: Path, tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text(CONFIG.format(out=tmp_path / "out"))
    before = sorted(tmp_path.rglob("*"))
    assert_refused(hamiltone("train", tmp_path / "none.toml"), "no such settings file")
    assert_refused(hamiltone("train", config, "training.epohs=3"), "did you mean epochs?")
    assert_refused(hamiltone("train", config, "task=word"), "use hamiltone pretrain")
    assert_refused(hamiltone("pretrain", config), "use hamiltone train")
    assert_refused(hamiltone("train", config, "corpus.name=ravdes"), "ravdess")
    assert_refused(hamiltone("train", config, "corpus.name=ravdess", "corpus.root=/no/such"), "/no/such")
    assert_refused(hamiltone("predict", speech, "--model", tmp_path), "no model here")
    assert_refused(hamiltone("evaluate", config, "--model", model), "does not know the corpus's classes")
    assert_refused(hamiltone("evaluate", config, "--model", "five"), "or the package's four or eight")
    assert hamiltone("evaluate", config, "--model", "four").returncode == 0
    assert_refused(hamiltone("predict", ""), "an argument is empty")
    assert_refused(hamiltone("report", tmp_path), "record.json")
    assert_refused(hamiltone("predict", "--model", model), "predict what?")
    assert_refused(hamiltone("predict", speech, "--live"), "--live hears the microphone alone")
    assert_refused(hamiltone("predict", speech, "--out", tmp_path), "--out DIR is for --format audacity")
    assert sorted(path for path in tmp_path.rglob("*") if not path.name.startswith(".")) == before


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    config = tmp_path / "run.toml"
    config.write_text(CONFIG.format(out=tmp_path / "file" / "out"))
    assert_refused(hamiltone("train", config), "file")
    assert_refused(hamiltone("train", config, f"out={tmp_path / 'file'}"), f"{tmp_path / 'file'}: is a file, so that")


def test_train_evaluate_report(tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text(CONFIG.format(out=tmp_path / "runs" / "tiny"))
    trained = hamiltone("train", config)
    assert trained.returncode == 0, trained.stderr
    assert "synthetic voices" in trained.stdout
    assert "not estimable (1 speaker)" in trained.stdout
    assert "epoch 1" in trained.stderr
    evaluated = hamiltone("evaluate", config, "--model", tmp_path / "runs" / "tiny" / "model", "--json")
    record = json.loads((tmp_path / "runs" / "tiny" / "record.json").read_text())
    assert json.loads(evaluated.stdout)["test"] == record["test"]
    assert record["command"].startswith("hamiltone train")
    run = tmp_path / "runs" / "tiny"
    calibrated = hamiltone(
        "calibrate", run / "settings.toml", "--model", run / "model", "--out", run / "calibrated", "--quiet", "--json"
    )
    assert calibrated.returncode == 0, calibrated.stderr
    told = json.loads(calibrated.stdout)
    assert told["after"]["ece"] >= 0
    assert load_recognizer(run / "calibrated").temperature == told["temperature"]
    reported = hamiltone("report", tmp_path / "runs", MPLBACKEND="module://no_such_package.backend_inline")
    assert reported.returncode == 0, reported.stderr
    assert (tmp_path / "runs" / "report.html").is_file()
    assert "| tiny" in reported.stdout
    split = record["split"]
    assert f"\nProtocol of synthetic, {split['kind']} split: {split['protocol']}.\n" in reported.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("package", ["typer", "numpy", "torch"])
def test_an_interruption_is_one_line_even_during_imports(package: str, number: int, tmp_path: Path) -> None:
    # The signal comes when a package begins to be imported, whichever moment of the command that is.
    script = f"""
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
class Signal:
    def find_spec(self, name, path=None, target=None):
        if name == {package!r}:
            os.kill(os.getpid(), {int(number)})
sys.meta_path.insert(0, Signal())
from hamiltone._command import main; main()
"""
    command = [sys.executable, "-c", script, "predict", str(tmp_path / "none.wav")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "hamiltone: interrupted\n")


def test_the_module_is_the_command_too() -> None:
    done = subprocess.run([sys.executable, "-m", "hamiltone", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, __version__)


def test_an_interruption_says_how_to_go_on(tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text(CONFIG.format(out=tmp_path / "out").replace("epochs = 1", "epochs = 500"))
    # A process that was started in the background ignores SIGINT, and so would its children.
    script = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from hamiltone._command import main; main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, "train", str(config)],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not any((tmp_path / "out" / "checkpoint").glob("state-*")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(2)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "hamiltone: interrupted; the same command goes on from the last checkpoint"
    assert "Traceback" not in errors
