"""The small study that comes with the package; that it runs is shown by ``make quickstart``."""

from hamiltone.study import read_study
from hamiltone.study._graph import build_graph
from hamiltone.study._quickstart import _STUDY


def test_it_is_the_whole_method_in_eight_runs() -> None:
    nodes = build_graph(read_study(_STUDY)).nodes
    kinds = [node.cell.method if node.cell else node.kind for node in nodes]
    pretraining = ["rh-emo-1", "rh-emo-2", "speaker", "word"]
    assert sorted(kinds) == sorted([*pretraining, "none", "single S", "single W", "dual SW"])
