"""Settings from a TOML file, with ``key.path=value`` on top."""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from hamiltone.settings_paths import SettingsError

from ._settings import RunSettings

_EXTENDS = "extends"

Model = TypeVar("Model", bound=BaseModel)


def read_settings(path: Path | str, overrides: Sequence[str] = ()) -> RunSettings:
    """Read the settings of a run.

    Args:
        path: a TOML file. Its key ``extends`` names another (relative to its own folder) that it is laid over.
        overrides: ``key.path=value`` with a TOML value, or a bare text.

    Raises:
        SettingsError: unreadable, unknown keys (the nearest is suggested), values out of range.
    """
    return settings_from(read_toml(path, overrides), where=str(path))


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
    content = _read_file(Path(path), seen=())
    for override in overrides:
        content = laid_over(content, _parse_override(override))
    return content


def validated(model: type[Model], content: Mapping[str, Any], where: str) -> Model:
    """Settings of any kind from a nested dictionary; ``where`` it came from is named in errors.

    Raises:
        SettingsError: unknown keys (the nearest is suggested), missing ones, values out of range.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise SettingsError(f"{where}: {_explain(error, model)}") from None


def laid_over(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """A nested dictionary with another one laid over it: tables are merged, all else is replaced."""
    content = dict(lower)
    for key, value in upper.items():
        below = content.get(key)
        content[key] = laid_over(below, value) if isinstance(value, dict) and isinstance(below, dict) else value
    return content


def _read_file(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in seen:
        raise SettingsError(f"{path}: extends itself in a circle; take one `extends` out")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such settings file; ready ones are in configs/") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
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
    except tomllib.TOMLDecodeError:
        value = text
    content: dict[str, Any] = {keys[-1]: value}
    for key in reversed(keys[:-1]):
        content = {key: content}
    return content


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    # An unknown key is the likelier mistake where another key is missing, too.
    first = min(error.errors(), key=lambda item: item["type"] != "extra_forbidden")
    place = ".".join(str(part) for part in first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        known = _known_keys(first["loc"][:-1], model)
        near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
        return f"unknown key {place}; {hint}{more}"
    if first["type"] == "missing":
        return f"{place} is missing; it must be given{more}"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "tuple_type":
        message = "takes a list, as [1, 2]"
    # A whole table is not shown: the message names what in it does not fit.
    shown = "" if isinstance(first["input"], dict) else f", not {first['input']!r}"
    return f"{place}: {message}{shown}{more}" if place else f"{message}{more}"


def _known_keys(location: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    parts = list(location)
    while parts:
        part = parts.pop(0)
        annotation = next(field.annotation for name, field in model.model_fields.items() if part in (name, field.alias))
        if get_origin(annotation) not in (Union, UnionType, None):
            del parts[:1]  # the key in a table of models, or the place in a list of them
        options = get_args(annotation) or (annotation,)
        model = next(option for option in options if isinstance(option, type) and issubclass(option, BaseModel))
    return [field.alias or name for name, field in model.model_fields.items()]
