"""Makes the weights that come with the package: trains six folds, averages them, measures, writes them.

    HAMILTONE_DATA=FOLDER python -m tools.weights

The six recognisers are those of the comparison (system ``quaternion-all``, protocol ``eight``), trained by the settings
in configs/recognisers/recogniser.toml under runs/recognisers; what is done is not done again. Each speaker is tested by
the one that never heard them; the package has the mean of all six, once with eight emotions and once with four, each of
which hears a recording at two speeds.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchmarks.recognisers import Places, trained_folds
from hamiltone.errors import HamiltoneError
from hamiltone.files import atomic_path, atomic_write
from hamiltone.measures import doubt, expected_calibration_error, reliability_bins, summarise
from hamiltone.networks import Recognizer
from hamiltone.settings import load_dataset
from hamiltone.training import RunSettings, ensemble, plain_line, result_line

ROOT = Path(__file__).parents[1]
PACKAGED = ROOT / "src" / "hamiltone" / "weights"
PAGES = ROOT / "docs" / "weights"
COMMAND = "python -m tools.weights"
UNSURE_BELOW = 0.45
SPEEDS = (0.9, 1.1)  # a third one would take more than a fiftieth of the time that the sound takes
MODELS: dict[str, dict[str, list[str]] | None] = {
    "four": {"neutral": ["neutral", "calm"], "happy": ["happy"], "sad": ["sad"], "angry": ["angry"]},
    "eight": None,
}
LICENCE = """\
Weights learned from RAVDESS (CC BY-NC-SA 4.0), nEMO (CC BY-NC-SA 4.0), TESS (CC BY-NC-ND 4.0) and EmoDB: for \
non-commercial use only.

