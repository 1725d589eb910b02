"""The paper's own Table 1."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

from hamiltone.records import METHOD_NAMES

from ._study_results import PAPER_SPLITS

_METHODS = {name.replace(" ", "_").lower(): name for name in METHOD_NAMES}


@dataclass(frozen=True)
class PaperCell:
    """A cell of the paper's Table 1: accuracy in percent, of one run, and its AT layer (None without AT)."""

    accuracy: float
    layer: int | None
    parameters: int


def paper_cell(corpus: str, split: str, network: str, method: str) -> PaperCell | None:
    """The paper's figure beside ours; None for a corpus, a network or a method that the paper does not have.

    >>> paper_cell("ravdess", "actor", "quaternion", "dual SW")
    PaperCell(accuracy=55.0, layer=2, parameters=10000000)
    >>> paper_cell("ravdess", "actor", "real-on-embedding", "none") is None
    True
    """
    return _cells().get((corpus.lower(), split, network, method))


@cache
def _cells() -> dict[tuple[str, str, str, str], PaperCell]:
    text = resources.files("hamiltone.report").joinpath("paper_table1.csv").read_text(encoding="utf-8")
    return {
        (row["corpus"].lower(), split, row["algebra"], _METHODS[row["anti_transfer"]]): PaperCell(
            accuracy=float(row[f"accuracy_{split}_split"]),
            layer=int(row[f"layer_{split}_split"]) if row[f"layer_{split}_split"] else None,
            parameters=int(row["parameters"]),
        )
        for row in csv.DictReader(text.splitlines())
        for split in PAPER_SPLITS
    }
