"""What docs/extending.md adds: trained, probed, reported, asked and exported by the commands, as users do it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hamiltone.audio import FRAME_SAMPLES
from hamiltone.records import read_record

EXAMPLES = Path(__file__).parents[1] / "examples" / "extending"
FILES = [EXAMPLES / f"{name}.py" for name in ("corpus", "network", "front", "aggregation", "export")]
COMMAND = "import sys; sys.argv[0] = 'hamiltone'; from hamiltone._command import main; main()"
SETTINGS = """
name = "extended"
out = "{out}"
threads = 1
device = "cpu"
corpus = {{ name = "four_moods", root = "{clips}" }}
split = {{ kind = "random", fractions = [0.5, 0.25, 0.25] }}
front = {{ kind = "four-bands", times = 32 }}
network = {{ kind = "plain-cnn", channels = 8 }}
training = {{ epochs = 2, batch = 8, learning_rate = 1e-3 }}
"""


def hamiltone(*arguments: object, extensions: list[Path] = FILES) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"HAMILTONE_EXTENSIONS": os.pathsep.join(map(str, extensions))}
    command = [sys.executable, "-c", COMMAND, *map(str, arguments)]
    return subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A speaker run and a recogniser with anti-transfer upon it, all of added parts."""
    folder = tmp_path_factory.mktemp("extended")
    clips, files = folder / "clips", {}
    subprocess.run([sys.executable, EXAMPLES / "corpus.py", clips], check=True, capture_output=True)
    for name in ("speaker", "emotion"):
        files[name] = folder / f"{name}.toml"
        files[name].write_text(SETTINGS.format(out=folder / "runs" / name, clips=clips))
    split = 'split = {kind = "random", fractions = [0.5, 0.25, 0.25]}'
    there = f'{{corpus = {{name = "four_moods", root = "{clips}"}}, {split}}}'
    made = hamiltone("pretrain", files["speaker"], "task=speaker", f"front.statistics={there}", "--quiet")
    assert made.returncode == 0, made.stderr
    term = (
        f"anti_transfer={{orthogonal = {json.dumps(str(folder / 'runs' / 'speaker'))}, layers = [1, 2], "
        'aggregation = "deviation"}'
    )
    made = hamiltone("train", files["emotion"], term, 'leaks="report"', "--quiet")
    assert made.returncode == 0, made.stderr
    return folder / "runs"


def test_the_record_names_all_that_was_added(runs: Path) -> None:
    record = read_record(runs / "emotion")
    assert record.corpus.name == "four_moods"
    assert (record.method, record.layers) == ("single S", (1, 2))
    assert all(0 < epoch.train["anti_transfer"] <= 2 for epoch in record.epochs)
    assert record.settings["network"] == {"kind": "plain-cnn", "algebra": "quaternion", "channels": 8}
    assert {f"extension {file.name}" for file in FILES} <= record.versions.keys()


def test_its_layers_are_probed_and_reported(runs: Path) -> None:
    probed = hamiltone("probe", runs / "emotion", "--quiet", "--json")
    assert probed.returncode == 0, probed.stderr
    layers = json.loads(probed.stdout)["layers"]
    assert [(layer["name"], layer["kind"]) for layer in layers] == [
        ("first", "convolution"),
        ("second", "convolution"),
        ("scores", "last hidden"),
    ]
    reported = hamiltone("report", runs, extensions=[])  # a report needs none of the code
    assert reported.returncode == 0, reported.stderr
    assert "single S" in reported.stdout


def test_it_hears_recordings_and_is_exported(runs: Path, tmp_path: Path) -> None:
    clip = next((runs.parent / "clips").rglob("*.wav"))
    heard = hamiltone("predict", clip, "--model", runs / "emotion" / "model", "--json")
    assert heard.returncode == 0, heard.stderr
    (prediction,) = json.loads(heard.stdout)
    assert set(prediction["scores"]) == {"glad", "cross", "low", "even"}
    exported = hamiltone("export", runs / "emotion" / "model", "--to", f"pt2={tmp_path / 'emotion.pt2'}")
    assert exported.returncode == 0, exported.stderr
    program = torch.export.load(tmp_path / "emotion.pt2").module()
    assert program(torch.zeros(3, FRAME_SAMPLES)).shape == (3, 4)


def test_without_the_file_the_line_says_what_is_missing(runs: Path) -> None:
    clip = next((runs.parent / "clips").rglob("*.wav"))
    heard = hamiltone("predict", clip, "--model", runs / "emotion" / "model", extensions=[])
    assert heard.returncode == 2
    assert "HAMILTONE_EXTENSIONS" in heard.stderr
    assert len(heard.stderr.strip().splitlines()) == 1
    planned = hamiltone("settings", "network", extensions=[EXAMPLES / "network.py"])
    assert "network.channels" in planned.stdout
    missing = hamiltone("settings", extensions=[EXAMPLES / "nothing.py"])
    assert (missing.returncode, len(missing.stderr.strip().splitlines())) == (2, 1)


