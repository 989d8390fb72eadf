"""What goes to Microsoft and what comes back: plain values that know no HTTP library."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlsplit

from leaver.domain.errors import LeaverError

_KEPT_TEXT = 2_000


@dataclass(frozen=True)
class Request:
    """One exchange with a server. What might hold a secret is left out of its repr."""

    service: str
    method: str
    url: str
    what: str
    """The path or the cmdlet: for people, without query and body."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Any = field(default=None, repr=False)
    content: str | None = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    read_timeout: float | None = None
    """Seconds; None takes the connection's own."""


@dataclass(frozen=True)
class Answer:
    """One answered request."""

    status: int
    body: Any = field(default=None, repr=False)
    """The parsed JSON, or None."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Keys in lower case."""
    request_id: str = ""
    text: str = field(default="", repr=False)
    """The beginning of a body that is not JSON."""
    seconds: float = field(default=0.0, compare=False)
    """How long the answer took."""

    @property
    def ok(self) -> bool:
        """Whether the service did what was asked."""
        return 200 <= self.status < 300

    @property
    def throttled(self) -> bool:
        """Whether the service asked us to slow down; Exchange says so in plain words, whatever the status."""
        if self.status == 429:
            return True
        return "maximum number of concurrent requests" in self._said.lower()

    def retry_after(self, now: datetime) -> float | None:
        """How many seconds the service asked us to wait: from a number or an HTTP date, None when it did not say."""
        value = self.headers.get("retry-after", "").strip()
        if re.fullmatch(r"\d+(\.\d+)?", value):
            reset = self.headers.get("ratelimit-reset", "").strip()
            return max(float(value), float(reset) if reset.isascii() and reset.isdigit() else 0.0)
        try:
            moment = parsedate_to_datetime(value)
        except (TypeError, ValueError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)  # noqa: UP017 - one spelling for 3.11 and later
        return max(0.0, (moment - now).total_seconds())

    @property
    def _said(self) -> str:
        if self.text:
            return self.text
        error = self.body.get("error") if isinstance(self.body, dict) else None
        if not isinstance(error, dict):
            return ""
        details = error.get("details")
        told = [error, *(details if isinstance(details, list) else [])]
        return " ".join(str(each.get("message", "")) for each in told if isinstance(each, dict))


@dataclass(eq=False)
class NoAnswer(Exception):
    """The connection gave no answer. Never leaves this package."""

    reason: str
    sent: bool
    """Whether the request may have reached the service."""
    request_id: str = ""
    """The id that we gave it, for Microsoft's support to look for."""
    seconds: float = 0.0


@dataclass(frozen=True)
class Call:
    """What the evidence keeps of a call: never a body, never a query."""

    service: str
    method: str
    what: str
    status: int
    request_id: str
    at: datetime


_recorders: ContextVar[tuple[list[Call], ...]] = ContextVar("leaver_calls", default=())


@contextmanager
def recording() -> Iterator[list[Call]]:
    """Every call made inside, also when it travels in a batch or is shared with another reader."""
    calls: list[Call] = []
    token = _recorders.set((*_recorders.get(), calls))
    try:
        yield calls
    finally:
        _recorders.reset(token)


@contextmanager
def recording_apart() -> Iterator[list[Call]]:
    """Like `recording`, but hidden from the recordings outside: for work that several readers will share."""
    calls: list[Call] = []
    token = _recorders.set((calls,))
    try:
        yield calls
    finally:
        _recorders.reset(token)


def record(*calls: Call) -> None:
    """Write calls into every recording that is open here."""
    for calls_kept in _recorders.get():
        calls_kept.extend(calls)


@dataclass(frozen=True)
class Wait:
    """Some time before a request is sent again."""

    error: LeaverError
    """Why it came to nothing, as it would be raised if there were no next time."""
    number: int
    """Which attempt comes next."""
    of: int
    """How many there are at most; 0 where it ends with a time."""
    seconds: float


Listener = Callable[[Wait], AbstractContextManager[None]]
"""Entered when a wait begins, left when it ends."""

_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("leaver_waits", default=())


@contextmanager
def listening(*listeners: Listener) -> Iterator[None]:
    """Tell these, and nobody else, of every wait inside."""
    token = _listeners.set(listeners)
    try:
        yield
    finally:
        _listeners.reset(token)


def listeners() -> tuple[Listener, ...]:
    """Who listens here."""
    return _listeners.get()


@contextmanager
def waiting(wait: Wait) -> Iterator[None]:
    """The time in which whoever listens knows that there is something to wait for."""
    with ExitStack() as told:
        for listener in _listeners.get():
            told.enter_context(listener(wait))
        yield


def quote_id(value: str) -> str:
    """An id or UPN as one segment of a path: `#EXT#` and slashes would otherwise change the address."""
    return quote(value, safe="@-_.~")


def origin(url: str) -> str:
    """Scheme and host of an address, in lower case and without a port that goes without saying."""
    parts = urlsplit(url.lower())
    usual = {"https": ":443", "http": ":80"}.get(parts.scheme, "")
    return f"{parts.scheme}://{parts.netloc.removesuffix(usual)}"


def kept_text(raw: bytes) -> str:
    """The beginning of a body, as text that can be stored and shown; refusals of Exchange may be a run of NUL bytes."""
    text = raw[: _KEPT_TEXT * 4].decode("utf-8", errors="replace").replace("\0", "")
    return text.strip()[:_KEPT_TEXT]
