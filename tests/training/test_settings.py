import tomllib
from pathlib import Path

import pytest
import tomli_w

from hamiltone.settings import VGGSettings
from hamiltone.training import RunSettings, SettingsError, read_settings

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
MINIMAL = 'name = "a"\nout = "runs/a"\n[corpus]\nname = "synthetic"\n[front]\nkind = "spectrogram"\n'


@pytest.fixture
def write(tmp_path: Path):
    def write_file(text: str, name: str = "run.toml") -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write_file


def test_the_defaults_are_the_papers(write) -> None:
    settings = read_settings(write(MINIMAL))
    training = settings.training
    assert (training.learning_rate, training.batch, training.epochs, training.patience) == (1e-5, 20, 500, 20)
    assert isinstance(settings.network, VGGSettings)
    assert (settings.network.depth, settings.network.width, settings.network.algebra) == (16, 1.0, "quaternion")
    assert settings.split.fractions == (0.7, 0.2, 0.1)
    assert training.monitor == "cross_entropy"
    assert settings.frames.silent_peak == 0.0005
    assert not settings.front.trainable
    assert settings.split_kind == "actor"
    assert read_settings(write(MINIMAL), ["task=word"]).split_kind == "random"


def test_overrides_win_and_keep_their_types(write) -> None:
    settings = read_settings(
        write(MINIMAL), ["training.epochs=3", "corpus.root=some folder", "seed = 4", "split.fractions=[0.5,0.25,0.25]"]
    )
    assert settings.training.epochs == 3
    assert settings.corpus.root == "some folder"
    assert settings.seed == 4
    assert settings.split.fractions == (0.5, 0.25, 0.25)


def test_a_file_is_laid_over_the_one_it_extends(write) -> None:
    write(MINIMAL + "[training]\nbatch = 7\nepochs = 8\n", "base.toml")
    settings = read_settings(write('extends = "base.toml"\nname = "b"\n[training]\nepochs = 9\n'))
    assert (settings.name, settings.training.batch, settings.training.epochs) == ("b", 7, 9)


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        (MINIMAL + "[training]\nlearning_rat = 1\n", [], "training.learning_rat; did you mean learning_rate?"),
        (MINIMAL, ["netwrok.width=1"], "unknown key netwrok; did you mean network?"),
        (MINIMAL, ["training.zzz=1"], "unknown key training.zzz; known here: optimizer, learning_rate"),
        (MINIMAL, ["anti_transfer.orthogonl=x", "anti_transfer.layers=[1]"], "did you mean orthogonal?"),
        (MINIMAL, ["epochs"], "an override is key.path=value"),
        (MINIMAL, ["=3"], "an override is key.path=value"),
        (MINIMAL, ['corpus.options={speaker="\\d+"}'], "in double quotes a backslash is written twice"),
        (MINIMAL, ["training={epochs=1"], "its value is no TOML"),
        (MINIMAL, ["training.epochs=0"], "training.epochs: Input should be greater than 0"),
        (MINIMAL, ["training.epochs=many"], "training.epochs"),
        (MINIMAL, ["network.depth=12"], "network.depth"),
        (MINIMAL, ["task=sing"], "task: Input should be 'emotion', 'speaker', 'word' or 'rh-emo'"),
        (MINIMAL, ["network=3"], "network"),
        ("name = 1 2", [], "no valid TOML"),
        ('name = "a"', [], "out and corpus are missing; they must be given"),
        ('name = "a"\nout = "b"', [], "corpus is missing; it must be given"),
        (MINIMAL, ["split.fractions=[0.5, 0.5]"], "split.fractions: has too few values"),
        (MINIMAL, ["anti_transfer=yes"], "anti_transfer: takes a table, as { key = value }, not 'yes'"),
        ('extends = "none.toml"', [], "no such settings file"),
        ('extends = "run.toml"', [], "in a circle"),
        ("extends = 3", [], "extends takes the name"),
        (MINIMAL, ["front.kind=rh-emo"], "needs front.source"),
        (MINIMAL, ["task=rh-emo"], "makes its own front"),
        (MINIMAL, ["task=rh-emo", "front={kind='rh-emo', normalisation='standard'}"], "gives back values of 0 to 1"),
        (MINIMAL, ["rh_emo.beta=1"], "rh_emo is for task rh-emo"),
        (MINIMAL, ["label=session"], "label is for task speaker"),
        (MINIMAL, ["task=word", "anti_transfer.orthogonal=x", "anti_transfer.layers=[1]"], "is trained without"),
        (MINIMAL, ["anti_transfer.orthogonal=x", "anti_transfer.layers=[]"], "anti_transfer.layers"),
        (MINIMAL, ["front.trainable=true"], "have nothing to train"),
        (MINIMAL, ["split.folds=5", "split.fold=5"], "5 is none of 5 folds"),
        (MINIMAL, ["split.fold=1", "split.kind=column"], "split.fold is 1, but split.kind column has no folds: leave"),
        (MINIMAL, ["split.fold=2", "split.kind=70-20-10"], "split.kind 70-20-10 has no folds: leave it out"),
        (MINIMAL, ["split.fold=1"], "split.fold is 1, but of how many? Say split.folds"),
        (MINIMAL, ["split.fold=1", "split.kind=random"], "split.fold is 1, but of how many? Say split.folds"),
        (
            MINIMAL,
            ["augmentation.gain_db=[6, -6]"],
            "augmentation: gain_db takes the least and the most, in this order",
        ),
        (MINIMAL, ["augmentation.snr_db=[5, 10]", "augmentation.noise=['blue']"], "augmentation.noise"),
        (MINIMAL, ["augmentation.speed=2"], "augmentation.speed: takes a list, as [1, 2], not 2"),
        (MINIMAL, ["augmentation.time_mask=1"], "did you mean time_masks?"),
        (MINIMAL, ["corpus.words.min_letters=0"], "corpus.words.min_letters"),
    ],
)
def test_mistakes_are_one_line_that_names_the_place(write, text: str, overrides: list[str], message: str) -> None:
    path = write(text)
    with pytest.raises(SettingsError) as caught:
        read_settings(path, overrides)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "brought"),
    [
        (["seed=1", "training.epoch=5"], " with training.epoch=5"),
        (["split.folds=5", "split.fold=5"], " with split.fold=5"),
        (["training={epochs=0}"], " with training={epochs=0}"),
        (["training.epochs=3", "training.epochs=0"], " with training.epochs=0"),
        (["out=''"], " with out=''"),
        (["augmentation.gain_db=[6, -6]", "augmentation.time_masks=1"], " with augmentation.gain_db=[6, -6]"),
    ],
)
def test_a_mistake_that_an_override_has_brought_is_not_laid_on_the_file(
    write, overrides: list[str], brought: str
) -> None:
    path = write(MINIMAL)
    with pytest.raises(SettingsError) as caught:
        read_settings(path, overrides)
    assert str(caught.value).startswith(f"{path}{brought}: ")


