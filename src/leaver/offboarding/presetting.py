"""What the tasks are preset to: the rules for whoever sets it, whichever door they come by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import EllipsisType
from typing import Any, Protocol

from leaver.domain.actor import Actor
from leaver.domain.errors import Unusable
from leaver.offboarding import words
from leaver.offboarding.conflicts import default_refusals
from leaver.offboarding.settings import as_plain, parse
from leaver.store.defaults import ORGANIZATION, Defaults, effective
from leaver.tasks.catalogue import all_tasks
from leaver.tasks.task import Setting

Said = Mapping[str, Mapping[str, Any]]
"""For each task that a scope speaks of `{"value": ..., "locked": bool}`."""


class House(Protocol):
    """What presetting needs of the house."""

    @property
    def defaults(self) -> Defaults:
        """What is preset."""


async def preset(
    house: House, scope: str, said: Said, actor: Actor, *, seen: datetime | EllipsisType | None = ...
) -> None:
    """Replace what a scope says; a task that is not named is inherited.

    A tenant keeps its own word on what the organization has locked, for when the lock goes; another one is unusable.
    So are values that no offboarding would take, and those that defeat each other. `seen`: see the store.
    """
    labels = {task.name: task.option.label for task in all_tasks()}
    if strange := sorted(set(said) - set(labels)):
        raise Unusable(f"There is no task {', '.join(strange)}.", "unknown_task")
    above = {} if scope == ORGANIZATION else await house.defaults.get(ORGANIZATION)
    shut = await locked_in(house, scope)
    before = await house.defaults.get(scope)
    wanted = {task: before[task] for task in before if task in shut} | dict(said)
    if barred := [labels[task] for task in said if task in shut and _value(said, task) != _value(before, task)]:
        be = "is" if len(barred) == 1 else "are"
        raise Unusable(
            f"{words.listed(barred)} {be} locked by your organization and cannot be set for a tenant.",
            "locked_default",
        )
    empty = [labels[task] for task, value in said.items() if value.get("locked") and value.get("value") is None]
    if empty:
        raise Unusable(
            f"{words.listed(empty)} cannot be locked without a value. Choose On or Off there.", "lock_without_value"
        )
    own = _parsed({task: value.get("value") for task, value in wanted.items()})
    plain = as_plain(own)
    kept = {task: {**value, "value": plain.get(task, value.get("value"))} for task, value in wanted.items()}
    together = effective(kept if scope == ORGANIZATION else above, {} if scope == ORGANIZATION else kept)
    holds = {task: own.get(task) for task, each in together.items() if each.value not in (None, False)}
    if reasons := default_refusals(holds):
        raise Unusable(" ".join(reasons), "unsafe_default")
    await house.defaults.save(scope, kept, actor, seen=seen)


async def locked_in(house: House, scope: str) -> set[str]:
    """The tasks on which a scope has no word of its own, since the organization has locked them."""
    above = {} if scope == ORGANIZATION else await house.defaults.get(ORGANIZATION)
    return {task for task, value in above.items() if value.get("locked")}


def _parsed(values: Mapping[str, Any]) -> dict[str, Setting]:
    on = {task: value for task, value in values.items() if value not in (None, False)}
    return parse(on) if on else {}


def _value(said: Said, task: str) -> Any:
    return said[task].get("value") if task in said else None
