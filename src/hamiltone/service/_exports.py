"""Exports that extensions define, by name."""

from collections.abc import Callable
from pathlib import Path

from hamiltone.extensions import failures_told, hint, load_extensions

from ._errors import ServiceError

Export = Callable[[Path, Path], str]
"""From the folder of a saved model and the place that the user names to the line that is printed."""

_EXPORTS: dict[str, Export] = {}


def register_export(name: str, export: Export) -> None:
    """Make an export known, as ``hamiltone export MODEL --to NAME=PLACE``.

    Raises:
        ServiceError: the name is taken.
    """
    if name in _EXPORTS:
        raise ServiceError(f"there is an export {name!r} already: register yours under another name")
    _EXPORTS[name] = export


def export_to(model: Path, target: str) -> str:
    """Carry out ``NAME=PLACE`` for a saved model; the line that tells what was written.

    Raises:
        ServiceError: no such export, or no place.
        ExtensionError: the export fails.
    """
    name, _, place = target.partition("=")
    load_extensions()
    if name not in _EXPORTS:
        known = f"there is {', '.join(_EXPORTS)}" if _EXPORTS else "there is none"
        raise ServiceError(f"--to {target}: no export is called {name!r}, {known}; {hint()}")
    if not place:
        raise ServiceError(f"--to {target}: say where it goes, as {name}=FILE")
    export = _EXPORTS[name]
    with failures_told(f"--to {target}: the export {getattr(export, '__name__', name)}"):
        return export(model, Path(place))
