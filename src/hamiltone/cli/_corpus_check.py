"""The verbs that look at corpora: corpus check, corpus audit."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from hamiltone.cli._corpora import corpus_app
from hamiltone.cli._options import Json, Overrides, Quiet, Settings, corpus_and_root
from hamiltone.cli._printing import print_table, progress

if TYPE_CHECKING:
    from hamiltone.corpora import Audit, CorpusCheck

_MOST_ROWS = 40
_MOST_SHARED = 10


@corpus_app.command("check")
def corpus_check(
    corpus: Annotated[
        str, typer.Argument(metavar="NAME=ROOT", help="A corpus, and its folder or the file of a table.")
    ],
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare a corpus with what is published of it, and listen to every recording.

    The exit code is 1 when something is missing or cannot be read.
    """
    from hamiltone.corpora import check_corpus

    name, root = corpus_and_root(corpus)
    with progress(name, quiet=quiet) as report:
        check = check_corpus(name, root, report=report)
    if as_json:
        print(json.dumps(check.as_json(), indent=2))
    else:
        print_check(check)
    if not check.sound:
        raise typer.Exit(1)


@corpus_app.command("audit")
def corpus_audit(settings: Settings, overrides: Overrides = None, as_json: Json = False, quiet: Quiet = False) -> None:
    """Look for leaks between the parts that a run trains, validates and tests on: audio, speakers, sentences.

    The exit code is 1 when audio of one part is in another, too.
    """
    from hamiltone.corpora import audit
    from hamiltone.settings import load_dataset, read_settings

    dataset = load_dataset(read_settings(settings, overrides or []))
    with progress(dataset.utterances.corpus, quiet=quiet) as report:
        found = audit(dataset.utterances, dataset.split, report=report)
    if as_json:
        print(json.dumps(found.as_json(), indent=2))
    else:
        print_audit(found, dataset.utterances.note)
        for remark in dataset.remarks:
            print(f"note: {remark}")
    if found.leaking:
        raise typer.Exit(1)


def print_check(check: "CorpusCheck") -> None:
    from hamiltone.corpora import KINDS

    print(f"{check.corpus} in {check.root}")
    print(f"expected: {check.tree}")
    rates = ", ".join(f"{number} at {rate} Hz" for rate, number in check.rates.items())
    print(f"found: {check.clips.found} clips, {check.seconds / 3600:.2f} h; recordings: {rates or 'none can be read'}")
    if check.note:
        print(f"note: {check.note}")
    for kind, counts in ((check.column, check.classes), ("speaker", check.speakers)):
        columns = (kind.capitalize(), "Found", "Published")
        if 0 < len(counts) <= _MOST_ROWS:
            rows = [("all", check.clips), *counts.items()]
            cells = [(label, str(count.found), str(count.published or "")) for label, count in rows]
            print_table(f"Clips by {kind}", [dict(zip(columns, row, strict=True)) for row in cells], columns)
        elif counts:
            found = [count.found for count in counts.values()]
            print(f"clips by {kind}: {len(found)} with {min(found)} to {max(found)} each (each one: --json)")
    rows = []
    for kind in KINDS:
        if problems := check.of(kind):
            rows.append({"Problem": kind, "How many": str(len(problems))})
            rows[-1]["The first"] = f"{problems[0].name}: {problems[0].text}"
    if rows:
        print_table("Problems (all of them: --json)", rows, ("Problem", "How many", "The first"))
    for line in check.remarks:
        print(f"problem: {line}")
    for line in check.missing:
        print(f"missing: {line}")
    print("nothing is missing, and all can be read" if check.sound else "this corpus is not whole, or not readable")


def print_audit(audit: "Audit", note: str) -> None:
    parts = ", ".join(f"{part} {number}" for part, number in audit.clips.items())
    remark, scheme = f" ({note})" if note else "", f", {audit.scheme}" if audit.scheme else ""
    print(f"{audit.corpus}{remark}, {audit.kind} split{scheme} {audit.hash[:12]}: {parts}")
    print(f"protocol: {audit.protocol.line}")
    speakers, texts = audit.shared("speakers"), audit.shared("texts")
    rows = [
        {"Parts": parts, "Shared speakers": _told(speakers[parts]), "Shared sentences": _told(texts[parts])}
        for parts in speakers
    ]
    print_table("What two parts share", rows, ("Parts", "Shared speakers", "Shared sentences"))
    for path in audit.protocol.recordings:
        print(f"leak: {path} lies in several parts")
    for pair in audit.leaks:
        (one, other), (here, there) = pair.utterances, pair.parts
        how = f"{100 * pair.different:.0f} % of their bits differ, {1000 * pair.shift_seconds:+.0f} ms"
        print(f"leak: {one} ({here}) and {other} ({there}) have the same audio ({how})")
    within = len(audit.pairs) - len(audit.leaks)
    if within:
        first = next(pair for pair in audit.pairs if pair.parts[0] == pair.parts[1])
        print(f"pairs of copies within one part, which leak nothing: {within}, as {' and '.join(first.utterances)}")
    print("audio leaks between the parts" if audit.leaking else "no audio is in two parts")


def _told(names: list[str] | None) -> str:
    if names is None:
        return "not known"
    if not names:
        return "none"
    more = ", ..." if len(names) > _MOST_SHARED else ""
    return f"{len(names)}: {', '.join(names[:_MOST_SHARED])}{more}"
