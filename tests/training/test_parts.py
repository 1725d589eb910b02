"""Parts of splits: whose recordings they are, and how often each is drawn."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from safetensors.torch import load_file

from hamiltone.corpora import Split, Utterances
from hamiltone.training import TrainingError, train
from hamiltone.training._batches import Fetched, Inputs, Part

from .conftest import Make

NAMELESS = "not estimable (speakers unknown)"


def part_of(corpus: str, clips: list[tuple[str, int]]) -> Part:
    """A part of a frame for each clip, given by its name and its class."""
    rows = [{"utterance": name, "path": f"{name}.wav"} for name, _ in clips]
    utterances = Utterances.from_rows(rows, corpus=corpus, root=Path())
    classes = dict(clips)
    order = torch.tensor([classes[name] for name in utterances.table["utterance"]])
    numbers = np.arange(len(clips))

    def fetch(wanted: np.ndarray, _epoch: int) -> Fetched:
        return Fetched(torch.from_numpy(wanted).float()[:, None])

    return Part("train", utterances, numbers, numbers, order, None, Inputs("features", fetch))


def shares(part: Part, balance: float = 1.0, draws: int = 400) -> list[float]:
    """How often each frame of a balanced part is drawn."""
    drawn = [slice_.batch.rows for epoch in range(draws) for slice_ in part.shuffled(50, 0, epoch, balance=balance)]
    return (torch.bincount(torch.cat(drawn), minlength=len(part)) / (draws * len(part))).tolist()


def test_balance_is_of_corpora_whose_names_stand_first_and_not_of_folders_within_them() -> None:
    of_one = part_of("folder", [("calm/a/1", 0), ("calm/b/1", 0), ("calm/b/2", 0), ("sad/a/1", 1)])
    assert shares(of_one) == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2], abs=0.05)
    several = part_of("one+two", [("one/1", 0), ("two/a/1", 0), ("two/a/2", 0), ("two/b/1", 0), ("two/b/2", 1)])
    assert shares(several) == pytest.approx([1 / 3, 1 / 9, 1 / 9, 1 / 9, 1 / 3], abs=0.05)


@pytest.mark.parametrize("balance", [0.25, 0.5, 1.0])
def test_a_class_of_a_corpus_is_drawn_by_its_size_to_the_power_of_what_is_left_to_balance(balance: float) -> None:
    sizes = {"one/calm": 16, "one/sad": 1, "two/sad": 4}
    clips = [(f"{own}/{number}", own.endswith("sad")) for own, size in sizes.items() for number in range(size)]
    part = part_of("one+two", [(name, int(sad)) for name, sad in clips])
    names, drawn = part.utterances.table["utterance"].tolist(), dict.fromkeys(sizes, 0.0)
    for name, share in zip(names, shares(part, balance), strict=True):
        drawn[name.rpartition("/")[0]] += share
    whole = sum(size ** (1 - balance) for size in sizes.values())
    expected = {own: size ** (1 - balance) / whole for own, size in sizes.items()}
    assert drawn == pytest.approx(expected, abs=0.02)


def test_who_validates_is_trained_on_where_a_run_says_so(settings_for: Make, tmp_path: Path) -> None:
    apart, together = (
        train(settings_for(tmp_path / name, training__epochs=1, training__keep="last", **more), quiet=True).split
        for name, more in (("apart", {}), ("together", {"training__with_validation": True}))
    )
    assert together.train.clips == apart.train.clips + apart.validation.clips
    assert together.train.frames == apart.train.frames + apart.validation.frames
    assert (together.validation, together.test) == (apart.validation, apart.test)
    one, other = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("apart", "together"))
    assert one.keys() == other.keys()
    assert not all(torch.equal(tensor, other[name]) for name, tensor in one.items())


@pytest.fixture
def nameless(tmp_path: Path) -> Path:
    """Twelve recordings of noise in two classes, of speakers whom nobody has named."""
    rows = []
    for number in range(12):
        noise = np.random.default_rng(number).uniform(-0.5, 0.5, 16000)
        soundfile.write(tmp_path / f"{number}.wav", noise, 16000)
        rows.append({"path": f"{number}.wav", "speaker": "", "emotion": ("calm", "sad")[number % 2]})
    pd.DataFrame(rows).to_csv(tmp_path / "corpus.csv", index=False)
    return tmp_path / "corpus.csv"


def test_recordings_without_speakers_have_results_without_intervals(
    settings_for: Make, nameless: Path, tmp_path: Path
) -> None:
    corpus = {"name": "table", "root": str(nameless), "within": None}
    record = train(settings_for(tmp_path / "run", corpus=corpus, training__epochs=1), quiet=True)
    for part, size in ((record.validation, record.split.validation), (record.test, record.split.test)):
        assert part is not None
        assert part.accuracy.value >= 0
        assert part.accuracy.note == part.uar.note == part.macro_f1.note == NAMELESS
        assert part.speakers == size.speakers == 0


def test_without_speakers_there_is_nothing_to_train_against(settings_for: Make, nameless: Path, tmp_path: Path) -> None:
    corpus = {"name": "table", "root": str(nameless), "within": None}
    settings = settings_for(tmp_path / "run", corpus=corpus, training__speaker_reversal=0.1)
    with pytest.raises(TrainingError, match=r"training.speaker_reversal: 6 training clips have no speaker"):
        train(settings, quiet=True)


@pytest.mark.parametrize("name", ["train", "validation", "test"])
def test_a_part_without_clips_is_refused_before_anything_is_trained(
    settings_for: Make, nameless: Path, tmp_path: Path, name: str
) -> None:
    clips = [f"{number}.wav" for number in range(12)]
    others = [part for part in ("train", "validation", "test") if part != name]
    parts = {name: (), others[0]: tuple(clips[:6]), others[1]: tuple(clips[6:])}
    Split("table", "random", 0, parts).write(tmp_path / "split.json")
    corpus = {"name": "table", "root": str(nameless), "within": None}
    settings = settings_for(tmp_path / "run", corpus=corpus, split={"file": str(tmp_path / "split.json")})
    with pytest.raises(TrainingError, match=f"table: the {name} part has no clips; name another split"):
        train(settings, quiet=True)
    assert not (tmp_path / "run" / "checkpoint").exists()
