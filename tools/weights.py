"""Makes the weights that come with the package: trains, chooses by validation, calibrates, measures, writes them.

    HAMILTONE_DATA=FOLDER python tools/weights.py

Everything is trained by the settings in configs/weights, under runs/weights; what is done is not done again. The layer
of the anti-transfer is that of the lowest validation cross-entropy in fold 0, whose recogniser becomes the package's.
The other folds are trained the same way, so that each speaker is tested by a recogniser that never heard them.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from hamiltone.files import atomic_path, atomic_write
from hamiltone.measures import expected_calibration_error, reliability_bins, summarise
from hamiltone.networks import bundle_config, load_recognizer, save_bundle
from hamiltone.records import RunRecord
from hamiltone.training import RunSettings, calibrate, evaluate, read_settings, train

ROOT = Path(__file__).parents[1]
SETTINGS = ROOT / "configs" / "weights"
PACKAGED = ROOT / "src" / "hamiltone" / "weights"
PAGES = ROOT / "docs" / "weights"
RUNS = Path("runs") / "weights"
COMMAND = "python tools/weights.py"
LAYERS = (2, 5, 8)
FOLDS = 6
EMODB_WOMEN = ("08", "09", "13", "14", "16")
LICENCE = """\
Weights learned from RAVDESS (CC BY-NC-SA 4.0), TESS (CC BY-NC-ND 4.0) and EmoDB: for non-commercial use only.

