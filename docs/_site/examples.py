"""The pages and notebooks of the examples, from the scripts that tests run."""

import re
from pathlib import Path

import jupytext

TOUR = {
    "predicting": "hear a recording, and plot what was heard",
    "own_corpus": "train on recordings of your own",
    "resnet": "anti-transfer on a ResNet of your own",
    "quaternionized": "a CNN with a quarter of its weights",
    "study_on_ray": "a study on a cluster",
}


def write_examples(scripts: Path, folder: Path) -> None:
    """Write a page and a notebook for each, and the page that lists them.

    Args:
        scripts: the folder of the scripts, in jupytext's percent format.
        folder: of the pages; notebooks go into ``notebooks/`` below it.
    """
    (folder / "notebooks").mkdir(parents=True, exist_ok=True)
    for name in TOUR:
        notebook = jupytext.read(scripts / f"{name}.py")
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        jupytext.write(notebook, folder / "notebooks" / f"{name}.ipynb")
        text = re.sub(r"\A---\n.*?\n---\n", "", jupytext.writes(notebook, "md"), flags=re.DOTALL)
        where = f"`examples/tour/{name}.py`, or as a {{download}}`notebook <notebooks/{name}.ipynb>`."
        title, rest = text.strip().split("\n", 1)
        (folder / f"{name}.md").write_text(f"{title}\n\n{where}\n{rest}\n", encoding="utf-8")
    rows = [f"| [{name}]({name}.md) | {about} |" for name, about in TOUR.items()]
    tree = ["```{toctree}", ":hidden:", "", *TOUR, "```", ""]
    head = [
        "# Examples",
        "",
        "Scripts that run as they are, each also a notebook.",
        "",
        "| script | shows |",
        "|---|---|",
    ]
    (folder / "examples.md").write_text("\n".join([*head, *rows, "", *tree]), encoding="utf-8")
