"""From records to tables, figures and one self-contained HTML page.

A run of the training leaves ``record.json`` and, if it names classes, ``predictions.csv`` in its folder. Everything
here reads the records found at any depth below a folder::

    write_report(Path("runs"))                              # runs/report.html, no network needed to read it
    print(markdown_table(result_rows(Path("runs"))))        # the same table in a terminal or a document

If the folder is that of a study (``hamiltone study run``), the page leads with the study, its numbers and figures lie
beside the page as files, and ``table1_rows`` and ``resource_rows`` give its tables. ``protocol_lines`` says what the
splits promise.
"""

from ._comparison import Comparison, Difference, compare_runs
from ._page import protocol_lines, write_report
from ._run_tables import interval_notes, markdown_table, pretraining_rows, result_rows
from ._runs import ReportError
from ._study_page import resource_rows, table1_rows

__all__ = [
    "Comparison",
    "Difference",
    "ReportError",
    "compare_runs",
    "interval_notes",
    "markdown_table",
    "pretraining_rows",
    "protocol_lines",
    "resource_rows",
    "result_rows",
    "table1_rows",
    "write_report",
]
