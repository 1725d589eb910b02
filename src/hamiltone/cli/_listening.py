"""How far a prediction is: a bar of seconds heard."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def listening(paths: Sequence[Path], *, quiet: bool) -> Iterator[Callable[[Path, float], None] | None]:
    """Show a bar on standard error while recordings are read, and give what moves it; nothing without a terminal."""
    from rich.progress import TaskProgressColumn, TimeRemainingColumn

    from hamiltone.progress import Bars

    with Bars(TaskProgressColumn(), TimeRemainingColumn(), quiet=quiet) as bars:
        if not bars.shown:
            yield None
            return
        task = bars.progress.add_task("listening", total=sum(map(_seconds, paths)) or None)
        yield lambda path, seconds: bars.progress.update(task, description=path.name, advance=seconds)


def _seconds(path: Path) -> float:
    from hamiltone.audio import AudioError, audio_duration

    try:
        return audio_duration(path)
    except AudioError:  # told when its turn comes
        return 0.0
