"""What tests ask of a plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from leaver.domain.plan import Change, Note, PlanItem
from leaver.tasks.task import Task


async def plan_of(task: Task[Any]) -> list[PlanItem]:
    """Everything that the task plans, from fresh facts."""
    return list(task.plan(await task.inspect()))


async def codes(task: Task[Any]) -> dict[str, str]:
    """The code of each note, and of what does not apply or is awaited, to its text."""
    return {item.code: item.text for item in await plan_of(task) if not isinstance(item, Change)}


async def kinds(task: Task[Any]) -> dict[str, str]:
    """The code of each note to its kind."""
    return {item.code: item.kind.value for item in await plan_of(task) if isinstance(item, Note)}


async def apply_all(make: Callable[[], Task[Any]]) -> list[str]:
    """Apply what is pending once, each change with a fresh task; what was changed."""
    changes = await make().pending()
    for change in changes:
        await make().apply(change)
    return [change.what for change in changes]
