"""The sentence that a report opens with: what it shows, and how sure that is."""

from collections.abc import Mapping, Sequence
from typing import Any

from hamiltone.measures import MINIMUM_SPEAKERS

from ._run_tables import percent
from ._runs import Run
from ._table1 import BEST_OF, Table1

_SURE = 0.05


def study_opening(table: Table1, splits: Sequence[Mapping[str, Any]]) -> str:
    """What a study found of anti-transfer, against the baselines of the same networks.

    Where the settings of its ``splits`` carry out some folds alone, it may be there to fix layers by validation, and
    says first that what follows is of test parts.
    """
    parts = dict.fromkeys(
        f"fold{'s' if len(split['only']) > 1 else ''} {', '.join(map(str, split['only']))} of the {split['kind']} split"
        for split in splits
        if split.get("only")
    )
    if not parts:
        return _found(table)
    return (
        f"Here are {' and '.join(parts)} alone; to fix layers or settings for the others, look at validation "
        f"(layers.md) and at nothing else here. {_found(table)}"
    )


def _found(table: Table1) -> str:
    compared = [cell for cell in table.cells if cell.difference and cell.method not in ("none", BEST_OF)]
    if not compared:
        return "So far nothing here is compared: the study has no finished run of anti-transfer and its baseline."
    judged = [cell for cell in compared if cell.p_adjusted is not None]
    if not judged:
        fewest = min(cell.speakers or 0 for cell in compared)
        return (
            f"This shows that the method runs, and not which method is better: with {fewest} test speakers "
            f"({MINIMUM_SPEAKERS} are needed) the order of the methods means nothing."
        )
    sure = [cell for cell in judged if cell.p_adjusted is not None and cell.p_adjusted < _SURE]
    pairs = f"comparison{'' if len(judged) == 1 else 's'} of anti-transfer with its baseline"
    if not sure:
        return f"Of {len(judged)} {pairs} none is established: every difference may be chance (p adjusted by Holm)."
    found = "; ".join(f"{cell.name} {100 * cell.difference.estimate:+.1f} points" for cell in sure if cell.difference)
    return f"Of {len(judged)} {pairs} {len(sure)} {'is' if len(sure) == 1 else 'are'} established: {found}."


def runs_opening(runs: Sequence[Run]) -> str:
    """What recognisers reach on their test clips, beside always naming the commonest class."""
    tests = [run.record.test for run in runs if run.record.task == "emotion" and run.record.test]
    if not tests:
        return "No recogniser of emotions is here yet: the page shows what it would rest on."
    reached = sorted(test.accuracy.value for test in tests)
    span = percent(reached[0]) + (f" to {percent(reached[-1])}" if len(reached) > 1 else "")
    chance = max(test.chance for test in tests)
    its = "its" if len(tests) == 1 else "their"
    many = f"The {len(tests)} recognisers name" if len(tests) > 1 else "The recogniser names"
    return (
        f"{many} {span} of {its} test clips rightly, where always naming the commonest class "
        f"would name {percent(chance)}{' at most' if len(tests) > 1 else ''}."
    )
