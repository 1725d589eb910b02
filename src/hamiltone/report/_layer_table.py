"""Table of AT layers by validation alone: what may be looked at before layers are fixed."""

import math
from collections.abc import Sequence

from hamiltone.records import METHOD_NAMES

from ._run_tables import NOTHING, CellText, percent
from ._study_results import StudyResults, StudyRun, mean_validation

LAYER_WORDS = (
    "Mean validation accuracy over the seeds and folds that are done, in brackets how many runs that is; without AT "
    "over all baselines, the re-seeded ones among them. No test result is looked at, so layers may be fixed by it for "
    "runs to come."
)


def layer_cells(study: StudyResults) -> list[dict[str, CellText]]:
    """A row for each corpus, split, network and AT layer, a column for each kind of AT; none where one layer alone is.

    A network without anti-transfer has its accuracy in each row, to compare with.
    """
    rows = []
    used = {run.condition.method for run in study.recognisers}
    methods = [method for method in METHOD_NAMES if method in used and method != "none"]
    places = dict.fromkeys(
        (run.condition.corpus, run.condition.split, run.condition.network) for run in study.recognisers
    )
    for corpus, split, network in places:
        its = study.of(corpus=corpus, split=split, network=network)
        layers = sorted({run.condition.layer for run in its if run.condition.layer is not None})
        without = _accuracy([run for run in its if run.condition.method == "none"])
        for layer in layers if len(layers) > 1 else ():
            at = [run for run in its if run.condition.layer == layer]
            columns = {method: _accuracy([run for run in at if run.condition.method == method]) for method in methods}
            place = {"Corpus": corpus, "Split": split, "Network": network, "AT layer": str(layer)}
            rows.append({name: CellText(text) for name, text in place.items()} | {"no AT": without} | columns)
    return rows


def _accuracy(runs: Sequence[StudyRun]) -> CellText:
    done = [run for run in runs if run.record and run.record.validation]
    accuracy = mean_validation(done)
    return CellText(NOTHING) if accuracy == -math.inf else CellText(percent(accuracy), f"({len(done)})")
