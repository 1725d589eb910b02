"""The verb that makes a saved recogniser one's own: adapt."""

from pathlib import Path
from typing import Annotated

import typer

from hamiltone.cli._app import app
from hamiltone.cli._options import Quiet, command
from hamiltone.cli._printing import interruptible, tell_licence


@app.command()
def adapt(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="A table of path, speaker, emotion, or a folder EMOTION/SPEAKER/.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Where the adapted recogniser goes.")],
    model: Annotated[
        Path | None,
        typer.Option(
            "--model", help="The recogniser to begin with, as RUN/model; or the package's four (the default) or eight."
        ),
    ] = None,
    speaker: Annotated[
        str | None,
        typer.Option("--speaker", metavar="PATTERN", help="Of a folder: where names tell it, as '(?P<speaker>\\d+)_'."),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="OWN=NAME", help="An emotion counts as NAME, as anger=angry; OWN=: left out."),
    ] = None,
    title: Annotated[str, typer.Option("--title", help="What the card calls it.")] = "An adapted recogniser",
    threads: Annotated[
        int, typer.Option("--threads", min=1, max=1024, help="Cores to keep busy; as many give the same bytes again.")
    ] = 2,
    quiet: Quiet = False,
) -> None:
    """Fit a recogniser's last layers to your own labelled recordings, with your own classes, in minutes.

    Its right answers are counted on speakers that the fitted layers had not heard.
    """
    from hamiltone.corpora import CorpusSettings
    from hamiltone.service import model_folder
    from hamiltone.training import TrainingError
    from hamiltone.training import adapt as adapt_model

    names: dict[str, str] = {}
    for text in label or []:
        own, equals, name = text.partition("=")
        if not own or not equals:
            raise TrainingError(f"--label {text!r}: takes OWN=NAME, as anger=angry")
        names[own] = name
    if speaker and not data.is_dir():
        raise TrainingError("--speaker is for a folder: a table has a column speaker")
    folder = model_folder(model)
    tell_licence(folder, quiet=quiet)
    corpus = CorpusSettings(
        name="folder" if data.is_dir() else "table",
        root=str(data),
        options={"speaker": speaker} if speaker else {},
        labels=names,
    )
    replaced = " (in place of an older one)" if (out / "config.json").is_file() else ""
    with interruptible():
        made = adapt_model(corpus, folder, out, title=title, command=command(), threads=threads, quiet=quiet)
    print(f"{out}{replaced}: {', '.join(made.recognizer.labels)}")
    for line in made.results:
        print(f"  {line}")
    for note in made.notes:
        print(f"note: {note}")
