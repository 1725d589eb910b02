"""Table of a search: the settings that were tried for each recogniser, and which of them count."""

import math

from ._run_tables import NOTHING, CellText, percent
from ._study_results import StudyResults, mean_validation

SEARCH_WORDS = (
    "For each corpus, split, fold, network, anti-transfer and layer that trial counts which has the highest validation "
    "accuracy (the mean over seeds; of equal ones the earlier); its runs alone are in the tables and figures. No test "
    "result is looked at."
)


def search_cells(study: StudyResults) -> list[dict[str, CellText]]:
    """A row for each trial; none where nothing was searched."""
    rows = []
    for trials in study.searched:
        condition = trials.condition
        for trial, runs in trials.by_trial.items() if len(trials.by_trial) > 1 else ():
            accuracy = mean_validation(runs)
            again = f"again {condition.reseed}" if condition.reseed else ""
            rows.append(
                {
                    "Corpus": CellText(condition.corpus),
                    "Split": CellText(condition.split, f"fold {condition.fold}" if condition.folds else ""),
                    "Network": CellText(condition.network),
                    "AT": CellText(condition.method, again),
                    "AT layer": CellText(NOTHING if condition.layer is None else str(condition.layer)),
                    "Settings": CellText(", ".join(f"{key} = {value}" for key, value in trial)),
                    "Validation accuracy": CellText(percent(None if accuracy == -math.inf else accuracy)),
                    "Chosen": CellText("yes" if runs is trials.chosen and accuracy > -math.inf else ""),
                }
            )
    return rows
