"""How many requests may be under way at once: for each tenant and service a number that follows the service's mood."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Budget:
    """Slots for requests: a refusal halves their number, a run of successes adds one. First come, first served.

    Until the service has refused for the first time each success adds one, so that a long search is soon at full speed.
    """

    def __init__(self, start: int, *, most: int | None = None, least: int = 2) -> None:
        self.limit = start
        self._most = most or start * 2
        self._least = min(least, start)
        self._busy = 0
        self._successes = 0
        self._ever_refused = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[int]:
        """A slot for one request; gives the limit that stood when it was taken, to be handed back to `refused`."""
        await self._take()
        try:
            yield self.limit
        finally:
            self._busy -= 1
            self._wake()

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
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._busy -= 1
                self._wake()
            else:
                self._waiting.remove(turn)
            raise

    def _wake(self) -> None:
        while self._waiting and self._busy < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self._busy += 1
                turn.set_result(None)
