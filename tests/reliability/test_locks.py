"""Two at once, or eight: processes on one folder never spoil each other's work, and a dead one holds nothing up."""

import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tomli_w

from hamiltone.audio import FrameSettings
from hamiltone.corpora import Utterances, load_corpus
from hamiltone.files import atomic_path, locked
from hamiltone.study import Study
from hamiltone.training._stored_frames import Frames, frames_key, stored_frames

from ._children import fork, hamiltone, kill_after, results, wait
from .conftest import Whole

AT_ONCE = 8


def frames_of(utterances: Utterances) -> Frames:
    settings = FrameSettings()
    return stored_frames(utterances, settings, frames_key(utterances, settings), lambda *_: None)


def eight_on_a_cache(utterances: Utterances, folder: Path, kills: int, seed: int) -> None:
    """Eight processes need the same frames at once; some are killed meanwhile, the others get them all."""
    whole = frames_of(utterances)

    def compare() -> None:
        frames = frames_of(utterances)
        assert np.array_equal(frames.samples, whole.samples)
        assert np.array_equal(frames.bounds, whole.bounds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HAMILTONE_CACHE", str(folder))
        chance = random.Random(seed)
        children = [fork(compare, folder / f"log-{number}") for number in range(AT_ONCE)]
        for child in children[:kills]:
            kill_after(child, chance.uniform(0.0, 0.2))
        for number, child in enumerate(children[kills:], kills):
            assert wait(child) == 0, (folder / f"log-{number}").read_text(encoding="utf-8")
        assert [path.name for path in (folder / "frames").glob("[!.]*")] == [whole.key]
        assert not list((folder / "frames").glob("*.draft"))


@pytest.fixture(scope="module")
def hundred() -> Utterances:
    corpus = load_corpus("synthetic")
    return corpus.select(np.arange(len(corpus)) < 100)


def test_eight_on_one_cache(hundred: Utterances, tmp_path: Path) -> None:
    eight_on_a_cache(hundred, tmp_path, kills=3, seed=0)


@pytest.mark.soak
def test_eight_on_one_cache_50_times(hundred: Utterances, tmp_path: Path, record_property) -> None:
    for seed in range(50):
        folder = tmp_path / str(seed)
        folder.mkdir()
        eight_on_a_cache(hundred, folder, kills=3, seed=seed)
    record_property("times that 8 processes made one store of frames at once, 3 of them killed", 50)


def test_eight_trainings_of_one_folder(whole: Whole, tmp_path: Path) -> None:
    out = tmp_path / "out"
    file = whole.settings(out)[1]
    children = [fork(lambda: hamiltone("train", file), tmp_path / f"log-{number}") for number in range(AT_ONCE)]
    kill_after(children[0], 0.5)
    assert [wait(child) for child in children[1:]] == [0] * (AT_ONCE - 1)
    assert results(out) == whole.results
    said = [(tmp_path / f"log-{number}").read_text(encoding="utf-8") for number in range(1, AT_ONCE)]
    assert sum("done before; the record is" in text for text in said) >= AT_ONCE - 2
    assert any(f"another process is at work on {out}: waiting for it" in text for text in said)


def test_eight_studies_of_one_folder(study_of: Callable[..., Study], tmp_path: Path) -> None:
    """Two studies, each four times, share a run."""
    out, children = tmp_path / "out", []
    for number in range(AT_ONCE):
        study = study_of(name=f"study-{number % 2}", methods=["none"])
        content = study.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)
        file = tmp_path / f"{number}.toml"
        file.write_text(tomli_w.dumps(content), encoding="utf-8")
        command = partial(hamiltone, "study", "run", file, "--out", out, "--workers", 1)
        children.append(fork(command, tmp_path / f"log-{number}"))
    said = []
    for number, child in enumerate(children):
        code = wait(child)
        said.append((tmp_path / f"log-{number}").read_text(encoding="utf-8"))
        assert code == 0, said[-1]
    (run,) = out.glob("runs/[!.]*")
    assert set(results(run)) == {"model/model.safetensors", "predictions.csv", "record"}
    assert sum("all 1 runs were done before; nothing to do" in text for text in said) >= AT_ONCE - 2
    assert sorted(path.name for path in (out / "studies").glob("[!.]*")) == ["study-0.json", "study-1.json"]


@pytest.mark.parametrize("folder", [False, True])
def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path, folder: bool) -> None:
    def write() -> None:
        with locked(tmp_path / "x"), atomic_path(tmp_path / "x") as draft:
            if folder:
                draft.mkdir()
            (draft / "a" if folder else draft).write_text("half", encoding="utf-8")
            time.sleep(60)

    other = tmp_path / ".x.y.0123456789ab.draft"  # of x.y, which is another's
    child = fork(write, tmp_path / "log")
    while not any((draft / "a" if folder else draft).exists() for draft in tmp_path.glob(".x.*.draft")):
        time.sleep(0.01)
    other.write_text("", encoding="utf-8")
    kill_after(child, 0.0)
    with locked(tmp_path / "x"):
        assert [path.name for path in tmp_path.glob("*.draft")] == [other.name]


def test_a_folder_that_was_moved_aside_by_a_killed_writer_takes_its_place_back(tmp_path: Path) -> None:
    retired = tmp_path / ".x.0123456789ab.retired"
    retired.mkdir()
    (retired / "a").write_text("whole", encoding="utf-8")
    with locked(tmp_path / "x"):
        assert (tmp_path / "x" / "a").read_text(encoding="utf-8") == "whole"
    retired.mkdir()
    with locked(tmp_path / "x"):
        assert sorted(path.name for path in tmp_path.iterdir()) == [".x.lock", "x"]
