"""One study of several that were carried out apart."""

import shutil
from pathlib import Path

import pytest

from hamiltone.records import StudyPlan
from hamiltone.report import write_report
from hamiltone.study import LocalExecutor, StudyError, join_studies, run_study

from .conftest import Make


@pytest.fixture(scope="module")
def apart(study_of: Make, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Seeds 0, 3 and both, each in a folder of its own; not to be written to."""
    folders = []
    for seeds in ([0], [3], [0, 3]):
        out = tmp_path_factory.mktemp("apart") / "out"
        study = study_of(seeds=seeds, methods=["none", "S"])
        assert run_study(study, out, LocalExecutor(out, 2), command="a test", quiet=True).complete
        folders.append(out)
    return folders


def told(folder: Path) -> str:
    """What a report says of a study, without what differs from one time to another."""
    write_report(folder)
    return (folder / "table1.md").read_text()


def test_seeds_that_were_run_apart_are_as_if_run_together(apart: list[Path], tmp_path: Path) -> None:
    first, second, together = apart
    out = tmp_path / "new" / "joined"
    joined = join_studies([first, second], out, command="a test")
    expected = StudyPlan.read(together / "studies" / "tiny.json")
    assert joined == StudyPlan.read(out / "studies" / "tiny.json")
    assert joined.settings == expected.settings
    assert {run.folder: run for run in joined.runs} == {run.folder: run for run in expected.runs}
    assert {path.name for path in out.glob("runs/*")} == {path.name for path in together.glob("runs/[!.]*")}
    assert {path.name for path in out.glob("splits/*")} == {path.name for path in together.glob("splits/*")}
    assert told(out) == told(together)


def test_what_does_not_belong_together_is_refused_and_nothing_is_left(
    apart: list[Path], study_of: Make, tmp_path: Path
) -> None:
    first, second, _ = apart
    out = tmp_path / "out"
    with pytest.raises(StudyError, match="name two folders of studies at least"):
        join_studies([first], out)
    with pytest.raises(StudyError, match=f"{tmp_path}: is there already; give --out a new folder"):
        join_studies([first, second], tmp_path)
    with pytest.raises(StudyError, match="has 0 plans in studies/"):
        join_studies([first, tmp_path], out)
    copy = shutil.copytree(second, tmp_path / "copy")
    plan = StudyPlan.read(copy / "studies" / "tiny.json")
    renamed = [run.model_copy(update={"folder": f"{run.folder}-again", "needs": ()}) for run in plan.runs]
    plan.model_copy(update={"runs": tuple(renamed)}).write(copy / "studies" / "tiny.json")
    with pytest.raises(StudyError, match=f"{copy}: has seed 3, and so has {second}; leave one of them out"):
        join_studies([first, second, copy], out)
    plan.model_copy(update={"settings": plan.settings | {"layers": [3]}}).write(copy / "studies" / "tiny.json")
    with pytest.raises(StudyError, match=f"{copy}: has another layers than {first}; join studies that differ in their"):
        join_studies([first, copy], out)
    assert not out.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy"]
