"""A memory of reads: the same question, asked twice or at once, is sent once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from leaver.domain.errors import NotFound
from leaver.m365.answers import Call, Listener, Wait, listeners, listening, record, recording_apart


class Memo:
    """Remembers answers, and that something is not there. Other errors are forgotten, so that the next ask asks again.

    Readers share the work under way. Who is cancelled leaves the others undisturbed; when all have left, the work is
    cancelled too.
    """

    def __init__(self, *, keep: bool = True) -> None:
        self._keep = keep
        """False: only work under way is shared, and nothing is remembered."""
        self._reads: dict[Hashable, _Read] = {}

    async def read(self, key: Hashable, ask: Callable[[], Awaitable[Any]]) -> Any:
        """The remembered answer, or that of asking."""
        known = self._reads.get(key)
        if known is None:
            known = self._reads[key] = _Read()
            known.task = asyncio.create_task(known.run(ask))
            known.task.add_done_callback(lambda task: self._finished(key, task))
        known.readers += 1
        mine = listeners()
        known.listeners.append(mine)
        try:
            return await asyncio.shield(known.work)
        finally:
            record(*known.calls)
            known.readers -= 1
            known.listeners.remove(mine)
            if not known.readers and not known.work.done():
                known.work.cancel()
                self._forget(key, known.work)

    def _finished(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        error = None if task.cancelled() else task.exception()
        if not self._keep or task.cancelled() or (error is not None and not isinstance(error, NotFound)):
            self._forget(key, task)

    def _forget(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        known = self._reads.get(key)
        if known is not None and known.task is task:
            del self._reads[key]


@dataclass
class _Read:
    readers: int = 0
    calls: list[Call] = field(default_factory=list)
    listeners: list[tuple[Listener, ...]] = field(default_factory=list)
    """Those of all readers, so that nobody who waits goes untold."""
    task: asyncio.Task[Any] | None = None

    @property
    def work(self) -> asyncio.Task[Any]:
        assert self.task is not None  # noqa: S101 - set in the same step that makes the read known
        return self.task

    async def run(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        with recording_apart() as calls, listening(self._tell_all):
            self.calls = calls
            return await ask()

    @contextmanager
    def _tell_all(self, wait: Wait) -> Iterator[None]:
        with ExitStack() as told:
            for listener in {each for of_one in self.listeners for each in of_one}:
                told.enter_context(listener(wait))
            yield
