"""Sends one webhook: a POST that follows no redirect, waits for nobody long and reads nothing of the answer."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path

import httpcore

from leaver import __version__
from leaver.domain.errors import TryAgain
from leaver.notify.reach import GuardedBackend, Reach, Resolve, resolve

WAIT = 15.0
"""Seconds for everything: the name, the connection and the answer."""
_TIMEOUTS = {"connect": 5.0, "read": 10.0, "write": 10.0, "pool": 5.0}


@dataclass(frozen=True)
class Answered:
    """What the receiver answered."""

    status: int
    wait: float = 0.0
    """Seconds that it asked to be left alone."""


class NotReached(TryAgain):
    """The receiver did not answer."""


class Post:
    """The way out for webhooks; it belongs to the event loop that first uses it."""

    def __init__(
        self, reach: Reach, *, ca_file: Path | None = None, resolve: Resolve = resolve, wait: float = WAIT
    ) -> None:
        self.reach = reach
        self._ca_file = ca_file
        self._resolve = resolve
        self._wait = wait
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def send(self, url: str, headers: dict[str, str], body: bytes) -> Answered:
        """Send; the answer's status. `NotReached` says why there is none, `Internal` that it may not go there."""
        given = {"user-agent": f"Leaver/{__version__}", "content-type": "application/json", **headers}
        pairs: list[tuple[str | bytes, str | bytes]] = [*given.items(), ("content-length", str(len(body)))]
        try:
            async with asyncio.timeout(self._wait):
                stream = self._opened().stream(
                    "POST",
                    self.reach.url(url),
                    headers=pairs,
                    content=body,
                    extensions={"timeout": _TIMEOUTS},
                )
                async with stream as answer:
                    return Answered(answer.status, _wait_of(answer.headers))
        except (TimeoutError, httpcore.TimeoutException) as error:
            raise NotReached(f"It did not answer within {self._wait:.0f} seconds.", "timeout") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError) as error:
            raise NotReached(_why(error), "not_reached") from error

    async def aclose(self) -> None:
        """Let the connections go."""
        if self._pool is not None:
            await self._pool.aclose()
            self._pool = None

    def _opened(self) -> httpcore.AsyncConnectionPool:
        if self._pool is None:
            trusted = ssl.create_default_context()
            if self._ca_file is not None:
                trusted.load_verify_locations(self._ca_file)
            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=trusted,
                max_connections=50,
                max_keepalive_connections=0,
                network_backend=GuardedBackend(self.reach, self._resolve),
            )
        return self._pool


def _wait_of(headers: list[tuple[bytes, bytes]]) -> float:
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit() and len(value) < 6:
            return float(value)
    return 0.0


def _why(error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"Its certificate is not trusted: {cause.verify_message}."
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, (httpcore.ConnectError, ssl.SSLError)):
        text = str(error).strip().rstrip(".")
        return f"No connection: {text or 'it was refused'}."
    return "The connection broke before an answer came."
