"""The reference of settings: every key with its type, default, meaning and an example, from the models themselves."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from hamiltone.extensions import load_extensions
from hamiltone.settings_paths import SettingsError

from ._fronts import FRONTS, FrontSettings, StatisticsSettings
from ._kinds import Kinds, KindSettings
from ._networks import NETWORKS, NetworkSettings
from ._run import RunSettings

_KINDS: dict[type[KindSettings], Kinds[Any]] = {NetworkSettings: NETWORKS, FrontSettings: FRONTS}
_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "value"}
_LARGE = 2**32  # a bound that says no more than that a number fits
_BOUNDS = {Ge: ("ge", "from {}"), Gt: ("gt", "above {}"), Le: ("le", "up to {}"), Lt: ("lt", "below {}")}


@dataclass(frozen=True)
class Key:
    """A key of the settings.

    Attributes:
        path: the key with those of the tables that it is in, as ``training.epochs``.
        kind: which kind of its table has it, as ``vgg``; empty where all do.
        type: what it takes, in words.
        default: as TOML; "required" where it must be given, empty where nothing is the default.
        meaning: what it decides.
        example: a line of TOML.
    """

    path: str
    kind: str
    type: str
    default: str
    meaning: str
    example: str


def describe(prefix: str = "") -> list[Key]:
    """All keys of a run's settings, or those at or below one.

    Raises:
        SettingsError: there is no such key; the nearest is suggested.
    """
    load_extensions()
    keys = list(_keys(RunSettings, "", ""))
    found = [key for key in keys if not prefix or key.path == prefix or key.path.startswith(f"{prefix}.")]
    if not found:
        tables = {".".join(key.path.split(".")[:depth]) for key in keys for depth in range(1, 5)}
        near = difflib.get_close_matches(prefix, tables, n=1)
        hint = f"did you mean {near[0]}?" if near else "hamiltone settings tells them all"
        raise SettingsError(f"{prefix}: no such key; {hint}")
    return found


def reference_page() -> str:
    """All keys as a page in Markdown, a table for each table of the settings."""
    lines = [
        "# Settings of a run",
        "",
        "Made by `hamiltone settings --markdown`; `hamiltone settings KEY` tells one.",
        "",
    ]
    table = None
    for key in describe():
        name = key.path.rpartition(".")[0] + (f" (kind {_told(key.kind)})" if key.kind else "")
        if name != table:
            table = name
            heading = [f"## {name}", ""] if name else []
            lines += ["", *heading, "| key | takes | default | meaning | example |", "|---|---|---|---|---|"]
        cells = (f"`{key.path}`", key.type, f"`{key.default}`" if key.default else "", key.meaning, f"`{key.example}`")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, ""])


def _told(kind: str) -> str:
    return f"{kind}, where none is given" if any(kind == kinds.default for kinds in _KINDS.values()) else kind


def _keys(model: type[BaseModel], path: str, kind: str) -> Iterator[Key]:
    tables = []
    for name, field in model.model_fields.items():
        place = f"{path}.{name}" if path else name
        below = _table(field.annotation)
        if below is StatisticsSettings:
            meaning = field.description or ""
            yield Key(place, kind, "table of corpus and split, as a run's", "", meaning, f"{place} = {{corpus = ...}}")
        elif kind and below is not None and issubclass(below, KindSettings) and below in _KINDS:
            # A kind made of others of its part goes on without end.
            example = f'{place} = [{{kind = "{next(iter(_KINDS[below]))}"}}]'
            yield Key(place, kind, f"tables, each as {path}", "[]", field.description or "", example)
        elif below is None:
            yield _key(place, kind, field)
        else:
            tables.append((place, below, get_origin(field.annotation) is tuple))
    for place, below, several in tables:
        kinds = next((_KINDS[base] for base in _KINDS if issubclass(below, base)), None)
        for name in kinds or ("",):
            chosen = below if kinds is None else kinds.model(name)
            yield from _keys(chosen, f"{place}[]" if several else place, name if kinds else kind)


def _table(annotation: Any) -> type[BaseModel] | None:
    """The model of a key that is a table (or a list of tables), if it is one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _table(part))), None)


def _key(path: str, kind: str, field: FieldInfo) -> Key:
    default = "required" if field.is_required() else _toml(field.get_default(call_default_factory=True))
    examples = field.examples or ([] if field.is_required() else [field.default])
    value = next((value for value in examples if value is not None), None)
    example = f"{path} = {_toml(value)}" if value is not None else f"{path} = ..."
    return Key(path, kind, _type(field.annotation, field.metadata), default, field.description or "", example)


def _type(annotation: Any, metadata: list[Any], *, several: bool = False) -> str:
    """What a key takes; ``several``: as one of a list."""
    words = [_words(annotation, several=several)]
    for kind, (name, text) in _BOUNDS.items():
        words += [
            text.format(getattr(bound, name))
            for bound in metadata
            if isinstance(bound, kind) and getattr(bound, name) < _LARGE
        ]
    if any(isinstance(bound, MinLen) for bound in metadata):
        words[0] += ", not empty"
    return " ".join(words)


def _words(annotation: Any, *, several: bool) -> str:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(_toml(value) for value in parts)
    if origin is tuple:
        count = "" if Ellipsis in parts else f"{len(parts)} "
        return f"list of {count}{_words(parts[0], several=True)}"
    if origin is dict:
        return f"table of {_words(parts[1], several=True)}"
    if hasattr(annotation, "__metadata__"):
        return _type(parts[0], list(annotation.__metadata__), several=several)
    if parts:  # a union
        return " or ".join(_words(part, several=several) for part in parts if part is not NoneType)
    return _WORDS[annotation] + ("s" if several and annotation is not bool else "")


def _toml(value: Any) -> str:
    """A value as a settings file has it; JSON is TOML for all that settings hold but tables."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_toml(part)}" for name, part in value.items()) + "}"
    return json.dumps(value)
