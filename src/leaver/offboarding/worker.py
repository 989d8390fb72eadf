"""A process that works on what was accepted: takes its share, and leaves everything to the others when it stops.

When it has nothing better to do in a tenant, it keeps the tenant's rights index young.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime
from time import monotonic

from leaver.domain.errors import StoreAway
from leaver.offboarding.drive import drive, worker_name
from leaver.offboarding.intake import House
from leaver.offboarding.right_of_way import RightOfWay
from leaver.offboarding.settle import Stop
from leaver.offboarding.survey import Surveyor
from leaver.offboarding.workflow import Engine
from leaver.store.leases import Due

GRACE = 30
"""Seconds that running work has to come to a resting point when the process is asked to stop."""
SHOWN_FOR = 15.0
"""Seconds after which a process that has stopped looking for work counts as gone."""


class Worker:
    """The work of one process. It shows itself in the store as long as it looks for work there."""

    def __init__(self, house: House, kind: str = "worker") -> None:
        self._house = house
        self._kind = kind
        self._shown_for = min(SHOWN_FOR, house.config.lease_seconds)
        self._shown_at: float | None = None
        self._running: set[Stop] = set()
        self._way = RightOfWay()
        self._stopping = False
        self.name = worker_name()
        self._surveyor = Surveyor(house, self.name)
        self._engine = Engine(house.database.engine_url, self.name, self._work, self._look)

    async def start(self) -> None:
        """Take part in the work."""
        await self._house.database.ping()  # opens it, and refuses one that does not fit
        await self._engine.start()
        self._surveyor.start()

    async def stop(self, seconds: int = GRACE) -> None:
        """Take nothing more; what runs finishes its calls under way and is left for another process."""
        self._stopping = True
        with contextlib.suppress(StoreAway):  # then it counts as gone a little later
            await self._house.workers.leave(self.name)
        await self._surveyor.stop()
        for stop in self._running:
            stop.for_another()
        await self._engine.stop(seconds)

    def nudge(self) -> None:
        """Something was accepted: look at once."""
        self._engine.nudge()

    async def _look(self) -> Sequence[Due]:
        """What is due; whoever asks is alive, and says so every now and then."""
        if not self._stopping and (self._shown_at is None or monotonic() - self._shown_at > self._shown_for / 3):
            await self._house.workers.show(self.name, self._kind, self._shown_for)
            self._shown_at = monotonic()
        return await self._house.leases.due()

    async def _work(self, offboarding_id: str) -> datetime | None:
        if self._stopping:
            return None
        stop = Stop()
        self._running.add(stop)
        try:
            return await drive(self._house, offboarding_id, owner=self.name, stop=stop, way=self._way)
        finally:
            self._running.discard(stop)
