"""Settings from a TOML file, with ``key.path=value`` on top."""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hamiltone.errors import system_reason
from hamiltone.files import read_text
from hamiltone.settings_paths import SettingsError

from ._fronts import FRONTS
from ._kinds import NESTED, Kinds
from ._networks import NETWORKS
from ._run import RunSettings

_EXTENDS = "extends"
_KINDS: dict[str, Kinds[Any]] = {"network": NETWORKS, "front": FRONTS}

Model = TypeVar("Model", bound=BaseModel)


def read_settings(path: Path | str, overrides: Sequence[str] = ()) -> RunSettings:
    """Read the settings of a run.

    Args:
        path: a TOML file. Its key ``extends`` names another (relative to its own folder) that it is laid over.
        overrides: ``key.path=value`` with a TOML value, or a bare text.

    Raises:
        SettingsError: unreadable, unknown keys (the nearest is suggested), values out of range.
    """
    return validated(RunSettings, read_toml(path, overrides), str(path), overrides)


def settings_from(content: Mapping[str, Any], where: str) -> RunSettings:
    """Settings from a nested dictionary; ``where`` it came from is named in errors.

    Raises:
        SettingsError: as :func:`read_settings`.
    """
    return validated(RunSettings, content, where)


def read_toml(path: Path | str, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The content of a settings file with all that it extends and what is laid over it, not yet checked.

    Raises:
        SettingsError: unreadable, no TOML, or an override that is none.
    """
    content, asked = _read_file(Path(path), seen=()), {}
    for override in overrides:
        asked = _merged(asked, _parse_override(override), {})  # in any order: a kind drops no other override
    return laid_over(content, asked)


def validated(model: type[Model], content: Mapping[str, Any], where: str, overrides: Sequence[str] = ()) -> Model:
    """Settings of any kind from a nested dictionary.

    Args:
        model: what they are to be.
        content: the dictionary.
        where: it came from; named in errors.
        overrides: what was laid over it there; the one that has brought a mistake is named, too.

    Raises:
        SettingsError: unknown keys (the nearest is suggested), missing ones, values out of range.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = list(_problems(error, model))
        # An unknown key is the likelier mistake where another key is missing, too.
        foremost = min(problems, key=lambda item: item[1]["type"] != "extra_forbidden")
        explained = _explain(foremost, problems, model)
        brought = [override for override in overrides if _concerns(override, foremost[0], explained)]
        source = f"{where} with {brought[-1]}" if brought else where
        raise SettingsError(f"{source}: {explained}") from None


def _concerns(override: str, place: "_Place", explained: str) -> bool:
    """Whether an override is of a place in the settings, of what that is in, or of a key in it that is explained."""
    keys = [key.strip() for key in override.partition("=")[0].split(".")]
    below = ".".join(keys[len(place) :])  # a table's keys may not fit one another: not each of them is concerned
    same = all(key == str(part) for key, part in zip(keys, place, strict=False))
    return same and (not below or re.search(rf"\b{re.escape(below)}\b", explained) is not None)


def laid_over(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """A nested dictionary with another one laid over it: tables are merged, all else is replaced.

    Of a ``network`` or ``front`` only those keys stay below one of another ``kind`` that both kinds have in common.
    """
    return _merged(lower, upper, _KINDS)


def _merged(lower: Mapping[str, Any], upper: Mapping[str, Any], kinds: Mapping[str, Kinds[Any]]) -> dict[str, Any]:
    content = dict(lower)
    for key, value in upper.items():
        below = content.get(key)
        if not (isinstance(value, dict) and isinstance(below, dict)):
            content[key] = value
            continue
        if key in kinds and "kind" in value:
            below = kinds[key].kept(below, str(value["kind"]))
        content[key] = _merged(below, value, kinds)
    return content


def _read_file(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in seen:
        raise SettingsError(f"{path}: extends itself in a circle; take one `extends` out")
    try:
        content = tomllib.loads(read_text(path))
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such settings file; ready ones are in configs/") from None
    except (OSError, UnicodeDecodeError) as error:
        if path.is_dir():
            raise SettingsError(f"{path}: is a folder; name a settings file, as {path / 'settings.toml'}") from None
        raise SettingsError(f"{path}: cannot be read: {system_reason(error)}") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"{path}: is no valid TOML: {error}") from None
    base = content.pop(_EXTENDS, None)
    if base is None:
        return content
    if not isinstance(base, str):
        raise SettingsError(f"{path}: extends takes the name of one file")
    return laid_over(_read_file(path.parent / base, (*seen, path.resolve())), content)


def _parse_override(override: str) -> dict[str, Any]:
    path, equals, text = override.partition("=")
    keys = [key.strip() for key in path.split(".")]
    if not equals or not all(keys):
        raise SettingsError(f"{override!r}: an override is key.path=value, as training.epochs=10")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        if text.lstrip()[:1] in ("{", "[", '"', "'"):
            raise SettingsError(
                f"{override!r}: its value is no TOML ({str(error)[:100]}); in double quotes a backslash is written "
                "twice, in single ones once"
            ) from None
        value = text
    return nested(keys, value)


def nested(keys: Sequence[str], value: Any) -> dict[str, Any]:
    """A value below its keys, the outermost first."""
    content: dict[str, Any] = {keys[-1]: value}
    for key in reversed(keys[:-1]):
        content = {key: content}
    return content


def dotted(content: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested tables, each with its keys as ``key.path``."""
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from dotted(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def _explain(foremost: "_Problem", problems: "Sequence[_Problem]", model: type[BaseModel]) -> str:
    place, first, owner = foremost
    name = ".".join(str(part) for part in place)
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    if first["type"] == "extra_forbidden":
        known = [field.alias or key for key, field in owner.model_fields.items()]
        near = difflib.get_close_matches(str(place[-1]), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
        table = name.rpartition(".")[0]
        where = f" (hamiltone settings {table} tells them)" if table and issubclass(model, RunSettings) else ""
        return f"unknown key {name}; {hint}{where}{more}"
    if first["type"] == "missing":
        return _what_is_missing(place, problems, more)
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "tuple_type":
        message = "takes a list, as [1, 2]"
    if first["type"] in ("dict_type", "model_type", "model_attributes_type"):
        message = "takes a table, as { key = value }"
    # A whole table is not shown: the message names what in it does not fit.
    shown = "" if isinstance(first["input"], dict) else f", not {first['input']!r}"
    return f"{name}: {message}{shown}{more}" if name else f"{message}{more}"


def _what_is_missing(place: "_Place", problems: "Sequence[_Problem]", more: str) -> str:
    """Too few values in a list, or keys; all of them, where nothing else is wrong."""
    if isinstance(place[-1], int):
        return f"{'.'.join(map(str, place[:-1]))}: has too few values{more}"
    missing = [one for one, problem, _ in problems if problem["type"] == "missing"]
    absent = [".".join(map(str, one)) for one in missing if not isinstance(one[-1], int)]
    if len(absent) == len(problems) > 1:
        return f"{', '.join(absent[:-1])} and {absent[-1]} are missing; they must be given"
    return f"{absent[0]} is missing; it must be given{more}"


_Place = tuple[int | str, ...]
_Problem = tuple[_Place, ErrorDetails, type[BaseModel]]
"""Where it is, what it is, and the model of the table that it is in."""


def _problems(error: ValidationError, model: type[BaseModel], place: tuple[int | str, ...] = ()) -> Iterator[_Problem]:
    """All that is wrong, also in settings of a kind, whose errors are held by one of their own."""
    for problem in error.errors():
        location = (*place, *problem["loc"])
        if problem["type"] == NESTED:
            context = problem.get("ctx", {})
            yield from _problems(context["errors"], context["model"], location)
        else:
            yield location, problem, _owner(problem["loc"][:-1], model)


def _owner(location: tuple[int | str, ...], model: type[BaseModel]) -> type[BaseModel]:
    """The model of the table at a location."""
    parts = list(location)
    while parts:
        part = parts.pop(0)
        field = next((field for name, field in model.model_fields.items() if part in (name, field.alias)), None)
        if field is None:
            return model
        if get_origin(field.annotation) not in (Union, UnionType, None):
            del parts[:1]  # the key in a table of models, or the place in a list of them
        options = get_args(field.annotation) or (field.annotation,)
        models = [option for option in options if isinstance(option, type) and issubclass(option, BaseModel)]
        model = models[0] if models else model
    return model
