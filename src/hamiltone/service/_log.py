"""The service's log: lines of JSON on the standard error."""

import asyncio
import json
import logging
import sys
import time
from typing import Any

LOG = logging.getLogger("hamiltone.service")


def log_event(level: int, event: str, **fields: Any) -> None:
    """Write an event to the log, with its numbers."""
    LOG.log(level, event, extra={"fields": fields})


def write_json_lines() -> None:
    """Write all of the process's log as lines of JSON; from others only what is amiss."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    handler.addFilter(_is_told)
    logging.getLogger().handlers = [handler]
    for name in ("hamiltone.service", "uvicorn"):
        logging.getLogger(name).setLevel(logging.INFO)


class _JsonLines(logging.Formatter):
    """A line of JSON for each event: when, how grave, what, and the numbers that go with it."""

    def format(self, record: logging.LogRecord) -> str:
        content: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        content |= getattr(record, "fields", {})
        if record.exc_info:
            content["traceback"] = self.formatException(record.exc_info)
        return json.dumps(content, ensure_ascii=False)


def _is_told(record: logging.LogRecord) -> bool:
    """All but requests that a second interruption gives up: that they end is what was asked for."""
    given_up = record.exc_info is not None and isinstance(record.exc_info[1], asyncio.CancelledError)
    return not given_up and not record.getMessage().rstrip().endswith(asyncio.CancelledError.__name__)
