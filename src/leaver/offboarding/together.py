"""Work side by side that ends together: when one part breaks off, the others are cancelled and not left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from functools import partial
from typing import Any, TypeVar

Result = TypeVar("Result")
Work = Coroutine[Any, Any, object]


class _CancelledFromWithin(Exception):
    """A part was cancelled by nobody who holds it: what it waited for is gone."""


async def together(*work: Work) -> None:
    """Run everything at once; the first exception is raised after all the rest has ended.

    A part that is cancelled by itself, since the connection that it waited for was closed, breaks everything off too:
    a task group would take it for one that has ended, and those that wait for it would wait for ever.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for part in work:
                group.create_task(_watched(part)).add_done_callback(partial(_close, part))
    except BaseExceptionGroup as problems:
        found = [problem for problem in problems.exceptions if not isinstance(problem, _CancelledFromWithin)]
        raise (found[0] if found else asyncio.CancelledError()) from None


async def some_at_once(work: Iterable[Coroutine[Any, Any, Result]], at_once: int) -> list[Result]:
    """What comes of each, in their order; so many are under way at once, however many there are."""
    places = asyncio.Semaphore(at_once)

    async def placed(part: Coroutine[Any, Any, Result]) -> Result:
        async with places:
            return await part

    return await asyncio.gather(*(placed(part) for part in work))


async def end(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait for its end; raises what it broke off with.

    Whoever is cancelled while waiting here hears of it: the two cancellations look alike to who awaits the task itself.
    """
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled() and (problem := task.exception()) is not None:
        raise problem


def _close(part: Work, _: object) -> None:
    """One that was cancelled before it began would complain that nobody has waited for it."""
    part.close()


async def _watched(part: Work) -> None:
    try:
        await part
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise _CancelledFromWithin from None
