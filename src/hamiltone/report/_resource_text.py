"""Text of the resources: cells for the page and for Markdown, and a tidy CSV."""

import csv
import io
from dataclasses import astuple, fields

from ._resource_table import Costs, ResourceRow, ResourceTable
from ._run_tables import NOTHING, CellText, memory, seconds_text

_NAMES = tuple(part.name for part in fields(Costs))


def resource_cells(resources: ResourceTable) -> list[dict[str, CellText]]:
    """One row per corpus, split, network and AT layer; ratios of time, memory and parameters."""
    return [_row(row, resources.by_cpu) for row in resources.rows]


def resources_csv(resources: ResourceTable) -> str:
    """The same as numbers, with ratios of both kinds of seconds; empty where unknown. Memory in bytes."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    columns = (f"{name}{suffix}" for suffix in ("", "_of_real", "_of_same_network") for name in _NAMES)
    writer.writerow(["corpus", "split", "network", "layer", "runs", *columns])
    for row in resources.rows:
        values = (*astuple(row.costs), *astuple(row.of_real), *astuple(row.of_same))
        writer.writerow([row.corpus, row.split, row.network, row.layer, len(row.runs), *values])
    return file.getvalue()


def _row(row: ResourceRow, by_cpu: bool) -> dict[str, CellText]:
    costs = row.costs
    return {
        "Network": CellText(row.network),
        "AT layer": CellText(NOTHING if row.layer is None else str(row.layer)),
        "Corpus": CellText(row.corpus),
        "Split": CellText(row.split),
        "Runs": CellText(str(len(row.runs))),
        "Seconds per epoch": CellText(seconds_text(costs.seconds)),
        "CPU seconds per epoch": CellText(seconds_text(costs.cpu_seconds)),
        "Peak memory": CellText(memory(costs.memory)),
        "Parameters": CellText(NOTHING if costs.parameters is None else f"{costs.parameters:,.0f}"),
        **_ratios(row.of_real, "of real without AT", by_cpu),
        **_ratios(row.of_same, "of the same without AT", by_cpu),
    }


def _ratios(ratio: Costs, name: str, by_cpu: bool) -> dict[str, CellText]:
    return {
        f"{'CPU time' if by_cpu else 'Time'} {name}": _times(ratio.cpu_seconds if by_cpu else ratio.seconds),
        f"Memory {name}": _times(ratio.memory),
        f"Parameters {name}": _times(ratio.parameters),
    }


def _times(ratio: float | None) -> CellText:
    return CellText(NOTHING if ratio is None else f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.3f}")
