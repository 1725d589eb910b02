"""The verb of the service: serve."""

import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from hamiltone.cli._app import app


@app.command()
def serve(
    model: Annotated[
        Path | None,
        typer.Option(
            "--model", help="Folder of a saved model, as RUN/model; or the package's four (the default) or eight."
        ),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Where to listen; 0.0.0.0 lets the network in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes any free one.")] = 8000,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", help="Ask for the token in this file; or set HAMILTONE_TOKEN.")
    ] = None,
    megabytes: Annotated[float, typer.Option("--megabytes", min=0.001, help="Largest request, in MiB.")] = 32,
    seconds: Annotated[float, typer.Option("--seconds", min=0.001, help="Longest recording.")] = 600,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="Recordings in work at once.")] = 16,
    queue: Annotated[int, typer.Option("--queue", min=0, help="Recordings that may wait; more get 503.")] = 64,
    per_client: Annotated[int, typer.Option("--per-client", min=1, help="Requests of one address; more get 429.")] = 64,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.001, help="Seconds to the answer; after them 504.")
    ] = 180,
    decode_timeout: Annotated[
        float, typer.Option("--decode-timeout", min=0.001, help="Seconds to decode a recording.")
    ] = 20,
    decoders: Annotated[int, typer.Option("--decoders", min=1, help="Processes that decode.")] = 2,
    decoder_megabytes: Annotated[int, typer.Option("--decoder-megabytes", min=1, help="Memory of each, in MiB.")] = 512,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Windows that are recognised together.")] = 16,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Threads of torch.")] = None,
) -> None:
    """Serve a recogniser over HTTP, with a page at / that shows what it hears, until interrupted."""
    from hamiltone.service import checked_limits, model_folder, read_token
    from hamiltone.service import serve as run

    folder = model_folder(model)
    limits = checked_limits(
        megabytes=megabytes,
        seconds=seconds,
        concurrency=concurrency,
        queue=queue,
        per_client=per_client,
        timeout=timeout,
        decode_timeout=decode_timeout,
        decoders=decoders,
        decoder_megabytes=decoder_megabytes,
        batch=batch,
    )
    token = read_token(token_file, os.environ.get("HAMILTONE_TOKEN"))
    run(folder, host=host, port=port, limits=limits, token=token, threads=threads, ready=partial(_announce, folder))


def _announce(model: Path, address: str) -> None:
    from hamiltone.service import licence_notice

    here = address.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")  # every address is none
    others = "" if here == address else " (from another machine, by this one's name)"
    lines = [f"Open {here} in a browser{others}; Ctrl+C ends the service."]
    if notice := licence_notice(model):
        lines.append(f"note: {notice}")
    print("\n".join(lines), flush=True)  # at once: who starts it may read the first line and close its end
