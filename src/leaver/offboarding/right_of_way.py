"""Who goes first in a process that drives many offboardings: the urgent ones, for their first seconds.

An engine that takes up the urgent one first does not yet make it quick: dozens of others share the processor with it.
Those step back before their next changes until it has ended, or until its time is over.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

LONGEST = 10.0
"""Seconds for which an urgent one is given way; it may have to wait for Microsoft for much longer than that."""


@dataclass(eq=False)
class _Urgent:
    priority: int
    until: float


class RightOfWay:
    """Knows what is under way in this process, and how urgent it is."""

    def __init__(self, longest: float = LONGEST) -> None:
        self._longest = longest
        self._going: list[_Urgent] = []
        self._moved = asyncio.Event()

    @contextmanager
    def taken(self, priority: int) -> Iterator[None]:
        """For the block something of this priority is under way; lower numbers go first."""
        one = _Urgent(priority, monotonic() + self._longest)
        self._going.append(one)
        try:
            yield
        finally:
            self._going.remove(one)
            self._moved.set()
            self._moved = asyncio.Event()

    async def give(self, priority: int) -> None:
        """Wait while something more urgent has the right of way; never longer than one of them may have it."""
        deadline = monotonic() + self._longest
        while (left := self._until(priority, deadline) - monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._moved.wait()

    def _until(self, priority: int, deadline: float) -> float:
        ends = (other.until for other in self._going if other.priority < priority)
        return min(max(ends, default=0.0), deadline)
