"""The page of all commands, from the command line itself."""

from collections.abc import Iterator
from pathlib import Path

import typer
from typer.core import TyperCommand, TyperGroup

from hamiltone.cli import app


def write_commands(path: Path) -> None:
    """Write each verb with what it does, its arguments and its options, as Markdown."""
    lines = [
        "# Every command",
        "",
        "What `hamiltone VERB --help` says. Settings have [a page of their own](../settings.md).",
    ]
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    for words, command in _verbs(root, ("hamiltone",)):
        context = command.make_context(" ".join(words), [], resilient_parsing=True)
        usage = " ".join(piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]")
        lines += [
            "",
            f"## {' '.join(words[1:])}",
            "",
            f"`{' '.join((*words, usage)).strip()}`",
            "",
            _prose(command.help),
        ]
        records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
        rows = [_row(record) for record in records if record is not None and not record[0].startswith("--help")]
        if rows:
            lines += ["", "| | |", "|---|---|", *rows]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _verbs(group: TyperGroup, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], TyperCommand]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _verbs(command, (*words, name))
        elif not command.hidden:
            yield (*words, name), command


def _prose(text: str | None) -> str:
    return "\n".join(line.strip() for line in (text or "").splitlines())


def _row(record: tuple[str, str]) -> str:
    name, meaning = (" ".join(text.split()).replace("|", "\\|") for text in record)
    return f"| `{name}` | {meaning} |"
