"""How far a prediction is: a bar of seconds heard."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def listening(paths: Sequence[Path], *, quiet: bool) -> Iterator[Callable[[Path, float], None] | None]:
    """Show a bar on standard error while recordings are read, and give what moves it; nothing without a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    columns = TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("listening", total=sum(map(_seconds, paths)) or None)

        def heard(path: Path, seconds: float) -> None:
            bar.update(task, description=path.name, advance=seconds)

        yield heard


def _seconds(path: Path) -> float:
    from hamiltone.speech import AudioError, audio_duration

    try:
        return audio_duration(path)
    except AudioError:  # told when its turn comes
        return 0.0
