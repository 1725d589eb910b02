"""One study of several that were carried out apart."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hamiltone.cli import app
from hamiltone.records import RecordError, StudyPlan
from hamiltone.report import write_report
from hamiltone.study import LocalExecutor, StudyError, join_studies, plan_study, run_study
from hamiltone.study._status import write_plan

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
    with pytest.raises(StudyError, match=f"{tmp_path}: has no plan of a study in studies/"):
        join_studies([first, tmp_path], out)
    with pytest.raises(StudyError, match=f"{tmp_path / 'none'}: there is no such folder"):
        join_studies([first, tmp_path / "none"], out)
    copy = shutil.copytree(second, tmp_path / "copy")
    plan = StudyPlan.read(copy / "studies" / "tiny.json")
    renamed = [run.model_copy(update={"folder": f"{run.folder}-again", "needs": ()}) for run in plan.runs]
    plan.model_copy(update={"runs": tuple(renamed)}).write(copy / "studies" / "tiny.json")
    with pytest.raises(StudyError, match=f"{copy}: has seed 3, and so has {second}, by other settings, .*; leave one"):
        join_studies([first, second, copy], out)
    plan.model_copy(update={"settings": plan.settings | {"layers": [3]}}).write(copy / "studies" / "tiny.json")
    with pytest.raises(StudyError, match=f"{copy}: has another layers than {first}; join studies that differ in their"):
        join_studies([first, copy], out)
    shutil.copy(copy / "studies" / "tiny.json", copy / "studies" / "other.json")
    with pytest.raises(RecordError, match=rf"{copy} holds several studies \(other, tiny\): .* --study NAME"):
        join_studies([first, copy], out)
    assert not out.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy"]


def shared(folder: Path) -> Path:
    """The run of the frozen network, which has no seed of the study's."""
    return next(folder.glob("runs/[!.]*speaker*"))


def test_of_a_run_that_several_have_the_one_that_is_done_is_kept(apart: list[Path], tmp_path: Path) -> None:
    whole, other, together = apart
    cut = shutil.copytree(whole, tmp_path / "cut")
    (shared(cut) / "record.json").unlink()
    (cut / "studies" / "._tiny.json").touch()  # as some systems leave beside a copied file
    for number, folders in enumerate(([cut, other], [other, cut], [cut, whole, other])):
        out = tmp_path / f"joined-{number}"
        join_studies(folders, out)
        assert (shared(out) / "record.json").read_bytes() in {
            (shared(folder) / "record.json").read_bytes() for folder in (whole, other)
        }
        assert told(out) == told(together)


def test_what_is_done_nowhere_is_planned_and_not_done(apart: list[Path], tmp_path: Path) -> None:
    first, second, together = apart
    cut = shutil.copytree(second, tmp_path / "cut")
    lost = next(cut.glob("runs/[!.]*-s-2-*"))
    shutil.rmtree(lost)
    out = tmp_path / "joined"
    joined = join_studies([first, cut], out)
    assert lost.name in {Path(run.folder).name for run in joined.runs}
    assert not (out / "runs" / lost.name).exists()
    assert len(list(out.glob("runs/*/record.json"))) == len(list(together.glob("runs/*/record.json"))) - 1


def test_a_file_that_is_gone_is_named_and_nothing_is_left(apart: list[Path], tmp_path: Path) -> None:
    first, second, _ = apart
    cut = shutil.copytree(second, tmp_path / "cut")
    (next(cut.glob("runs/[!.]*-s-2-*")) / "gone").symlink_to(tmp_path / "nowhere")
    with pytest.raises(StudyError, match=r"gone: cannot be copied \(.*No such file"):
        join_studies([first, cut], tmp_path / "joined")
    assert not (tmp_path / "joined").exists()


def test_the_verb_says_what_it_has_put_together(apart: list[Path], tmp_path: Path) -> None:
    first, second, _ = apart
    out = tmp_path / "joined"
    asked = ["study", "join", str(first), str(second), str(first), "--out", str(out), "--study", "tiny"]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    number = len(list(out.glob("runs/[!.]*")))
    assert f"tiny: {number} runs of 2 folders, seeds 0, 3, are in {out}" in result.stdout
    assert f"report: hamiltone report {out}" in result.stdout


def test_networks_that_share_runs_keep_all_of_their_cells(study_of: Make, tmp_path: Path) -> None:
    """One of them has seeds of its own, so that one plan knows cells of a run that the other does not."""
    networks = {"plain": {}, "pooled": {"seeds": [0, 1], "recogniser": {"anti_transfer": {"aggregation": "pooled"}}}}
    folders = []
    for seed in (0, 1):
        out = tmp_path / str(seed)
        study = study_of(seeds=[seed], methods=["none", "S"], networks=networks)
        write_plan(plan_study(study, out), "a test")
        folders.append(out)
    cells = [
        {(cell.network, cell.method, cell.seed) for run in plan.runs for cell in (run.cell, *run.also) if cell}
        for plan in (join_studies(folders, tmp_path / "one"), join_studies(folders[::-1], tmp_path / "other"))
    ]
    expected = {(name, method, seed) for name in networks for method in ("none", "single S") for seed in (0, 1)}
    assert cells == [expected, expected]
