"""What equation 1 tells of networks that were trained apart: nothing, where linear CKA over clips tells."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks import equation_1
from benchmarks.equation_1 import BEGIN, CASES, END, compared, likeness, main
from hamiltone.corpora import Split, load_corpus
from hamiltone.networks import vgg
from hamiltone.training import settings_from, train


def rectified_gram(weights: torch.Tensor) -> torch.Tensor:
    """E relu(w x) relu(v x) over standard normal x, between all pairs of rows: the arc-cosine kernel of degree 1.

    Cho and Saul, Kernel Methods for Deep Learning, NIPS 2009.
    """
    lengths = weights.norm(dim=1)
    cosine = (weights @ weights.T / torch.outer(lengths, lengths)).clamp(-1, 1)
    angle = cosine.acos()
    return torch.outer(lengths, lengths) / (2 * math.pi) * (angle.sin() + (math.pi - angle) * cosine)


def test_equation_1_of_rectified_random_features_is_what_their_weights_make_it() -> None:
    """0.8 by the closed form, whether the two see the same or not; CKA over clips tells these apart."""
    torch.manual_seed(0)
    first, second = torch.randn(2, 64, 32).unbind()
    grams = rectified_gram(first), rectified_gram(second)
    expected = ((grams[0] * grams[1]).sum() / (grams[0].norm() * grams[1].norm())).item() ** 2
    assert 0.75 < expected < 0.88
    seen, other = torch.randn(2, 64, 32, 2048).unbind()
    a, same_clips, other_clips = (
        (weights @ x).relu().unsqueeze(3) for weights, x in ((first, seen), (second, seen), (second, other))
    )
    same, apart = likeness(a, same_clips), likeness(a, other_clips)
    assert same.equation_1 == pytest.approx(expected, abs=0.02)
    assert apart.equation_1 == pytest.approx(expected, abs=0.02)
    assert same.centred == pytest.approx(apart.centred, abs=0.01)
    assert same.debiased_cka > 0.3
    assert abs(apart.debiased_cka) < 0.1
    assert apart.cka > apart.debiased_cka  # few clips make it too large


def test_random_networks_are_told_apart_by_cka_alone() -> None:
    torch.manual_seed(0)
    first, second = (vgg(16, "quaternion", width=1 / 8, start="he", input_shape=(4, 64, 64)) for _ in range(2))
    clips = torch.rand(48, 4, 1, 64) * torch.randn(48, 4, 64, 64)
    permuted, same, other = (compared(first, second, clips, 5)[case] for case in CASES)
    assert permuted.equation_1 < 0.5  # the same network, and yet less than half
    assert permuted.debiased_cka == pytest.approx(1.0, abs=1e-3)
    assert same.equation_1 == pytest.approx(other.equation_1, abs=0.03)
    assert same.debiased_cka > 0.5
    assert abs(other.debiased_cka) < 0.3


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Recognisers of three seeds, hardly trained; the third hears another front."""
    folder = tmp_path_factory.mktemp("runs")
    corpus = load_corpus("synthetic")
    few = np.arange(len(corpus)) % 7 == 0
    ids = [tuple(corpus.select(part).table["utterance"]) for part in (few, ~few)]
    Split("synthetic", "random", 0, {"train": ids[0], "validation": ids[1], "test": ()}).write(folder / "few.json")
    for seed in range(3):
        content: dict[str, Any] = {
            "name": str(seed),
            "out": str(folder / str(seed)),
            "seed": seed,
            "threads": 1,
            "device": "cpu",
            "corpus": {"name": "synthetic", "within": str(folder / "few.json")},
            "split": {"kind": "random", "fractions": [0.25, 0.25, 0.5]},
            "front": {"kind": "derivatives", "scale": "decibel" if seed < 2 else "linear"},
            "network": {"depth": 11, "width": 1 / 16, "hidden": 16, "start": "he"},
            "training": {"learning_rate": 1e-3, "epochs": 1, "batch": 32},
        }
        train(settings_from(content, where="test"), quiet=True)
    return [str(folder / str(seed)) for seed in range(3)]


def test_networks_of_runs_are_compared_on_test_clips(
    runs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}\n{END}\n")
    main(["--pair", "two seeds", *runs[:2], "--layers", "2", "8", "--clips", "16", "--page", str(page)])
    lines = [line.split(" | ") for line in page.read_text().splitlines() if line.startswith("| two seeds")]
    assert [line[1:3] for line in lines] == [[layer, case] for layer in ("2", "8") for case in CASES]
    assert float(lines[0][5]) == pytest.approx(1.0, abs=0.01)
    with pytest.raises(SystemExit, match="other fronts"):
        main(["--pair", "apart", runs[0], runs[2]])
    monkeypatch.setattr(equation_1, "load_recognizer", lambda _: pytest.fail("no run is read without --pair"))
    main(["--width", "0.0625", "--clips", "8", "--layers", "1"])
