"""Anti-transfer in the paper's words: the letters of orthogonal tasks, and the types that they make."""

from typing import Literal

OrthogonalTask = Literal["speaker", "word"]
Letters = Literal["none", "S", "W", "SW", "WS"]
"""How settings say which anti-transfer: the letters of its orthogonal tasks, in order."""
Method = Literal["none", "single S", "single W", "dual SW", "dual WS"]
"""How records and tables say it."""

ORTHOGONAL_TASKS: dict[str, OrthogonalTask] = {"S": "speaker", "W": "word"}
"""The task of each letter."""

METHODS: dict[Letters, Method] = {
    "none": "none",
    "S": "single S",
    "W": "single W",
    "SW": "dual SW",
    "WS": "dual WS",
}
"""All types by their letters, in the paper's order: without anti-transfer, with one orthogonal task, with both."""

METHOD_NAMES: tuple[Method, ...] = tuple(METHODS.values())


def task_letter(task: str) -> str | None:
    """The letter of an orthogonal task; None for another task."""
    return next((letter for letter, name in ORTHOGONAL_TASKS.items() if name == task), None)
