"""The page on first weights: what its command measures, and where it puts it."""

import re
import shutil
import subprocess
import sys

import pytest

from benchmarks.start.__main__ import PAGE, main

TINY = [
    *("--seeds", "1", "--axes-seeds", "1", "--steps", "1", "--epochs", "2", "--trainings", "2"),
    *("--frames", "8", "--width", "0.125"),
]


@pytest.fixture
def page(tmp_path):
    return shutil.copy(PAGE, tmp_path / "start.md")


def between(text, part):
    return text.split(f"<!-- {part} -->")[1].split(f"<!-- end of {part} -->")[0]


def test_each_part_goes_to_its_place(page):
    before = page.read_text()
    # In a process of its own: the tests' check of shapes holds RH-Emo to whole frames, and the axes take parts of them.
    subprocess.run([sys.executable, "-m", "benchmarks.start", *TINY, "--page", str(page)], check=True)
    after = page.read_text()
    for part in ("signal", "axes", "epochs"):
        assert between(after, part) != between(before, part)
    assert between(after, "epochs-ravdess") == between(before, "epochs-ravdess")
    assert "| start | learning rate | cross-entropy, epoch 1 | cross-entropy, epoch 2 |" in between(after, "epochs")
    assert len(re.findall(r"\| \d+\.\d \(\d+\.\d to \d+\.\d\) ", between(after, "epochs"))) == 12
    assert "| linear | 0 of 1 (0) |" in between(after, "axes")
    rows = [line.split("|")[1:-1] for line in between(after, "signal").splitlines() if "deviation of the map" in line]
    left = {name.strip(): float(last) for name, _, *_, last in rows}
    assert left["quaternion, glorot"] < left["real, torchvision's"] < 0.3 < left["quaternion, he"] < 3
    assert {path.name for path in page.parent.iterdir()} == {"start.md", "start-signal.svg", "start-epochs.svg"}


def test_a_corpus_that_the_page_has_no_place_for_is_refused_before_anything_is_trained(page, tmp_path):
    with pytest.raises(SystemExit, match="it lacks the lines <!-- epochs-emodb --> and <!-- end of epochs-emodb -->"):
        main(["--page", str(page), "--parts", "epochs", "--corpus", "emodb", "--root", str(tmp_path)])
    assert [path.name for path in tmp_path.iterdir()] == ["start.md"]
