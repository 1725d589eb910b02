"""Command line of the comparison: ``python -m benchmarks.recognisers``."""

import argparse
import shlex
import sys
from pathlib import Path

from rich.progress import MofNCompleteColumn, TimeRemainingColumn

from hamiltone.corpora import Report
from hamiltone.errors import HamiltoneError
from hamiltone.extensions import load_extensions
from hamiltone.progress import Bars

from ._derived import derive
from ._folds import Places, run_fold
from ._protocols import Protocol, chosen, number_of_folds, read_protocols
from ._speakers import write_lists
from ._systems import read_systems

PAGE = Path(__file__).parents[2] / "docs" / "recognisers.md"
PROBES_PAGE = PAGE.parent / "evidence" / "blindness.md"
DEFAULT = Places()


def main(arguments: list[str] | None = None) -> None:
    """Do what is asked; a mistake is one line and exit code 1."""
    asked = _parser().parse_args(arguments)
    places = Places(asked.systems, asked.protocols, asked.results, asked.runs)
    try:
        load_extensions()
        if asked.verb == "train":
            train_all(asked, places)
        elif asked.verb == "derive":
            print(f"{derive(asked.system, asked.protocol, places, why=asked.why)} folds")
        elif asked.verb == "probe":
            probe_all(asked, places)
        elif asked.verb == "lists":
            write_lists(places.protocols)
        elif asked.verb == "pace":
            from ._pace import measure_pace

            measure_pace(places)
        else:
            from ._page import write_page

            write_page(places, asked.page)
    except HamiltoneError as error:
        sys.exit(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.recognisers", description="Recognisers side by side.")
    parser.add_argument("--systems", type=Path, default=DEFAULT.systems, help="the file that names the systems")
    parser.add_argument("--protocols", type=Path, default=DEFAULT.protocols, help="the folder of the protocols")
    parser.add_argument("--results", type=Path, default=DEFAULT.results, help="where results are kept")
    parser.add_argument("--runs", type=Path, default=DEFAULT.runs, help="where trained networks lie")
    verbs = parser.add_subparsers(dest="verb", required=True)
    train = verbs.add_parser("train", help="train and test what is not done yet")
    train.add_argument("--system", action="append", help="its name; all of them")
    train.add_argument("--protocol", action="append", help="its name; all of them")
    train.add_argument("--fold", type=int, help="counted from 0; all of them")
    train.add_argument("--seed", type=int, help="one of the system's; all of them")
    train.add_argument("--why", default="", help="why a configuration that was not tested before is tested now")
    derived = verbs.add_parser("derive", help="take the answers on a protocol's source for those on itself")
    derived.add_argument("--system", required=True, help="its name")
    derived.add_argument("--protocol", required=True, help="its name")
    derived.add_argument("--why", default="", help="why it is looked at, where it was not looked at before")
    page = verbs.add_parser("page", help="make tables and picture of what is done")
    page.add_argument("--page", type=Path, default=PAGE, help="the page that they go into")
    probed = verbs.add_parser("probe", help="ask each layer of trained networks who speaks, and put it into a page")
    probed.add_argument("--protocol", required=True, help="its name")
    probed.add_argument("--system", action="append", default=[], help="its name; none: make the page of what is done")
    probed.add_argument("--page", type=Path, default=PROBES_PAGE, help="the page that the tables go into")
    verbs.add_parser("pace", help="measure seconds per second of sound; nothing else should run meanwhile")
    verbs.add_parser("lists", help="make the lists of speakers anew")
    return parser


def train_all(asked: argparse.Namespace, places: Places) -> None:
    """Each fold and seed of each system on each protocol that are asked for; without names, the protocols' own."""
    systems, protocols = read_systems(places.systems), read_protocols(places.protocols)
    command = _command()
    for protocol in asked.protocol or protocols:
        named: Protocol = chosen("protocol", protocol, protocols)
        folds = range(number_of_folds(protocol, places.protocols)) if asked.fold is None else [asked.fold]
        for system in asked.system or named.systems or systems:
            seeds = chosen("system", system, systems).seeds if asked.seed is None else [asked.seed]
            for fold, seed in ((fold, seed) for seed in seeds for fold in folds):
                name = f"{system}, {protocol}, fold {fold}, seed {seed}"
                with Bars(MofNCompleteColumn(), TimeRemainingColumn()) as bars:
                    report = _reporting(bars, name)
                    new = run_fold(system, protocol, fold, seed, places, why=asked.why, report=report, command=command)
                    bars.say(f"{name}: {'done' if new else 'done before'}")
        if named.source is not None and not asked.system:
            for system in named.source.systems:
                print(f"{system}, {protocol}: {derive(system, protocol, places, why=asked.why)} folds are taken")


def probe_all(asked: argparse.Namespace, places: Places) -> None:
    """Probe the runs that are asked for, and make the page of all that are probed."""
    from ._blindness import write_blindness
    from ._probes import probe_runs

    if asked.system:
        with Bars(MofNCompleteColumn(), TimeRemainingColumn()) as bars:
            report = _reporting(bars, asked.protocol)
            probe_runs(asked.protocol, asked.system, places, report, command=_command())
    write_blindness(asked.protocol, places, asked.page)


def _command() -> str:
    return shlex.join(["python", "-m", "benchmarks.recognisers", *sys.argv[1:]])


def _reporting(bars: Bars, name: str) -> Report:
    task = bars.progress.add_task(name, total=None)

    def report(what: str, done: int, total: int) -> None:
        bars.progress.update(task, description=f"{name}: {what}", completed=done, total=total or None)

    return report


if __name__ == "__main__":
    main()
