"""The verb that tells what settings there are: settings."""

from typing import Annotated

import typer

from hamiltone.cli._app import app
from hamiltone.cli._options import Json
from hamiltone.cli._printing import print_table


@app.command()
def settings(
    key: Annotated[
        str, typer.Argument(metavar="[KEY]", help="A key or a table of keys, as training or training.epochs.")
    ] = "",
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print all keys as a page in Markdown.")] = False,
) -> None:
    """Tell the keys of a run's settings: what each takes, its default, what it means; of one, an example, too."""
    import json
    from dataclasses import asdict

    from hamiltone.settings import describe, reference_page

    if markdown:
        print(reference_page(), end="")
        return
    keys = describe(key)
    if as_json:
        print(json.dumps([asdict(one) for one in keys], indent=2))
    elif len(keys) == 1:
        (one,) = keys
        print(f"{one.path}: {one.meaning}")
        print(f"  takes    {one.type}\n  default  {one.default or 'none'}\n  example  {one.example}")
    else:
        columns = ("Key", "Takes", "Default", "Meaning")
        rows = [
            {
                "Key": f"{one.path} ({one.kind})" if one.kind else one.path,
                "Takes": one.type,
                "Default": one.default,
                "Meaning": one.meaning,
            }
            for one in keys
        ]
        print_table(f"{len(keys)} keys of a run's settings" + (f" below {key}" if key else ""), rows, columns)
