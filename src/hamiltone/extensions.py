"""Extensions: Python files and modules of the user's that register corpora, networks, fronts, losses or exports.

Their names come from the environment (``HAMILTONE_EXTENSIONS``) and from installed packages (entry points of the group
``hamiltone.extensions``), never from settings or from a saved model: those may be a stranger's, and run no code.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from .errors import HamiltoneError

VARIABLE = "HAMILTONE_EXTENSIONS"
_GROUP = "hamiltone.extensions"


class ExtensionError(HamiltoneError):
    """An extension that cannot be found or imported, that lacks a part, or whose own code fails."""


@cache
def load_extensions() -> dict[str, str]:
    """Import all extensions, once for each process.

    Returns:
        For each its name and the file that defines it.

    Raises:
        ExtensionError: one cannot be found or imported.
    """
    named = list(dict.fromkeys(_absolute(name) for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name))
    if named:
        os.environ[VARIABLE] = os.pathsep.join(named)  # for processes that are started elsewhere
    modules = {name: _import(name, VARIABLE) for name in named}
    for point in entry_points(group=_GROUP):
        modules[point.name] = _import(point.module, f"entry point {point.name}")
    files: dict[str, str] = {}
    for name, module in modules.items():
        short = Path(name).name
        files[short if short not in files else f"{short} ({len(files) + 1})"] = module.__file__ or ""
    return files


@contextmanager
def failures_told(what: str, beside: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Tell what an extension's own code raises in one line.

    Args:
        what: whose code it is: the first words of the line.
        beside: errors that are told elsewhere.

    Raises:
        ExtensionError: the code within raised anything that is no such line of itself.
    """
    told = (HamiltoneError, *beside)
    try:
        yield
    except told:
        raise
    except Exception as error:  # whatever the user's own code raises
        first, _, others = str(error).strip().partition("\n")
        if first.endswith(":"):  # a heading, as of torch's load_state_dict
            first += f" {others.strip().partition(chr(10))[0]}"
        raise ExtensionError(f"{what} fails: {type(error).__name__}: {first}") from error


def refuse_partial(part: type, lacking: Iterable[str] = ()) -> None:
    """See that a class has all that its base leaves open, and none of what else it is known to be ``lacking``.

    Raises:
        ExtensionError: it lacks something; named with the class.
    """
    if missing := sorted({*getattr(part, "__abstractmethods__", ()), *lacking}):
        base = part.__bases__[0].__name__
        raise ExtensionError(f"{part.__name__} lacks {', '.join(missing)}, which a {base} needs: see docs/extending.md")


def hint() -> str:
    """What to do where a name is not known, but an extension may define it."""
    return f"if an extension defines it, name its file in the environment's {VARIABLE}"


def _absolute(name: str) -> str:
    return str(Path(name).expanduser().absolute()) if name.endswith(".py") else name


def _import(name: str, place: str) -> ModuleType:
    path = Path(name) if name.endswith(".py") else None
    if path and not path.is_file():
        raise ExtensionError(f"{place}: there is no file {path}; name Python files, or modules that are installed")
    # A module that is installed may have the name of a folder here.
    if path is None and Path(name).is_dir() and not _is_installed(name):
        raise ExtensionError(f"{place}: {name} is a folder; name the Python files in it")
    try:
        with failures_told("its import"):
            return _import_file(path) if path else importlib.import_module(name)
    except HamiltoneError as error:
        raise ExtensionError(f"{place}: {name}: {error}") from error


def _is_installed(name: str) -> bool:
    """Whether there is such a module; a folder without one is a module to Python, too, of no file."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None


def _import_file(path: Path) -> ModuleType:
    module_name = f"hamiltone_extension_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path.resolve())
    if spec is None or spec.loader is None:
        raise ExtensionError(f"{VARIABLE}: {path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    return module
