"""Command line of the measurement of first weights: ``python -m benchmarks.start``."""

import argparse
import itertools
import sys
from pathlib import Path
from typing import Any

import torch
from rich.progress import track

from hamiltone.errors import HamiltoneError
from hamiltone.files import atomic_write
from hamiltone.records import Epoch

from ..pages import put_between, split_at
from ._axes import AXES_STARTS, dead_axes
from ._epochs import RATES, first_epochs
from ._page import axes_table, epochs_picture, epochs_table, signal_picture, signal_table
from ._signal import STARTS, signal
from ._speech import Scale, Speech

PAGE = Path(__file__).parents[2] / "docs" / "evidence" / "start.md"
_PARTS = ("signal", "epochs", "axes")
_SCALES: tuple[Scale, ...] = ("linear", "decibel")
_WIDTH = 1 / 8  # of the networks that are trained


def main(arguments: list[str] | None = None) -> None:
    """Measure, and put tables and picture into the page; a mistake is one line and exit code 1."""
    parser = argparse.ArgumentParser("python -m benchmarks.start", description="What first weights leave of a signal.")
    parser.add_argument("--seeds", type=int, default=5, help="networks of each start whose signal is followed")
    parser.add_argument("--axes-seeds", type=int, default=10, help="RH-Emos of each start")
    parser.add_argument("--steps", type=int, default=50, help="of an RH-Emo's training")
    parser.add_argument("--epochs", type=int, default=20, help="of a recogniser's training")
    parser.add_argument("--trainings", type=int, default=1, help="of a recogniser from each start, each its own seed")
    parser.add_argument("--frames", type=int, default=40, help="of the embedded corpus, for signal and axes")
    parser.add_argument("--width", type=float, default=1.0, help="of the networks whose signal is followed")
    parser.add_argument(
        "--corpus",
        default="synthetic",
        help="what recognisers are trained on (synthetic); the page has a place for ravdess, too",
    )
    parser.add_argument("--root", help="its folder, if it is not the embedded one")
    parser.add_argument("--parts", nargs="+", choices=_PARTS, default=_PARTS)
    parser.add_argument("--page", type=Path, default=PAGE, help="the page that the tables go into")
    asked = parser.parse_args(arguments)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            _measure(asked)
    except HamiltoneError as error:
        sys.exit(str(error))
    finally:
        torch.set_num_threads(threads)


def _measure(asked: argparse.Namespace) -> None:
    page, speech = asked.page, Speech.of_the_embedded_corpus(asked.frames)
    places = {part: part for part in _PARTS}
    if asked.corpus != "synthetic":
        places["epochs"] = f"epochs-{asked.corpus}"
    for part in asked.parts:
        split_at(page, *_lines(places[part]))
    if "signal" in asked.parts:
        maps = speech.maps()[:: max(asked.frames // 8, 1)]
        signals = {
            name: signal(name, maps, width=asked.width, seeds=asked.seeds)
            for name in track(STARTS, "signal and gradient")
        }
        _put(page, "signal", signal_table(signals), signal_picture(signals))
    if "epochs" in asked.parts:
        corpus: dict[str, Any] = {"name": asked.corpus} | ({"root": asked.root, "partial": True} if asked.root else {})
        epochs: dict[tuple[str, float], list[tuple[Epoch, ...]]] = {}
        trainings = list(itertools.product(RATES, STARTS, range(asked.trainings)))
        for rate, name, seed in track(trainings, "first epochs"):
            found = first_epochs(name, rate, corpus=corpus, width=_WIDTH, epochs=asked.epochs, seed=seed)
            epochs.setdefault((name, rate), []).append(found)
        _put(page, places["epochs"], epochs_table(epochs), epochs_picture(epochs))
    if "axes" in asked.parts:
        kinds: list[tuple[str, Scale]] = [(name, scale) for scale in _SCALES for name in AXES_STARTS]
        axes = {
            (name, scale): dead_axes(name, speech.spectrograms(scale), steps=asked.steps, seeds=asked.axes_seeds)
            for name, scale in track(kinds, "axes of RH-Emo")
        }
        _put(page, "axes", axes_table(axes, asked.steps))


def _put(page: Path, part: str, table: str, picture: str | None = None) -> None:
    text = f"\n{table}\n"
    if picture is not None:
        place = page.with_name(f"{page.stem}-{part}.svg")
        atomic_write(place, picture)
        text += f"![{part} as a picture]({place.name})\n\n"
    put_between(page, *_lines(part), text)


def _lines(part: str) -> tuple[str, str]:
    return f"<!-- {part} -->", f"<!-- end of {part} -->"


if __name__ == "__main__":
    main()
