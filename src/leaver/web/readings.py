"""Plans that are being read behind a page, and those that were read a moment ago."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from leaver.domain.errors import LeaverError
from leaver.offboarding.planner import Preview

VALID = timedelta(minutes=15)
"""How long a plan that was read is shown; after that it is read again."""
PATIENCE = 2.5
"""Seconds for which a page waits for a plan before it says that it is being read."""
MOST = 200
"""Plans that are kept at a time; the oldest goes."""

Read = Callable[[Callable[[str], None]], Awaitable[Preview]]


class Replaced(LeaverError):
    """A plan that nobody reads any more: another one of the same draft is asked for."""


@dataclass
class Reading:
    """The plan of one draft as it was asked."""

    asked: str
    """What it was asked with: another request is another plan."""
    users: int
    task: asyncio.Task[Preview]
    done: list[str] = field(default_factory=list)
    """The names of those whose plan is made."""
    read_at: datetime | None = None

    def result(self) -> Preview:
        """What was read; `Replaced` when another page has asked for another plan of the draft meanwhile."""
        if self.task.cancelled():
            raise Replaced("The plan is being read anew.", "replaced")
        return self.task.result()

    async def whole(self) -> Preview:
        """What was read, once it is."""
        await asyncio.wait([self.task])
        return self.result()

    @property
    def valid_until(self) -> datetime:
        """When it has to be read again."""
        return (self.read_at or datetime.now(UTC)) + VALID


class Readings:
    """The plans of this process, by draft."""

    def __init__(self) -> None:
        self._of: dict[str, Reading] = {}

    async def of(self, draft_id: str, asked: str, users: int, read: Read, *, afresh: bool = False) -> Reading:
        """The plan of a draft, a valid one or a new one; it is waited for a moment only, so it may not be done."""
        found = self._of.get(draft_id)
        now = datetime.now(UTC)
        if found is None or afresh or found.asked != asked or found.valid_until < now:
            self.forget(draft_id)
            done: list[str] = []
            task = asyncio.ensure_future(read(done.append))
            found = Reading(asked, users, task, done)
            self._of[draft_id] = found
            while len(self._of) > MOST:
                self.forget(next(iter(self._of)))
        await asyncio.wait([found.task], timeout=PATIENCE)
        if found.task.done() and found.read_at is None:
            found.read_at = datetime.now(UTC)
        return found

    def shown(self, draft_id: str, digest: str) -> Preview | None:
        """The plan with this digest, if it is the one that was shown last."""
        found = self._of.get(draft_id)
        if found is None or not found.task.done() or found.task.cancelled() or found.task.exception():
            return None
        preview = found.task.result()
        return preview if preview.digest == digest else None

    def read_at(self, draft_id: str) -> datetime | None:
        """When the plan was read that was shown last."""
        found = self._of.get(draft_id)
        return found.read_at if found is not None else None

    def settled(self, draft_id: str) -> None:
        """Whoever waited for it to the end has it: it counts from here."""
        found = self._of.get(draft_id)
        if found is not None and found.task.done():
            found.read_at = datetime.now(UTC)

    def forget(self, draft_id: str) -> None:
        """It is read again the next time."""
        found = self._of.pop(draft_id, None)
        if found is not None and not found.task.done():
            found.task.cancel()

    async def stop(self) -> None:
        """Stop reading."""
        for draft_id in list(self._of):
            self.forget(draft_id)
