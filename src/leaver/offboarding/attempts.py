"""How a task at work says that Microsoft has to be asked again: why, which attempt comes, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from leaver.domain.attempt import NextAttempt
from leaver.domain.errors import LeaverError, NotFound, NotYet, Throttled, Uncertain
from leaver.domain.offboarding import TaskRecord
from leaver.m365.http import Wait
from leaver.offboarding import words

WORTH_TELLING = 2.0
"""Seconds from which on a wait is told at once; who reads of a shorter one reads of what is over."""


class Attempts:
    """The waits of one task; its record shows the one that ends first."""

    def __init__(self, record: TaskRecord, tell: Callable[[str], None]) -> None:
        self._record = record
        self._tell = tell
        self._open: list[NextAttempt] = []
        record.next_attempt = None  # that of a process which is gone

    @contextmanager
    def before(self, wait: Wait) -> Iterator[None]:
        """The time before an attempt. It is kept with whatever is kept next, and by itself if it is worth it."""
        now = datetime.now(UTC)
        attempt = NextAttempt(why(wait.error), wait.number, wait.of, now + timedelta(seconds=max(0.0, wait.seconds)))
        self._open.append(attempt)
        self._show()
        if wait.seconds >= WORTH_TELLING:
            self._tell(words.next_attempt(attempt, now))
        try:
            yield
        finally:
            self._open.remove(attempt)
            self._show()

    def _show(self) -> None:
        self._record.next_attempt = min(self._open, key=lambda attempt: attempt.at, default=None)


_SERVICES = {
    "graph": "Microsoft Graph",
    "exchange": "Exchange",
    "sharepoint": "SharePoint",
    "sign-in": "Microsoft sign-in",
}


def why(error: LeaverError) -> str:
    """A few words for why something has to be tried again: `Exchange is busy (429)`."""
    service = _SERVICES.get(error.service, "Microsoft")
    status = f" ({error.status})" if error.status else ""
    if isinstance(error, Throttled):
        return f"{service} is busy{status}"
    if isinstance(error, NotYet):
        return f"{service} wants something else to be done first{status}"
    if isinstance(error, NotFound):
        return f"{service} does not show it yet{status}"
    if isinstance(error, Uncertain):
        return f"{service} did not confirm the change{status}"
    return f"{service} cannot answer now{status}" if status else f"{service} did not answer"
