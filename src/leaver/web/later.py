"""What takes longer to find out about people: read behind the page that shows them, and remembered for a while.

No list waits for it, and nothing depends on it: where it may not be read, it is shown as unknown.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from leaver.domain.errors import Forbidden, LeaverError, NotFound
from leaver.m365.target import Addressed
from leaver.m365.tenant import Tenant

KEPT = 600.0
"""Seconds for which a fact is remembered."""
REFUSED = 3600.0
"""Seconds for which a tenant that refused is not asked again."""
MOST = 20_000
"""Facts that are kept at a time; the oldest go."""

Value = TypeVar("Value")


@dataclass(frozen=True)
class Fact(Generic[Value]):
    """What is known of somebody: the value when it is `known`; else it is still `pending`, or nobody can say."""

    value: Value | None = None
    known: bool = False
    pending: bool = False


class Facts(Generic[Value]):
    """One kind of fact about the people of every tenant, in this process."""

    def __init__(self, read: Callable[[Tenant, Addressed], Awaitable[Value | None]]) -> None:
        self._read = read
        self._kept: dict[tuple[str, str], tuple[float, Fact[Value]]] = {}
        self._refused: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def look(self, tenant: Tenant, people: Iterable[Addressed]) -> Mapping[str, Fact[Value]]:
        """What is known by now, by user id; the rest is being read from here on."""
        now = time.monotonic()
        wanted = list(people)
        missing = [each for each in wanted if now > self._kept.get((tenant.id, each.id), (0.0, None))[0]]
        if missing and now > self._refused.get(tenant.id, 0.0):
            for each in missing:
                self._keep(tenant, each, Fact(pending=True))
            task = asyncio.ensure_future(self._find_out(tenant, missing))
            self._tasks.add(task)
            task.add_done_callback(self._ended)
        return {each.id: self._kept.get((tenant.id, each.id), (0.0, Fact[Value]()))[1] for each in wanted}

    async def settled(self, patience: float) -> None:
        """Wait a moment for what is being read."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=patience)

    async def stop(self) -> None:
        """Stop reading."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _find_out(self, tenant: Tenant, people: list[Addressed]) -> None:
        """One first: when the tenant refuses it, the others are not asked for."""
        try:
            await self._one(tenant, people[0])
            await asyncio.gather(*(self._one(tenant, each) for each in people[1:]))
        except Forbidden:
            self._refused[tenant.id] = time.monotonic() + REFUSED
        finally:
            for each in people:
                if self._kept[tenant.id, each.id][1].pending:
                    self._keep(tenant, each, Fact())

    async def _one(self, tenant: Tenant, person: Addressed) -> None:
        try:
            found: Fact[Value] = Fact(await self._read(tenant, person), known=True)
        except Forbidden:
            raise
        except NotFound:
            found = Fact(known=True)
        except LeaverError:
            found = Fact()
        self._keep(tenant, person, found)

    def _keep(self, tenant: Tenant, person: Addressed, fact: Fact[Value]) -> None:
        key = (tenant.id, person.id)
        self._kept.pop(key, None)
        self._kept[key] = (time.monotonic() + KEPT, fact)
        while len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logging.getLogger(__name__).error("Facts about people could not be read", exc_info=task.exception())


class Later:
    """Both kinds."""

    def __init__(self) -> None:
        self.sign_ins: Facts[datetime] = Facts(lambda tenant, person: tenant.users.last_sign_in(person.id))
        self.sizes: Facts[int] = Facts(lambda tenant, person: tenant.mailboxes.size(person))

    async def settled(self, patience: float) -> None:
        """Wait a moment for what is being read."""
        await asyncio.gather(self.sign_ins.settled(patience), self.sizes.settled(patience))

    async def stop(self) -> None:
        """Stop reading."""
        await self.sign_ins.stop()
        await self.sizes.stop()
