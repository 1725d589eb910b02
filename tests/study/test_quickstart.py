"""The small study that comes with the package; that it runs is shown by ``make quickstart``."""

from pathlib import Path

import pytest

from hamiltone.records import Evaluation, Score
from hamiltone.study import StudyError, _quickstart, read_study
from hamiltone.study._graph import build_graph
from hamiltone.study._quickstart import refuse_chance


def test_it_is_the_whole_method_in_eight_runs() -> None:
    nodes = build_graph(read_study("quickstart")).nodes
    kinds = [node.cell.method if node.cell else node.kind for node in nodes]
    pretraining = ["rh-emo-1", "rh-emo-2", "speaker", "word"]
    assert sorted(kinds) == sorted([*pretraining, "none", "single S", "single W", "dual SW"])


def evaluation(right: int) -> Evaluation:
    """Of 128 clips of four classes."""
    confusion = tuple(
        tuple(right // 4 if truth == said else 32 - right // 4 if said == (truth + 1) % 4 else 0 for said in range(4))
        for truth in range(4)
    )
    score = Score(value=right / 128)
    return Evaluation(
        clips=128, speakers=2, accuracy=score, uar=score, macro_f1=score, confusion=confusion, labels=tuple("abcd")
    )


@pytest.mark.parametrize(("right", "learned"), [(32, False), (44, False), (52, True)])
def test_a_run_at_chance_ends_it_with_an_error(right: int, learned: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """By chance 32 of 128 are right, give or take 4.9."""

    class Record:
        test = evaluation(right)

    monkeypatch.setattr(_quickstart, "read_record", lambda _: Record)
    if learned:
        refuse_chance([Path("run")])
    else:
        with pytest.raises(StudyError, match="no better than chance"):
            refuse_chance([Path("run")])


def test_what_recognises_nothing_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    class Record:
        test = None

    monkeypatch.setattr(_quickstart, "read_record", lambda _: Record)
    refuse_chance([Path("run")])