def test_unknown_kinds_are_told_with_those_that_there_are(runs: Path) -> None:
    settings = runs.parent / "emotion.toml"
    for override, told in (
        ("network={kind = 'plain-cmm'}", "network: kind 'plain-cmm' is none of"),
        ("network={kind = 'plain-cnn', chanels = 8}", "unknown key network.chanels; did you mean channels?"),
        ("front={kind = 'five-bands'}", "front: kind 'five-bands' is none of"),
        ("corpus.name=five_moods", "five_moods"),
        ("network={kind = 'plain-cnn', channels = 6}", "multiples of 4 are needed"),
    ):
        refused = hamiltone("train", settings, override, f"out={runs / 'none'}")
        assert refused.returncode == 2, refused.stderr
        assert told in refused.stderr.strip().splitlines()[-1]


def test_what_was_stored_by_other_code_is_not_taken(runs: Path, tmp_path: Path) -> None:
    """The same settings with an edited front learn from what the edited one makes."""
    edited = tmp_path / "front.py"
    edited.write_text((EXAMPLES / "front.py").read_text().replace("return matrix.", "return 0 * matrix."))
    files = [edited if file.name == "front.py" else file for file in FILES]
    settings, out = runs.parent / "speaker.toml", tmp_path / "again"
    made = hamiltone("train", settings, "task=emotion", f"out={out}", "--quiet", extensions=files)
    assert made.returncode == 0, made.stderr
    edited_losses = [epoch.train["loss"] for epoch in read_record(out).epochs]
    made = hamiltone("train", settings, "task=emotion", f"out={tmp_path / 'plain'}", "--quiet")
    assert made.returncode == 0, made.stderr
    assert edited_losses != [epoch.train["loss"] for epoch in read_record(tmp_path / "plain").epochs]


@pytest.mark.parametrize(
    ("file", "before", "after", "told"),
    [
        ("network", "super().__init__(", "self.nothing = {}['width']\n        super().__init__(", "KeyError: 'width'"),
        (
            "corpus",
            "    return Utterances",
            "    {}['who']\n    return Utterances",
            "load_four_moods fails: KeyError: 'who'",
        ),
        ("corpus", "    return Utterances", "    return None\n    Utterances", "load_four_moods gives NoneType"),
    ],
)
def test_mistakes_in_added_code_are_told_in_one_line(
    runs: Path, tmp_path: Path, file: str, before: str, after: str, told: str
) -> None:
    source = (EXAMPLES / f"{file}.py").read_text()
    assert before in source
    wrong = tmp_path / f"{file}.py"
    wrong.write_text(source.replace(before, after, 1))
    files = [wrong if one.name == wrong.name else one for one in FILES]
    refused = hamiltone("train", runs.parent / "emotion.toml", f"out={tmp_path / 'no'}", extensions=files)
    assert refused.returncode == 2, refused.stderr
    assert told in refused.stderr.strip().splitlines()[-1]
    assert "Traceback" not in refused.stderr


def test_a_file_named_twice_is_one_and_a_folder_is_none(tmp_path: Path) -> None:
    twice = hamiltone("settings", "network", extensions=[EXAMPLES / "network.py", EXAMPLES / "network.py"])
    assert twice.returncode == 0, twice.stderr
    folder = hamiltone("settings", "network", extensions=[tmp_path])
    assert (folder.returncode, "is a folder" in folder.stderr) == (2, True)


def test_an_installed_extension_may_have_the_name_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where it is installed from the very folder that the command is given in."""
    (tmp_path / "installed").mkdir()
    (tmp_path / "installed" / "my_moods.py").write_text((EXAMPLES / "network.py").read_text())
    (tmp_path / "work" / "my_moods").mkdir(parents=True)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'installed'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.chdir(tmp_path / "work")
    told = hamiltone("settings", "network", extensions=[Path("my_moods")])
    assert told.returncode == 0, told.stderr
    assert "plain-cnn" in told.stdout


def test_layers_that_the_settings_name_wrongly_are_refused(runs: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "network.py"
    wrong.write_text((EXAMPLES / "network.py").read_text().replace('("first", "second")', '("second", "first")'))
    files = [wrong if file.name == "network.py" else file for file in FILES]
    refused = hamiltone("train", runs.parent / "emotion.toml", f"out={tmp_path / 'no'}", extensions=files)
    assert refused.returncode == 2
    assert "has the convolutions first, second, but its settings name second, first" in refused.stderr


def test_code_of_an_extension_that_fails_is_one_line_that_names_it(runs: Path, tmp_path: Path) -> None:
    model, broken = runs / "emotion" / "model", tmp_path / "broken.py"
    broken.write_text(
        "from hamiltone.service import register_export\n"
        "def to_nowhere(model, place):\n    raise RuntimeError('no way\\nat all')\n"
        "register_export('nowhere', to_nowhere)\n"
    )
    refused = hamiltone("export", model, "--to", "nowhere=x", extensions=[*FILES, broken])
    assert refused.returncode == 2
    told = "hamiltone: --to nowhere=x: the export to_nowhere fails: RuntimeError: no way"
    assert refused.stderr.strip().splitlines()[-1] == told
    masks = hamiltone("train", runs.parent / "emotion.toml", "augmentation.time_masks=1", f"out={tmp_path / 'no'}")
    assert masks.returncode == 2
    assert "front.kind four-bands (FourBands: this front has no spectrogram" in masks.stderr.strip().splitlines()[-1]