The code of Hamiltone has a licence of its own; this one is of the weights alone. They are shared under
CC BY-NC-SA 4.0 (https://creativecommons.org/licenses/by-nc-sa/4.0/). No recording is part of them.

Learned from:
- RAVDESS: Livingstone SR, Russo FA (2018), doi:10.1371/journal.pone.0196391. CC BY-NC-SA 4.0.
- TESS: Pichora-Fuller MK, Dupuis K (2020), doi:10.5683/SP2/E8H2MF. CC BY-NC-ND 4.0.
- EmoDB: Burkhardt F, Paeschke A, Rolfes M, Sendlmeier W, Weiss B (2005), doi:10.21437/Interspeech.2005-446.
- LibriSpeech (the speaker network that anti-transfer listens to): Panayotov V, Chen G, Povey D, Khudanpur S (2015),
  doi:10.1109/ICASSP.2015.7178964. CC BY 4.0.
"""


def main() -> None:
    """All of it; a second call only measures and writes again."""
    train(read_settings(SETTINGS / "speaker.toml"), command=COMMAND)
    baseline = train(
        read_settings(SETTINGS / "baseline.toml", [f"out={RUNS / 'fold-0' / 'baseline'}"]), command=COMMAND
    )
    candidates = {layer: train(anti_transfer(0, layer), command=COMMAND) for layer in LAYERS}
    chosen = min(candidates, key=lambda layer: validation(candidates[layer])["cross_entropy"])
    for fold in range(1, FOLDS):
        train(anti_transfer(fold, chosen), command=COMMAND)
    tables = [tested(fold, chosen) for fold in range(FOLDS)]
    labels = load_recognizer(RUNS / "fold-0" / "calibrated").labels
    table = pd.concat(tables, ignore_index=True)
    results = {
        "command": COMMAND,
        "layer": chosen,
        "validation of fold 0": {
            "no anti-transfer": validation(baseline),
            **{f"layer {layer}": validation(candidates[layer]) for layer in LAYERS},
        },
        "the packaged recogniser (fold 0)": measured(tables[0], labels),
        "all folds": {name: measured(rows, labels) for name, rows in groups(table)},
    }
    PAGES.mkdir(exist_ok=True)
    atomic_write(PAGES / "results.json", json.dumps(results, indent=2) + "\n")
    with atomic_path(PAGES / "predictions.csv") as draft:
        table.to_csv(draft, index=False, float_format="%.6f", lineterminator="\n")
    draw_reliability(table, labels, PAGES / "reliability.png")
    write_package(results, chosen)


def anti_transfer(fold: int, layer: int, *more: str) -> RunSettings:
    """The settings of one recogniser."""
    out = RUNS / f"fold-{fold}" / f"layer-{layer}"
    return read_settings(
        SETTINGS / "at-speaker.toml", [f"split.fold={fold}", f"anti_transfer.layers=[{layer}]", f"out={out}", *more]
    )


def validation(record: RunRecord) -> dict[str, float]:
    """Cross-entropy and UAR on the validation part, at the best epoch."""
    values = record.epochs[record.best_epoch - 1].validation
    return {name: values[name] for name in ("cross_entropy", "uar")}


def tested(fold: int, layer: int) -> pd.DataFrame:
    """A fold's recogniser, calibrated on its validation part, on its test part: a row per recording."""
    settings = anti_transfer(fold, layer, "frames.random_offset=false")  # recordings stand where predict puts them
    folder = RUNS / f"fold-{fold}"
    calibrate(settings, Path(settings.out) / "model", folder / "calibrated")
    evaluate(settings, folder / "calibrated", folder / "tested", command=COMMAND)
    return pd.read_csv(folder / "tested" / "predictions.csv", dtype={"speaker": str}).assign(fold=fold)


def groups(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """All recordings, those of each corpus, and those of women and of men."""
    corpus = table["speaker"].str.partition("/")[0]
    number = table["speaker"].str.partition("/")[2]
    women = (corpus == "tess") | ((corpus == "emodb") & number.isin(EMODB_WOMEN))
    women |= (corpus == "ravdess") & pd.to_numeric(number, errors="coerce").mod(2).eq(0)
    yield "all", table
    for name in ("ravdess", "emodb", "tess"):
        yield name, table[corpus == name]
    for name in ("ravdess", "emodb"):
        yield f"{name}, women", table[women & (corpus == name)]
        yield f"{name}, men", table[~women & (corpus == name)]
    yield "women", table[women]
    yield "men", table[~women]


def measured(rows: pd.DataFrame, labels: tuple[str, ...]) -> dict[str, Any]:
    """Recall and accuracy with intervals over speakers, the confusion matrix, and the calibration error."""
    present = [label for label in labels if (rows["truth"] == label).any()]
    scores = rows[[f"score_{label}" for label in labels]].to_numpy()
    classes = rows["truth"].map({label: index for index, label in enumerate(labels)}).to_numpy()
    return summarise(rows["truth"], rows["prediction"], rows["speaker"], labels) | {
        "classes": present,
        "ece": expected_calibration_error(scores, classes),
    }


def told(name: str, summary: dict[str, Any]) -> str:
    """One group's recall in a line."""
    uar = summary["uar"]
    span = f"interval not estimable with {summary['speakers']} speakers"
    if uar["low"] is not None:
        span = f"95 % interval {uar['low']:.3f} to {uar['high']:.3f}"
    return (
        f"{name}: UAR {uar['value']:.3f} ({span}), accuracy {summary['accuracy']['value']:.3f}, calibration error "
        f"{summary['ece']:.3f}; {summary['clips']} recordings of {summary['speakers']} speakers, "
        f"{len(summary['classes'])} classes"
    )


def draw_reliability(table: pd.DataFrame, labels: tuple[str, ...], path: Path) -> None:
    """How often a score of so much is right, over the test parts of all folds."""
    scores = table[[f"score_{label}" for label in labels]].to_numpy()
    classes = table["truth"].map({label: index for index, label in enumerate(labels)}).to_numpy()
    bins = [one for one in reliability_bins(scores, classes) if one.clips]
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


def write_package(results: dict[str, Any], layer: int) -> None:
    """The calibrated recogniser of fold 0 with its card, its licence, and the recordings that it has heard."""
    source = RUNS / "fold-0" / "calibrated"
    facts = bundle_config(source)["card"]
    every = results["all folds"]
    lines = [
        told("six recognisers made alike, each on speakers that it never heard", every["all"]),
        *(told(f"of these, {name}", every[name]) for name in ("ravdess", "emodb", "tess", "women", "men")),
        told("this recogniser, on the test speakers of its own fold", results["the packaged recogniser (fold 0)"]),
    ]
    facts |= {"title": "The recogniser that comes with Hamiltone", "results": lines, "command": COMMAND}
    save_bundle(load_recognizer(source), PACKAGED, facts, licence=LICENCE)
    # So that an evaluation on one of them is refused: the package has no run beside its weights.
    shutil.copyfile(RUNS / "fold-0" / f"layer-{layer}" / "heard.json", PACKAGED / "heard.json")


if __name__ == "__main__":
    main()