The code of Hamiltone has a licence of its own; this one is of the weights alone. They are shared under
CC BY-NC-SA 4.0 (https://creativecommons.org/licenses/by-nc-sa/4.0/). No recording is part of them.

Learned from:
- RAVDESS: Livingstone SR, Russo FA (2018), doi:10.1371/journal.pone.0196391. CC BY-NC-SA 4.0.
- TESS: Pichora-Fuller MK, Dupuis K (2020), doi:10.5683/SP2/E8H2MF. CC BY-NC-ND 4.0.
- EmoDB: Burkhardt F, Paeschke A, Rolfes M, Sendlmeier W, Weiss B (2005), doi:10.21437/Interspeech.2005-446.
- nEMO: Christop I (2024), LREC-COLING 2024, 12111-12116. CC BY-NC-SA 4.0.
"""


def main() -> None:
    """All of it; a second call only measures and writes again."""
    settings, folders = trained_folds("quaternion-all", "eight", Places(), command=COMMAND)
    about = speakers(settings)
    PAGES.mkdir(exist_ok=True)
    results: dict[str, Any] = {"command": COMMAND, "unsure below": UNSURE_BELOW}
    for name, classes in MODELS.items():
        made = ensemble(folders, classes, speeds=SPEEDS, unsure_below=UNSURE_BELOW)
        table = made.predictions.merge(about, on="utterance", validate="one_to_one")
        labels = made.recognizer.labels
        parts = dict(groups(table))
        results[name] = {
            "temperature": made.recognizer.temperature,
            "parts": {part: measured(rows, labels) for part, rows in parts.items()},
            "doubt": doubted(table, made.recognizer),
        }
        with atomic_path(PAGES / f"{name}.csv") as draft:
            table.to_csv(draft, index=False, float_format="%.4f", lineterminator="\n")
        draw_reliability(table, labels, PAGES / f"reliability-{name}.png")
        facts = card(name, settings, parts, labels) | {"calibration": calibration(made.recognizer, results[name])}
        made.save(PACKAGED / name, facts, licence=LICENCE)
    atomic_write(PAGES / "results.json", json.dumps(results, indent=2) + "\n")


def speakers(settings: RunSettings) -> pd.DataFrame:
    """Corpus and sex of each utterance."""
    table = load_dataset(settings).utterances.table
    names = table["utterance"].tolist()
    return pd.DataFrame(
        {"utterance": names, "sex": table["sex"].tolist(), "corpus": [name.partition("/")[0] for name in names]}
    )


def groups(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """All recordings, those of each corpus, and those of women and of men."""
    yield "all", table
    for corpus in ("ravdess", "emodb", "tess", "nemo"):
        yield corpus, table.loc[table["corpus"] == corpus]
    for sex, name in (("female", "women"), ("male", "men")):
        yield name, table.loc[table["sex"] == sex]


def measured(rows: pd.DataFrame, labels: Sequence[str]) -> dict[str, Any]:
    """Recall and accuracy with intervals over speakers, the confusion matrix, and the calibration error."""
    scores, classes = scores_and_classes(rows, labels)
    return summarise(rows["truth"], rows["prediction"], rows["speaker"], labels) | {
        "ece": expected_calibration_error(scores, classes)
    }


def scores_and_classes(rows: pd.DataFrame, labels: Sequence[str]) -> tuple[Any, Any]:
    """Scores of all classes, and the index of the true one."""
    truth = np.array([list(labels).index(name) for name in rows["truth"]])
    return rows[[f"score_{label}" for label in labels]].to_numpy(), truth


def doubted(table: pd.DataFrame, recognizer: Recognizer) -> dict[str, float]:
    """How many recordings it is unsure of, and how many of these and of the others would be wrong."""
    found = doubt(*scores_and_classes(table, recognizer.labels), UNSURE_BELOW)
    return {"unsure": found.unsure, "error": found.error, "error_unsure": found.error_unsure}


def calibration(recognizer: Recognizer, results: Mapping[str, Any]) -> str:
    """The card's line on temperature and threshold."""
    found = results["doubt"]
    return (
        f"temperature {recognizer.temperature:.3f}, fitted on the {results['parts']['all']['clips']} recordings that "
        f"its members had not heard; unsure below a score of {UNSURE_BELOW:g}: {found['unsure']} of them, "
        f"{100 * found['error']:.0f} % of the others are wrong, {100 * found['error_unsure']:.0f} % of these"
    )


def card(name: str, settings: RunSettings, parts: Mapping[str, pd.DataFrame], labels: Sequence[str]) -> dict[str, Any]:
    """What the model's card says."""
    dataset = load_dataset(settings)
    heard = "acted recordings, each answered by a member that had never heard the speaker"
    lines = [plain_line(parts["all"], labels, heard)]
    lines += [result_line("its six members, each on speakers that it never heard", parts["all"], labels)]
    lines += [result_line(f"of these, {part}", rows, labels) for part, rows in parts.items() if part != "all"]
    return {
        "title": f"The recogniser of {name} emotions that comes with Hamiltone",
        "task": "emotion",
        "corpus": dataset.utterances.corpus,
        "corpus_note": dataset.utterances.note,
        "split": "six folds of speakers; a member learned from five and was tested on the sixth",
        "method": "none",
        "results": lines,
        "command": COMMAND,
    }


def draw_reliability(table: pd.DataFrame, labels: Sequence[str], path: Path) -> None:
    """How often a score of so much is right, over the test parts of all folds."""
    bins = [one for one in reliability_bins(*scores_and_classes(table, labels)) if one.clips]
    figure = Figure(figsize=(4.6, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.6", linestyle=":", label="a score that is right as often as it says")
    axes.plot(
        [one.confidence for one in bins], [one.accuracy for one in bins], color="#0072b2", marker="o", label="measured"
    )
    for one in bins:
        axes.annotate(
            f"{one.clips}", (one.confidence, one.accuracy), (-6, 6), textcoords="offset points", ha="right", fontsize=8
        )
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="highest score of a recording", ylabel="share of them that is right")
    axes.set_title("Unseen speakers, by highest score (numbers: recordings)", fontsize=9)
    axes.legend(loc="upper left", fontsize=8, frameon=False)
    with atomic_path(path) as draft:
        figure.savefig(draft, format="png", dpi=150, metadata={"Software": None})


if __name__ == "__main__":
    try:
        main()
    except HamiltoneError as error:
        sys.exit(str(error))
