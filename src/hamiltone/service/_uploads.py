"""Uploads: request bodies in files that nobody else can read and that vanish with the request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect

from ._limits import Refusal, ServiceLimits
from ._middleware import too_large

_BLOCK = 1 << 18
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Upload:
    """A recording as it was sent.

    Attributes:
        path: where it lies while the request lasts.
        name: what the client calls it.
        size: in bytes.
    """

    path: Path
    name: str
    size: int


@asynccontextmanager
async def received_upload(request: Request, folder: Path, limits: ServiceLimits) -> AsyncIterator[Upload]:
    """The body of a request, or the file of its form.

    Raises:
        Refusal: 400 no recording, 408 too slow, 413 too large.
    """
    folder.mkdir(mode=0o700, exist_ok=True)  # systems clear what lies about unused in folders of temporary files
    with NamedTemporaryFile(dir=folder, delete=False) as file:
        try:
            name = await _write_body(request, file, limits)
            size = file.tell()
            file.close()
            if not size and name:
                raise Refusal(400, "no_recording", "recording: is empty (0 bytes)")
            if not size:
                raise Refusal(400, "no_recording", "the request holds no recording; send one as its body or in a form")
            yield Upload(Path(file.name), _sendable(name)[:_LONGEST_NAME] or "recording", size)
        finally:
            file.close()
            Path(file.name).unlink(missing_ok=True)  # which an end that is forced has taken away already


def _sendable(name: str) -> str:
    """The name without what no UTF-8 can hold, which the charset of a form may bring."""
    return name.encode("utf-8", "replace").decode("utf-8")


async def _write_body(request: Request, file: IO[bytes], limits: ServiceLimits) -> str:
    """Write the recording to a file, and give the name that it was sent under; empty where it has none."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limits.body_bytes:
        raise too_large(limits.body_bytes)
    try:
        async with asyncio.timeout(limits.upload_timeout):
            if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
                async for block in request.stream():
                    file.write(block)
                return ""
            async with request.form(max_files=1, max_fields=8) as form:
                sent = next((value for value in form.values() if isinstance(value, UploadFile)), None)
                if sent is None:
                    return ""
                while block := await sent.read(_BLOCK):
                    file.write(block)
                return sent.filename or ""
    except TimeoutError:
        message = f"the recording did not arrive within {limits.upload_timeout:g} s"
        raise Refusal(408, "upload_timeout", message) from None
    except ClientDisconnect:
        raise Refusal(400, "gone", "the client went away before the recording had arrived") from None
