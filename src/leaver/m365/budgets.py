"""How many requests may be under way at once: for each tenant and service a number that follows the service's mood."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Budget:
    """Slots for requests: a refusal halves their number, a run of successes adds one. First come, first served.

    Until the service has refused for the first time each success adds one, so that a long search is soon at full speed.
    Work that can wait takes what is `Spare`.
    """

    def __init__(self, start: int, *, most: int | None = None, least: int = 2) -> None:
        self.limit = start
        self._most = most or start * 2
        self._least = min(least, start)
        self._busy = 0
        self._patient_busy = 0
        self._successes = 0
        self._ever_refused = False
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._patient: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def slot(self, *, patient: bool = False) -> AsyncIterator[int]:
        """A slot for one request; gives the limit that stood when it was taken, to be handed back to `refused`.

        A patient request begins only while no other one is on its way or waits, and with its like it leaves half of the
        slots free for those that may come.
        """
        await (self._take_patiently() if patient else self._take())
        try:
            yield self.limit
        finally:
            self._give_back(patient=patient)

    def succeeded(self) -> None:
        """The service answered: try one more slot; once it has refused, for as many successes as there are slots."""
        self._successes += 1
        if (self._successes >= self.limit or not self._ever_refused) and self.limit < self._most:
            self.limit += 1
            self._successes = 0
            self._wake()

    def refused(self, seen: int) -> None:
        """The service asked us to slow down; refusals of requests that began before the last halving count once."""
        self._successes = 0
        self._ever_refused = True
        if seen <= self.limit:
            self.limit = max(self._least, self.limit // 2)

    async def _take(self) -> None:
        if self._busy < self.limit and not self._waiting:
            self._busy += 1
            return
        await self._turn(self._waiting, patient=False)

    async def _take_patiently(self) -> None:
        if self._may_begin_patiently() and not self._patient:
            self._busy += 1
            self._patient_busy += 1
            return
        await self._turn(self._patient, patient=True)

    async def _turn(self, queue: deque[asyncio.Future[None]], *, patient: bool) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back(patient=patient)
            else:
                queue.remove(turn)
            raise

    def _may_begin_patiently(self) -> bool:
        others = self._busy - self._patient_busy
        return not others and not self._waiting and self._patient_busy < max(1, self.limit // 2)

    def _give_back(self, *, patient: bool) -> None:
        self._busy -= 1
        self._patient_busy -= patient
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self._busy < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self._busy += 1
                turn.set_result(None)
        while self._patient and self._may_begin_patiently():
            turn = self._patient.popleft()
            if not turn.done():
                self._busy += 1
                self._patient_busy += 1
                turn.set_result(None)


class Spare(Budget):
    """What another budget has to spare: its slots while nobody else wants them, and never more than half of them.

    A refusal slows the other budget down as any other does; successes do not make it bolder, since they come from the
    quiet half.
    """

    def __init__(self, of: Budget) -> None:
        super().__init__(of.limit)
        self._of = of

    @asynccontextmanager
    async def slot(self, *, patient: bool = True) -> AsyncIterator[int]:
        """A slot of the other budget, taken patiently."""
        async with self._of.slot(patient=patient) as seen:
            yield seen

    def succeeded(self) -> None:
        """Nothing is learnt from it."""

    def refused(self, seen: int) -> None:
        """The service asked us to slow down."""
        self._of.refused(seen)