def test_a_mistake_of_the_file_is_not_laid_on_an_override(write) -> None:
    path = write(MINIMAL + "\n[training]\nepoch = 5\n")
    with pytest.raises(SettingsError, match=r"run\.toml: unknown key training\.epoch; did you mean epochs\?"):
        read_settings(path, ["training.batch=4", "seed=1"])
    path = write(MINIMAL + "\n[augmentation]\ngain_db = [6, -6]\n")
    with pytest.raises(SettingsError, match=r"run\.toml: augmentation: gain_db takes the least and the most"):
        read_settings(path, ["augmentation.time_masks=1"])


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such settings file"):
        read_settings(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings(tmp_path / "binary.toml")
    with pytest.raises(SettingsError, match=r"is a folder; name a settings file, as .*settings\.toml"):
        read_settings(tmp_path)


def test_the_identity_holds_what_decides_the_result_alone(write) -> None:
    path = write(MINIMAL)
    key = read_settings(path).key()
    for same in (
        "name=z",
        "out=elsewhere",
        "corpus.root=there",
        "training.checkpoint_seconds=1.0",
        "augmentation.time_mask_width=3",
        "network.start=glorot",
    ):
        assert read_settings(path, [same]).key() == key
    for other in (
        "seed=1",
        "threads=1",
        "processes=2",
        "training.batch=5",
        "network.width=0.5",
        "network.start=he",
        "frames.last=keep",
        "split.seed=3",
        "corpus.words.min_letters=3",
        "augmentation.time_masks=1",
    ):
        assert read_settings(path, [other]).key() != key


def test_what_is_new_and_at_its_default_leaves_the_hash_of_older_runs() -> None:
    content = {"name": "a", "out": "b", "corpus": {"name": "synthetic"}, "front": {"source": "x"}}
    network = {"algebra": "real", "width": 0.25}
    assert RunSettings.model_validate(content | {"network": network}).key().startswith("2b275591a52664a1")


def ready_settings() -> list[Path]:
    """All settings files of runs but those that are only laid under others."""
    others = {"systems.toml"}  # what the comparison of recognisers compares
    paths = sorted(CONFIGS.rglob("*.toml"))
    paths = [path for path in paths if "study" not in path.relative_to(CONFIGS).parts and path.name not in others]
    bases = {path.parent / base for path in paths if (base := tomllib.loads(path.read_text()).get("extends"))}
    return [path for path in paths if path not in bases]


@pytest.mark.parametrize("path", ready_settings(), ids=lambda path: str(path.relative_to(CONFIGS)))
def test_the_ready_settings_are_valid_and_come_back_from_toml(path: Path) -> None:
    settings = read_settings(path)
    written = tomli_w.dumps(settings.model_dump(mode="json", exclude_none=True))
    assert RunSettings.model_validate(tomllib.loads(written)) == settings


@pytest.mark.parametrize(
    "overrides",
    [
        ["split.kind=leave-one-out"],
        ["split.kind=halved"],
        ["split.kind=balanced"],
        ["split.kind=actor", "split.folds=5"],
        ["split.file='lists.json'"],
    ],
)
def test_a_fold_is_chosen_where_there_are_folds(write, overrides: list[str]) -> None:
    assert read_settings(write(MINIMAL), ["split.fold=1", *overrides]).split.fold == 1
