"""Limits of the service, and the admission of requests."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import Field, PositiveFloat, PositiveInt, ValidationError

from hamiltone.settings_model import Settings

from ._errors import ServiceError

_RETRY_SECONDS = 2


class ServiceLimits(Settings):
    """The limits of a service. The defaults suit a machine of a few cores and 4 GiB, and speech."""

    megabytes: PositiveFloat = Field(default=32, description="Largest request body, in MiB.")
    seconds: PositiveFloat = Field(default=600, description="Longest recording, in seconds.")
    concurrency: PositiveInt = Field(default=16, description="Recordings that are decoded and recognised at once.")
    queue: int = Field(default=64, ge=0, description="Recordings that may wait (or arrive) beside them; more: 503.")
    per_client: PositiveInt = Field(default=64, description="Requests that one address may have under way; more: 429.")
    upload_timeout: PositiveFloat = Field(default=30.0, description="Seconds for a header, and then a body, to arrive.")
    decode_timeout: PositiveFloat = Field(default=20, description="Seconds in which a recording must be decoded.")
    timeout: PositiveFloat = Field(default=180, description="Seconds from the whole body to the answer.")
    decoders: PositiveInt = Field(default=2, description="Decoding processes.")
    decoder_megabytes: PositiveInt = Field(default=512, description="Memory that decoding may take in each, in MiB.")
    batch: PositiveInt = Field(default=16, description="Windows that are recognised together.")
    batch_wait: float = Field(default=0.005, ge=0, description="Seconds that a batch waits to be filled.")

    @property
    def body_bytes(self) -> int:
        """The largest body in bytes."""
        return int(self.megabytes * (1 << 20))


def checked_limits(**values: float | int) -> ServiceLimits:
    """The limits of these values, as a user gave them.

    Raises:
        ServiceError: one is out of its range.
    """
    try:
        return ServiceLimits.model_validate(values)
    except ValidationError as error:
        first, *others = error.errors()
        more = f" (and {len(others)} more)" if others else ""
        raise ServiceError(f"limits: {first['loc'][0]}: {first['msg']}, not {first['input']!r}{more}") from None


class Refusal(Exception):
    """A request that is answered with an error.

    Args:
        status: of HTTP.
        code: a word for programs.
        message: a line for people.
        retry_after: seconds after which it is worth another try; None: it is not.
    """

    def __init__(self, status: int, code: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after


class Admission:
    """The door: counts who is inside, turns away who is too many, and lets a few at a time work."""

    def __init__(self, limits: ServiceLimits) -> None:
        self._limits = limits
        self._clients: Counter[str] = Counter()
        self._places = asyncio.Semaphore(limits.concurrency)

    @property
    def inside(self) -> int:
        """Requests that are arriving, waiting or being worked on."""
        return self._clients.total()

    @asynccontextmanager
    async def admitted(self, client: str) -> AsyncIterator[None]:
        """Hold a place inside for one request of ``client``.

        Raises:
            Refusal: 429 where the client has too many under way, 503 where all have.
        """
        if self._clients[client] >= self._limits.per_client:
            raise Refusal(
                429,
                "too_many_requests",
                f"{self._limits.per_client} requests of yours are under way; wait for their answers",
                _RETRY_SECONDS,
            )
        if self.inside >= self._limits.concurrency + self._limits.queue:
            raise Refusal(503, "busy", "too many recordings are waiting; try again", _RETRY_SECONDS)
        self._clients[client] += 1
        try:
            yield
        finally:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Wait for, and hold, one of the places at which a recording is decoded and recognised."""
        async with self._places:
            yield
