"""Databases in audformat's form, loaded through its library."""

import os
import warnings
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from hamiltone.settings_paths import lying_path

from ..recordings import corpus_folder, not_this_corpus
from ..utterances import CorpusError, Utterances
from ._corpus import Corpus

_SCHEMES = {"emotion": "emotion", "speaker": "speaker", "text": "transcription"}
_OPTIONS = ("table", *_SCHEMES)
"""``table``: the tables to take, with commas between them; the others: the scheme, label or column of that meaning."""

_HEADER = "db.yaml"
_TREE = f"{_HEADER} with its tables and recordings"


def load_audformat(root: Path | None, options: Mapping[str, str] | None = None) -> Utterances:
    """Load a database in audformat's form (audeering.github.io/audformat).

    Args:
        root: the folder with ``db.yaml``, its tables (CSV or Parquet) and the recordings.
        options: ``table`` (all tables that have emotions), ``emotion`` ("emotion"), ``speaker`` ("speaker"), ``text``
            ("transcription"): schemes, labels of schemes, or columns, as the library's ``Database.get`` finds them.

    Returns:
        One row per recording or segment with an emotion label, as the tables have it. ``utterance`` is the recording's
        path below the folder, with ``#START-END`` behind it for a segment; ``split`` is train, dev or test where a
        table belongs to such a split of the database.

    Raises:
        CorpusError: audformat is not installed; no such database, pickled tables in it (reading them could run any
            program), or one that the library cannot read; tables or emotions that are not there.
    """
    try:
        audformat = import_module("audformat")
    except ImportError as error:
        raise CorpusError("audformat: its library reads these databases: pip install 'hamiltone[audformat]'") from error
    folder = corpus_folder("audformat", root)
    if not (folder / _HEADER).is_file():
        raise not_this_corpus("audformat", folder, _TREE)
    _refuse_programs(folder)
    if pickled := sorted(folder.glob("db.*.pkl")):
        raise CorpusError(
            f"audformat: {pickled[0]} is a pickled table, which could run any program: "
            "remove it (the library saves tables as CSV or Parquet, too)"
        )
    options = options or {}
    scheme = {meaning: options.get(meaning, name) for meaning, name in _SCHEMES.items()}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the library says of pandas is nothing that users could change
            database = audformat.Database.load(str(folder))
            tables = _tables(database, options.get("table"), folder)
            found = database.get(scheme["emotion"], [scheme["speaker"], scheme["text"]], tables=tables)
            parts = _parts(database, tables, scheme["emotion"])
    except CorpusError:
        raise
    except Exception as error:  # the library and its YAML reader raise errors of all kinds
        reason = str(error).partition("\n")[0]
        raise CorpusError(
            f"audformat: {folder} cannot be read ({reason}): correct it, or choose other tables or columns"
        ) from error
    if found.empty:
        raise CorpusError(f"audformat: {folder} has no label of {scheme['emotion']}: name the scheme of emotions")
    names = list(zip(*(_texts(found[scheme[meaning]]) for meaning in _SCHEMES), strict=True))
    rows = [
        _row(folder, place) | dict(zip(_SCHEMES, cells, strict=True)) | {"split": parts.get(place)}
        for place, cells in zip(_places(found), names, strict=True)
    ]
    return Utterances.from_rows(rows, corpus="audformat", root=folder)


def _refuse_programs(folder: Path) -> None:
    """Refuse a header that could run any program: the library's reader makes whatever objects it asks for."""
    yaml = import_module("yaml")  # which the library rests on
    safe = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # a header may be long, and that in C is ten times as fast
    try:
        header = safe((folder / _HEADER).read_bytes()).get_single_data()
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = str(error).partition("\n")[0]
        raise CorpusError(f"audformat: {folder / _HEADER} is no plain YAML ({reason}), and is not read") from error
    for kind in ("tables", "misc_tables"):
        tables = header.get(kind) if isinstance(header, dict) else None
        for name in tables if isinstance(tables, dict) else ():
            if Path(str(name)).name != str(name) or "\\" in str(name):
                raise CorpusError(f"audformat: {folder / _HEADER} names the table {name!r}, which leads elsewhere")


_Place = tuple[str, float | None, float | None]


def _tables(database: Any, asked: str | None, folder: Path) -> list[str]:
    if asked is None:
        return list(database.tables)
    names = [name.strip() for name in asked.split(",")]
    if unknown := [name for name in names if name not in database.tables]:
        raise CorpusError(f"audformat: {folder} has no table {unknown[0]!r}: there are {', '.join(database.tables)}")
    return names


def _parts(database: Any, tables: list[str], scheme: str) -> dict[_Place, str]:
    """What part each place is in: the type (or the name) of the split that its table belongs to."""
    parts = {}
    for name, split in database.splits.items():
        part = split.type if split.type in ("train", "dev", "test") else name
        parts |= dict.fromkeys(_places(database.get(scheme, tables=tables, splits=[name])), part)
    return parts


def _places(frame: pd.DataFrame) -> list[_Place]:
    if not isinstance(frame.index, pd.MultiIndex):
        return [(str(file), None, None) for file in frame.index]
    return [(str(file), _seconds(start) or None, _seconds(end)) for file, start, end in frame.index]


def _seconds(time: Any) -> float | None:
    return None if pd.isna(time) else pd.Timedelta(time).total_seconds()


def _texts(values: pd.Series) -> list[str | None]:
    return [None if pd.isna(value) or str(value) == "" else str(value) for value in values]


def _row(folder: Path, place: _Place) -> dict[str, Any]:
    file, start, end = place
    path = lying_path(os.path.normpath(folder / file))
    name = Path(os.path.relpath(path, folder)).as_posix()
    segment = "" if start is None and end is None else f"#{start or 0.0}-{'' if end is None else end}"
    return {"utterance": name + segment, "path": path, "start": start, "end": end}


AUDFORMAT = Corpus("audformat", load_audformat, _TREE, options=_OPTIONS, naming_speakers="give corpus.options.speaker")
