"""A process that works on what was accepted: takes its share, and leaves everything to the others when it stops.

When it has nothing better to do in a tenant, it keeps the tenant's rights index young.
"""

from __future__ import annotations

from datetime import datetime

from leaver.offboarding.drive import drive, worker_name
from leaver.offboarding.intake import House
from leaver.offboarding.settle import Stop
from leaver.offboarding.survey import Surveyor
from leaver.offboarding.workflow import Engine

GRACE = 30
"""Seconds that running work has to come to a resting point when the process is asked to stop."""


class Worker:
    """The work of one process."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._running: set[Stop] = set()
        self._stopping = False
        self.name = worker_name()
        self._surveyor = Surveyor(house, self.name)
        self._engine = Engine(house.database.engine_url, self.name, self._work, house.offboardings.due)

    async def start(self) -> None:
        """Take part in the work."""
        await self._house.offboardings.due(1)  # opens the database, and refuses one that does not fit
        await self._engine.start()
        self._surveyor.start()

    async def stop(self, seconds: int = GRACE) -> None:
        """Take nothing more; what runs finishes its calls under way and is left for another process."""
        self._stopping = True
        await self._surveyor.stop()
        for stop in self._running:
            stop.for_another()
        await self._engine.stop(seconds)

    def nudge(self) -> None:
        """Something was accepted: look at once."""
        self._engine.nudge()

    async def _work(self, offboarding_id: str) -> datetime | None:
        if self._stopping:
            return None
        stop = Stop()
        self._running.add(stop)
        try:
            return await drive(self._house, offboarding_id, owner=self.name, stop=stop)
        finally:
            self._running.discard(stop)
