"""Goes from tenant to tenant and looks whether it is well: at intervals, and when somebody asks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Protocol

from leaver.offboarding import health
from leaver.store.tenants import KnownTenant, Tenants

log = logging.getLogger("leaver.rounds")
AT_ONCE = 4
FIRST = 120.0
"""Seconds after the start, in which people and what was interrupted go first."""
BREATH = 60.0


class House(health.House, Protocol):
    """What a round needs of the house."""

    @property
    def tenants(self) -> Tenants:
        """The tenants."""


class Rounds:
    """The rounds of one process; at intervals only once `start` was called."""

    def __init__(self, house: House, every: timedelta) -> None:
        self._house = house
        self._every = every
        self._going: asyncio.Task[None] | None = None
        self._asked: set[asyncio.Task[None]] = set()

    @property
    def every(self) -> timedelta:
        """The interval; zero: only when somebody asks."""
        return self._every

    def start(self) -> None:
        """Go round at intervals."""
        if self._every:
            self._going = asyncio.create_task(self._go_round())

    async def stop(self) -> None:
        """Stop; what is being looked at is left."""
        tasks = [*self._asked, *([self._going] if self._going else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def look(self, tenants: Collection[KnownTenant], patience: float) -> bool:
        """Look at these tenants, for so many seconds, and then behind the asker's back; whether all were looked at."""
        task = asyncio.create_task(self._look_at(tenants))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)
        done, _ = await asyncio.wait([task], timeout=patience)
        return bool(done)

    async def _go_round(self) -> None:
        await asyncio.sleep(min(FIRST, self._every.total_seconds()))
        while True:
            try:
                seen = await health.summaries(self._house.papers)
                long_ago = datetime.now(UTC) - self._every
                known = await self._house.tenants.all()
                late = [each for each in known if each.id not in seen or seen[each.id].checked_at < long_ago]
                await self._look_at(late)
            except Exception:
                log.exception("A round through the tenants failed; the next one follows")
            await asyncio.sleep(BREATH)

    async def _look_at(self, tenants: Collection[KnownTenant]) -> None:
        places = asyncio.Semaphore(AT_ONCE)

        async def one(known: KnownTenant) -> None:
            async with places:
                try:
                    await health.look(self._house, known.named)
                except Exception:
                    log.exception("The tenant %s could not be looked at", known.id)

        await asyncio.gather(*(one(known) for known in tenants))
