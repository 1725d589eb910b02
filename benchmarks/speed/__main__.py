"""Command line of the benchmark of speed: ``python -m benchmarks.speed``."""

import argparse
import sys
from pathlib import Path

from hamiltone.errors import HamiltoneError

from . import TABLES, markdown, run_benchmark, write_benchmark


def main(arguments: list[str] | None = None) -> None:
    """Measure, print the tables as Markdown and write them; a mistake is one line and exit code 1."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.speed",
        description="Time and memory of layers, anti-transfer and training steps, as ratios within one run.",
        epilog="; ".join(f"{key}: {what}" for key, what in TABLES.items()),
    )
    parser.add_argument(
        "tables", nargs="*", default=list(TABLES), metavar="a|b|c|d|e|f", help="which tables; all of them"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/bench"), help="where JSON, Markdown and a picture go")
    parser.add_argument("--threads", type=int, help="threads of torch; all cores")
    parser.add_argument("--against", type=Path, metavar="PYTHON", help="an interpreter that has SpeechBrain: compare")
    parser.add_argument("--page", type=Path, help="a Markdown page to put the tables into, as docs/performance.md")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that all of it runs")
    asked = parser.parse_args(arguments)
    try:
        result = run_benchmark(
            "".join(asked.tables),
            threads=asked.threads,
            quick=asked.quick,
            against=asked.against,
            report=lambda what: print(what, file=sys.stderr),
        )
        write_benchmark(result, asked.out, asked.page)
    except HamiltoneError as error:
        sys.exit(str(error))
    print(markdown(result))
    print(f"all of it: {asked.out}")


if __name__ == "__main__":
    main()
