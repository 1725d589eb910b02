"""Command line of the measurement on a GPU: ``python -m benchmarks.gpu``."""

import argparse
import sys
from pathlib import Path

import torch

from hamiltone.errors import HamiltoneError

from ._checks import CHECKS, checked
from ._page import PAGE, put_into_page
from ._prepare import WHEELS, prepare
from ._recipe import RECIPE, run_recipe
from ._results import Results, machine
from ._speed import TINY, Sizes, layer_names, layer_times, step_time, steps

SECONDS = 530.0
_RECIPE_SECONDS, _END_SECONDS = 300.0, 25.0  # what speed leaves to the recipe, and that to its end
PARTS = ("checks", "steps", "layers", "recipe")


def main(arguments: list[str] | None = None) -> None:
    """Prepare, run, or make the page; a mistake is one line and exit code 1."""
    parser = argparse.ArgumentParser("python -m benchmarks.gpu", description="Checks, speed and recipe on a GPU.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    files = verbs.add_parser("prepare", help="recordings and packages for a machine without a network")
    files.add_argument("files", type=Path, help="the folder to make")
    files.add_argument("--data", type=Path, required=True, help="a folder with ravdess/ and fsdd/")
    files.add_argument("--mebibytes", type=float, default=36.0, help="of recordings")
    files.add_argument("--python", default="3.12", help="the other machine's, for packages; none: no packages")
    run = verbs.add_parser("run", help="measure; what is done is not done again")
    run.add_argument("files", type=Path, help="what prepare made")
    run.add_argument("--out", type=Path, default=Path("runs/gpu"), help="where results.json goes")
    run.add_argument("--work", type=Path, default=Path("runs/gpu/study"), help="where the recipe's runs go")
    run.add_argument("--seconds", type=float, default=SECONDS, help="for all of it")
    run.add_argument("--workers", type=int, default=4, help="runs of the recipe that share the GPU")
    run.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    run.add_argument("--tiny", action="store_true", help="tiny sizes, to see that all of it runs")
    page = verbs.add_parser("page", help="put results into the page")
    page.add_argument("results", type=Path, help="a results.json")
    page.add_argument("--page", type=Path, default=PAGE)
    asked = parser.parse_args(arguments)
    try:
        if asked.verb == "prepare":
            python = None if asked.python == "none" else asked.python
            print(prepare(asked.data, asked.files, asked.mebibytes, python))
            print(f"there: python -m pip install --no-index --no-deps {asked.files / WHEELS}/*.whl")
        elif asked.verb == "page":
            put_into_page(asked.results, asked.page)
        else:
            _run(asked)
    except HamiltoneError as error:
        sys.exit(str(error))


def _run(asked: argparse.Namespace) -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    results = Results(asked.out, machine(device, tiny=asked.tiny), asked.seconds)
    sizes = TINY if asked.tiny else Sizes()
    leaving = _RECIPE_SECONDS if "recipe" in asked.parts else 0.0
    if "checks" in asked.parts:
        for name in CHECKS:
            results.add("checks", name, lambda name=name: checked(name, device))
    if "steps" in asked.parts:
        for name, step in steps(sizes).items():
            results.add("steps", name, lambda step=step: step_time(step, sizes, device), leaving)
    if "layers" in asked.parts:
        for name in layer_names(sizes):
            results.add("layers", name, lambda name=name: layer_times(name, sizes, device), leaving)
    if "recipe" in asked.parts:
        results.add(
            "recipe",
            RECIPE.stem,
            lambda: run_recipe(asked.files, asked.work, results.left - _END_SECONDS, workers=asked.workers),
        )


if __name__ == "__main__":
    main()
