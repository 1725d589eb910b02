"""The verbs of a study: plan, run, join."""

from pathlib import Path
from typing import Annotated

import typer

from hamiltone.cli._app import app
from hamiltone.cli._options import Overrides, Quiet, command
from hamiltone.cli._printing import GOES_ON, interruptible, print_table
from hamiltone.interruption import end_when_asked

Study = Annotated[Path, typer.Argument(metavar="STUDY.toml", help="A study; ready ones are in configs/study/.")]
Out = Annotated[Path | None, typer.Option("--out", help="Where the study goes; runs/NAME by default.")]

study_app = typer.Typer(
    help="Many runs that rest on one another: a whole comparison in one file.", no_args_is_help=True
)
app.add_typer(study_app, name="study")


@study_app.command("plan")
def study_plan(
    settings: Study,
    overrides: Overrides = None,
    out: Out = None,
    runs: Annotated[bool, typer.Option("--runs", help="List every run, too.")] = False,
    workers: Annotated[int, typer.Option("--workers", min=1, help="For the estimate: how many runs go at once.")] = 1,
) -> None:
    """Show what a study consists of: kinds of runs, what rests on what, what is done, and what the rest will take."""
    from hamiltone.progress import duration
    from hamiltone.study import ASSUMPTION, plan_study, read_study

    study = read_study(settings, overrides)
    plan = plan_study(study, out or Path("runs") / study.name)
    columns = ("Kind", "Runs", "Done", "Failed", "Rests on", "A run takes", "Memory")
    rows = [
        {
            "Kind": group.name,
            "Runs": str(sum(group.states.values())),
            "Done": str(group.states.get("done", 0)),
            "Failed": str(group.states.get("failed", 0) + group.states.get("skipped", 0)),
            "Rests on": ", ".join(group.rests_on),
            "A run takes": "" if group.estimate is None else duration(group.estimate.seconds),
            "Memory": "" if group.estimate is None else f"{group.estimate.memory / 2**20:.0f} MiB",
        }
        for group in plan.groups()
    ]
    print_table(f"{study.name}: {len(plan.graph.nodes)} runs below {plan.out}", rows, columns)
    if runs:
        for node in plan.graph.nodes:
            print(
                f"{plan.states[node.folder]:<8}{node.folder}" + "".join(f"\n          on {run}" for run in node.needs)
            )
    left = len(plan.left)
    if not left:
        print("all of them are done")
    elif (seconds := plan.seconds_left()) is not None:
        print(f"{left} runs left: about {duration(seconds / workers)} with {workers} at once, as measured here")
    else:
        known = [plan.estimates[node.folder].seconds for node in plan.left if node.folder in plan.estimates]
        unmeasured = f"{left - len(known)} of them nothing alike was measured yet"
        assumed = plan.assumed_seconds()
        if assumed is None:
            print(f"{left} runs left; for {unmeasured}")
        else:
            print(f"{left} runs left; for {unmeasured}:")
            at = f"at the pace of the {len(plan.done)} that are done" if plan.done else f"assuming {ASSUMPTION}"
            print(f"about {duration(assumed / workers)} with {workers} at once, {at}")
        if known:
            print(f"the other {len(known)} take about {duration(sum(known) / workers)} with {workers} at once")


@study_app.command("run")
def study_run(
    settings: Study,
    overrides: Overrides = None,
    out: Out = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, help="Runs at once on this machine; by default as many as its cores hold."),
    ] = None,
    ray: Annotated[
        str | None, typer.Option("--ray", metavar="ADDRESS", help="A Ray cluster instead: auto, HOST:PORT, or local.")
    ] = None,
    ship: Annotated[
        bool, typer.Option("--ship", help="With --ray: send runs through Ray, since its machines share no folder.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Carry out a study: what is done is not done again, what fails is told, and the rest goes on.

    The exit code is 0 when all runs are done, 1 when some failed or were skipped.
    """
    from hamiltone.study import LocalExecutor, StudyError, local_workers, ray_executor, read_study, run_study

    if ray and workers:
        raise StudyError("--workers is for this machine and --ray for a cluster: give one of them")
    if ship and not ray:
        raise StudyError("--ship is for a cluster: give --ray ADDRESS, too")
    study = read_study(settings, overrides)
    out = out or Path("runs") / study.name
    workers = workers or local_workers(study)
    executor = ray_executor(out, ray, ship=ship) if ray else LocalExecutor(out, workers, gpus=_gpus())
    end_when_asked()  # again, since Ray has put its own handler there
    with interruptible(GOES_ON):
        result = run_study(study, out, executor, command=command(), quiet=quiet)
    if result.before == result.planned:
        print(f"{study.name}: all {result.planned} runs were done before; nothing to do")
    else:
        told = f"{result.done} of {result.planned} runs done now, {result.before} before"
        print(f"{study.name}: {told}, {len(result.failed)} failed, {len(result.skipped)} skipped")
    if result.dropped:
        print(
            f"note: {result.dropped} runs that {study.name} had in {out} before are not asked for any more: not shown"
        )
    for folder, reason in result.failed.items():
        print(f"failed: {folder}: {reason}")
    print(f"report: hamiltone report {out}")
    if not result.complete:
        raise typer.Exit(1)


@study_app.command("join")
def study_join(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Where the studies went.")],
    out: Annotated[Path, typer.Option("--out", help="A new folder for the joined one.")],
    study: Annotated[str | None, typer.Option("--study", help="Which of the folders' studies, by name.")] = None,
) -> None:
    """Make one study of several that differ in their seeds alone, as several machines have carried them out."""
    from hamiltone.study import join_studies

    joined = join_studies(folders, out, study=study, command=command())
    seeds = ", ".join(str(seed) for seed in joined.settings["seeds"])
    print(f"{joined.study}: {len(joined.runs)} runs of {len({*folders})} folders, seeds {seeds}, are in {out}")
    print(f"report: hamiltone report {out}")


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()
