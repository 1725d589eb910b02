"""Records in a notebook: what was measured, on what, and what must be said of it."""

from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from ._run import EvaluationRecord, RunRecord

_ROW = Markup("<tr><th>{}</th><td>{:.1f} %</td><td>{}</td></tr>")


def record_html(record: "RunRecord | EvaluationRecord") -> str:
    """A table of the measures with their intervals, and the notes."""
    split, test = record.split, record.test
    parts = [Markup("<p><b>{}</b>: {}, {} split</p>").format(record.name, record.corpus.name, split.kind)]
    if test is not None:
        scores = (("accuracy", test.accuracy), ("UAR", test.uar), ("macro F1", test.macro_f1))
        rows = (_ROW.format(name, 100 * score.value, f"95 % interval {score.interval}") for name, score in scores)
        parts.append(Markup("<table>{}</table>").format(Markup("").join(rows)))
        parts.append(Markup("<p>{} test clips of {} speakers</p>").format(test.clips, test.speakers))
    parts += [Markup("<p>note: {}</p>").format(note) for note in record.notes]
    return str(Markup("").join(parts))
