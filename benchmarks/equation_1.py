"""What equation 1 tells of two networks, beside linear CKA over clips: ``python -m benchmarks.equation_1``.

Two networks that were trained apart have channels that have nothing to do with each other. Does the squared cosine of
their Gram matrices still say whether they carry the same information? Without runs, networks of random weights are
compared; ``--pair NAME RUN RUN`` compares those of two runs upon the same front, on the second one's test part.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from hamiltone.antitransfer import convolutions, frozen_maps, map_distance
from hamiltone.errors import HamiltoneError
from hamiltone.networks import Network, load_recognizer, vgg
from hamiltone.records import MODEL, SETTINGS
from hamiltone.settings import load_dataset
from hamiltone.training import read_settings
from hamiltone.training._preparation import prepare_part

from .pages import markdown_table, put_between
from .start._signal import STARTS
from .start._speech import Speech

BEGIN, END = "<!-- table of equation 1 -->", "<!-- end of the table -->"
LAYERS = (2, 5, 9, 13)
CASES = ("itself, channels permuted", "the other, same clips", "the other, other clips")
"""The same information in other channels; whatever two networks share; nothing at all."""

Maps = Float[Tensor, "clip channel time frequency"]


class Likeness(NamedTuple):
    """How alike two networks' maps are, mean over clips or over all of them."""

    equation_1: float
    centred: float
    cka: float
    debiased_cka: float


COLUMNS = ("equation 1", "equation 1, centred over places", "linear CKA over clips", "debiased")


def likeness(a: Maps, b: Maps) -> Likeness:
    """Compare maps of the same clips by each measure; CKA of what is averaged over places."""
    ways = (
        ("gram", "squared_cosine"),
        ("centred_gram", "squared_cosine"),
        ("pooled", "linear_cka"),
        ("pooled", "debiased_linear_cka"),
    )
    return Likeness(*(map_distance(a, b, *way).mean().item() for way in ways))


def compared(first: Network, second: Network, x: Maps, layer: int) -> dict[str, Likeness]:
    """Each of ``CASES`` at one layer; clips and channels are permuted at random."""
    a, b = (frozen_maps(network, x, layers=[layer])[layer] for network in (first, second))
    channels, clips = torch.randperm(a.shape[1]), torch.randperm(len(b))
    pairs = ((a, a[:, channels]), (a, b), (a, b[clips]))
    return {case: likeness(*pair) for case, pair in zip(CASES, pairs, strict=True)}


def random_networks(width: float, clips: int) -> Iterator[tuple[str, Network, Network, Maps]]:
    """Two VGG16s of random weights of each start, and clips of the embedded corpus."""
    x = Speech.of_the_embedded_corpus(clips).maps()
    for name, options in STARTS.items():
        first, second = (vgg(16, width=width, input_shape=(4, 64, 64), **options) for _ in range(2))
        yield f"random: {name}", first, second, x


def trained_networks(pairs: Sequence[Sequence[str]], clips: int) -> Iterator[tuple[str, Network, Network, Maps]]:
    """The networks of pairs of runs, and what the second one's front makes of clips of its test part.

    Raises:
        HamiltoneError: a folder holds no recogniser, its recordings cannot be read, or the two take another input.
    """
    for name, *folders in pairs:
        first, second = (load_recognizer(Path(folder) / MODEL) for folder in folders)
        if first.front.settings() != second.front.settings() or first.front.encoder_key() != second.front.encoder_key():
            raise HamiltoneError(f"{name}: {folders[0]} and {folders[1]} have other fronts: their maps do not compare")
        if len(convolutions(first.network)) != len(convolutions(second.network)):
            raise HamiltoneError(f"{name}: {folders[0]} and {folders[1]} have networks of another structure")
        settings = read_settings(Path(folders[1]) / SETTINGS)
        part, _ = prepare_part("test", settings, load_dataset(settings), second.front, second.labels, _silent)
        x = torch.cat([batch.x for batch in part.in_order(64)])
        yield name, first.network, second.network, x[torch.randperm(len(x))[:clips]]


def _silent(_what: str, _done: int, _total: int) -> None:
    pass


def table(networks: Iterator[tuple[str, Network, Network, Maps]], layers: Sequence[int]) -> str:
    """All cases of all pairs at all layers, as Markdown."""
    rows = [
        [name, str(layer), case, *(f"{value:.2f}" for value in found)]
        for name, first, second, x in networks
        for layer in layers
        for case, found in compared(first, second, x, layer).items()
    ]
    return markdown_table(["networks", "layer", "compared with", *COLUMNS], rows, left=3)


def main(arguments: list[str] | None = None) -> None:
    """Print the table, or put it into a page; a mistake is one line and exit code 1."""
    parser = argparse.ArgumentParser("python -m benchmarks.equation_1", description=__doc__)
    parser.add_argument("--pair", nargs=3, action="append", default=[], metavar=("NAME", "RUN", "RUN"))
    parser.add_argument("--layers", type=int, nargs="+", default=LAYERS)
    parser.add_argument("--clips", type=int, default=128)
    parser.add_argument("--width", type=float, default=0.25, help="of random networks")
    parser.add_argument("--page", type=Path, help="a page with the two comments that the table goes between")
    asked = parser.parse_args(arguments)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            chosen = (
                trained_networks(asked.pair, asked.clips) if asked.pair else random_networks(asked.width, asked.clips)
            )
            text = table(chosen, asked.layers)
        if asked.page is None:
            print(text)
        else:
            put_between(asked.page, BEGIN, END, f"\n{text}\n")
    except HamiltoneError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
