"""Recognisers as ONNX files, against PyTorch, and in a process that cannot import torch."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import soundfile
import torch
from typer.testing import CliRunner

from hamiltone.audio import FRAME_SAMPLES, cut_frames, load_audio
from hamiltone.cli import app
from hamiltone.networks import Derivatives, Ensemble, Recognizer, build_front, build_network, save_bundle
from hamiltone.service import Predictor, ServiceError, export_onnx
from hamiltone.settings import LogMelSettings, ResidualSettings

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "onnx_predict.py"
Maker = Callable[..., Recognizer]


def scores_of(path: Path, waveform: torch.Tensor, output: str = "scores") -> torch.Tensor:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run([output], {"waveform": waveform.numpy()})[0])


@pytest.fixture(scope="module")
def exported(recognizer_maker: Maker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = recognizer_maker(temperature=2.0, width=1 / 4, unsure_below=0.3)
    return export_onnx(model, tmp_path_factory.mktemp("onnx"), card="# A card\n", features=True)


@pytest.mark.parametrize("batch", [1, 5])
def test_real_clips_give_what_pytorch_gives(
    exported: Path, recognizer_maker: Maker, speech_data: Path, batch: int
) -> None:
    clips = sorted((speech_data / "ravdess").glob("Actor_0[1-5]/03-01-05-02-01-01-*.flac"))[:batch]
    frames = torch.from_numpy(np.stack([cut_frames(load_audio(clip))[0] for clip in clips]))
    model = recognizer_maker(temperature=2.0, width=1 / 4, unsure_below=0.3)
    with torch.no_grad():
        features = model.front(frames)
        expected = (model.network(features) / 2).softmax(dim=1)
    got = scores_of(exported, frames)
    assert expected.std() > 0.01
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(scores_of(exported, frames, "features"), features, atol=1e-4, rtol=0)


def test_a_real_network_upon_derivatives_with_time_reversed(recognizer_maker: Maker, tmp_path: Path) -> None:
    model = recognizer_maker("real", pool="adaptive", encoder=Derivatives(), time_reversed=True)
    waveform = torch.randn(3, FRAME_SAMPLES) * 0.1
    with torch.no_grad():
        expected = model(waveform).softmax(dim=1)
    save_bundle(model, tmp_path / "model")
    path = tmp_path / "folder" / "name.onnx"
    result = CliRunner().invoke(app, ["export", str(tmp_path / "model"), "--onnx", str(path)])
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"{path}: ")
    card = onnxruntime.InferenceSession(path).get_modelmeta().custom_metadata_map["card"]
    assert card == (tmp_path / "model" / "README.md").read_text()
    torch.testing.assert_close(scores_of(path, waveform), expected, atol=1e-4, rtol=0)


def test_an_ensemble_that_hears_at_several_speeds(tmp_path: Path) -> None:
    torch.manual_seed(0)
    front = build_front(LogMelSettings(bands=24))
    config = ResidualSettings(channels=(8,), stem=8, attention=8)
    members = [build_network(config, front.shape, 4) for _ in range(2)]
    groups = [[0, 1], [2], [3]]
    model = Recognizer(front, Ensemble.of(members, groups), ("a", "b", "c")).at_speeds([0.9, 1.0, 1.1])
    waveform = torch.randn(3, FRAME_SAMPLES) * torch.linspace(0.001, 0.1, FRAME_SAMPLES)
    with torch.no_grad():
        expected, in_place = model(waveform).softmax(dim=1), model.front.in_place(waveform)
    path = export_onnx(model, tmp_path, features=True)
    torch.testing.assert_close(scores_of(path, waveform), expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(scores_of(path, waveform, "features"), in_place, atol=2e-3, rtol=0)


def test_the_file_tells_about_itself_and_not_of_its_maker(exported: Path, recognizer_maker: Maker) -> None:
    model = onnx.load(exported)
    onnx.checker.check_model(model, full_check=True)
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(about["labels"]) == ["calm", "angry", "sad"]
    assert (about["sample_rate"], about["frame_samples"], about["least_samples"]) == ("16000", "64000", "16000")
    assert (about["temperature"], about["unsure_below"], about["card"]) == ("2.0", "0.3", "# A card\n")
    assert str(Path(torch.__file__).parent).encode() not in exported.read_bytes()
    assert b".py" not in exported.read_bytes()


def test_quaternion_weights_lie_in_it_once(exported: Path, recognizer_maker: Maker) -> None:
    weights = sum(parameter.nbytes for parameter in recognizer_maker(width=1 / 4).parameters())
    basis = 256 * 256 * 4
    assert exported.stat().st_size < 1.2 * (weights + basis)


def check_example(interpreter: list[str], exported: Path, maker: Maker, speech_data: Path) -> None:
    """The example names, in that interpreter, what the predictor names here."""
    originals = speech_data / "original-layout"
    recordings = [
        next((originals / "ravdess").rglob("*.wav")),
        next((originals / "fsdd").rglob("*.wav")),
        max((originals / "librispeech").rglob("*.flac"), key=lambda path: path.stat().st_size),
    ]
    sound, rate = soundfile.read(recordings[0])
    recordings.append(exported.with_name("opposite.wav"))
    soundfile.write(recordings[-1], np.stack([sound, -sound], axis=1), rate, subtype="FLOAT")
    run = [*interpreter, str(EXAMPLE), str(exported), *map(str, recordings)]
    assert subprocess.run(run, capture_output=True, check=False).returncode == 0
    run = [*interpreter, str(EXAMPLE), str(exported), str(EXAMPLE), *map(str, recordings)]
    result = subprocess.run(run, capture_output=True, text=True, check=False)
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr and str(EXAMPLE) in result.stderr  # no recording; the others go on
    usage = subprocess.run([*interpreter, str(EXAMPLE)], capture_output=True, text=True, check=False)
    assert usage.returncode == 1 and "python onnx_predict.py MODEL.onnx RECORDING..." in usage.stderr
    lines = result.stdout.splitlines()
    predictor = Predictor(maker(temperature=2.0, width=1 / 4, unsure_below=0.3))
    for recording, named, scores in zip(recordings, lines[::2], lines[1::2], strict=True):
        expected = predictor.predict(recording)
        assert named == f"{recording}: {expected.label}"
        assert json.loads(scores) == pytest.approx(expected.scores, abs=1e-4)


def test_the_example_needs_no_torch(exported: Path, recognizer_maker: Maker, speech_data: Path) -> None:
    blocked = "import runpy, sys; sys.modules['torch'] = None; sys.modules['hamiltone'] = None; "
    script = f"{blocked}sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    check_example([sys.executable, "-W", "error", "-c", script], exported, recognizer_maker, speech_data)


@pytest.mark.skipif("HAMILTONE_BARE_PYTHON" not in os.environ, reason="make onnx-example runs it with a bare Python")
def test_the_example_in_an_environment_of_its_own(exported: Path, recognizer_maker: Maker, speech_data: Path) -> None:
    python = os.environ["HAMILTONE_BARE_PYTHON"]
    find = "import sys; from importlib.util import find_spec; sys.exit(any(map(find_spec, ('torch', 'hamiltone'))))"
    assert subprocess.run([python, "-I", "-c", find], check=False).returncode == 0, f"{python} has torch or hamiltone"
    check_example([python, "-I", "-W", "error"], exported, recognizer_maker, speech_data)


def test_a_missing_extra_is_one_line(recognizer_maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ServiceError, match=r"onnxscript is missing.*hamiltone\[onnx\]"):
        export_onnx(recognizer_maker(), tmp_path)
    assert not list(tmp_path.iterdir())
