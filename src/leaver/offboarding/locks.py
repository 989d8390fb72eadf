"""What the organization has locked: every request through the server keeps to it, whichever door it came by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leaver.domain.errors import Unusable
from leaver.domain.plan import Json
from leaver.offboarding.intake import House
from leaver.offboarding.settings import as_plain, parse
from leaver.store.defaults import ORGANIZATION
from leaver.tasks.catalogue import all_tasks


async def refuse_other_than_locked(house: House, settings: Mapping[str, Any]) -> None:
    """Refuse settings that leave out what is locked on, hold what is locked off, or give it another value."""
    said = await house.defaults.get(ORGANIZATION)
    locked = {task: value.get("value") for task, value in said.items() if value.get("locked")}
    if not locked:
        return
    labels = {task.name: task.option.label for task in all_tasks()}
    chosen = as_plain(parse(settings))
    reasons = []
    for task, value in locked.items():
        if task not in labels:
            continue
        if value in (None, False):
            if task in chosen:
                reasons.append(f"{labels[task]} is locked: it stays off.")
        elif task not in chosen:
            reasons.append(f"{labels[task]} is locked: it must be on.")
        elif chosen[task] != _usual(task, value):
            reasons.append(f"{labels[task]} is locked: it keeps the values that your organization has set.")
    if reasons:
        raise Unusable(
            " ".join(reasons),
            "locked_default",
            advice="Your organization has locked this. `GET /api/v1/defaults/organization` shows how.",
        )


def _usual(task: str, value: Json) -> Json:
    """A locked value as requests are written out; one that cannot be used as it is, as it is."""
    try:
        return as_plain(parse({task: value}))[task]
    except Unusable:
        return value
