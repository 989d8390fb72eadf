"""The usual settings: of the organization, and of each tenant on top of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import EllipsisType
from typing import Any

from sqlalchemy import delete, insert, select

from leaver.domain.actor import Actor
from leaver.domain.errors import Unusable
from leaver.domain.plan import Json
from leaver.store import tables
from leaver.store.audit import Audit
from leaver.store.database import Database, uninterrupted

ORGANIZATION = "organization"
"""The scope of what holds for every tenant."""


@dataclass(frozen=True)
class Effective:
    """What a task is preset to in a tenant, and who says so."""

    value: Json
    origin: str
    """`tenant` or `organization`."""
    locked: bool
    """The organization does not let a tenant or a technician change it."""


class Defaults:
    """The defaults of a database."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit

    @uninterrupted
    async def get(self, scope: str) -> dict[str, dict[str, Json]]:
        """What a scope says: for each task it speaks of `{"value": ..., "locked": bool}`."""
        async with self._database.begin(write=False, short=True) as connection:
            wanted = select(tables.defaults.c.settings).where(tables.defaults.c.scope == scope)
            found: dict[str, dict[str, Json]] | None = (await connection.execute(wanted)).scalar_one_or_none()
        return found or {}

    @uninterrupted
    async def all(self) -> dict[str, dict[str, dict[str, Json]]]:
        """What each scope says."""
        columns = tables.defaults.c
        async with self._database.begin(write=False, short=True) as connection:
            rows = (await connection.execute(select(columns.scope, columns.settings))).all()
        return {row.scope: row.settings for row in rows}

    @uninterrupted
    async def changed(self) -> dict[str, tuple[datetime, str, int]]:
        """When each scope was changed and by whom, and of how many tasks it speaks."""
        columns = tables.defaults.c
        async with self._database.begin(write=False, short=True) as connection:
            rows = (
                await connection.execute(
                    select(columns.scope, columns.changed_at, columns.changed_by, columns.settings)
                )
            ).all()
        return {row.scope: (row.changed_at, row.changed_by, len(row.settings)) for row in rows}

    @uninterrupted
    async def save(
        self,
        scope: str,
        values: Mapping[str, Mapping[str, Any]],
        actor: Actor,
        *,
        seen: datetime | EllipsisType | None = ...,
    ) -> None:
        """Replace what a scope says. A task that is not named is inherited.

        `seen` is when it had been changed, for whoever replaces it; if somebody else changed it since, it is unusable.
        """
        kept = {
            task: {"value": value.get("value"), "locked": bool(value.get("locked")) and scope == ORGANIZATION}
            for task, value in values.items()
        }
        async with self._database.begin() as connection:
            table = tables.defaults
            wanted = select(table.c.settings, table.c.changed_at, table.c.changed_by).where(table.c.scope == scope)
            found = (await connection.execute(wanted.with_for_update())).one_or_none()
            if seen is not ... and seen != (found.changed_at if found else None):
                raise Unusable(
                    f"{found.changed_by if found else 'Somebody'} has changed these defaults since you opened them.",
                    "changed_meanwhile",
                    advice="Look at them again, and save what you still want to change.",
                )
            before = found.settings if found else None
            await connection.execute(delete(table).where(table.c.scope == scope))
            now = await self._database.now(connection)
            row = {"scope": scope, "settings": kept, "changed_at": now, "changed_by": actor.name}
            await connection.execute(insert(table).values(**row))
            tenant_id = "" if scope == ORGANIZATION else scope
            await self._audit.add(
                actor, "defaults.changed", tenant_id=tenant_id, before=before, after=kept, connection=connection
            )


def effective(
    organization: Mapping[str, Mapping[str, Any]], tenant: Mapping[str, Mapping[str, Any]]
) -> dict[str, Effective]:
    """What holds in a tenant: its own word, unless the organization has locked the task or the tenant says nothing."""
    found = {
        task: Effective(value.get("value"), "organization", bool(value.get("locked")))
        for task, value in organization.items()
    }
    for task, value in tenant.items():
        if task not in found or not found[task].locked:
            found[task] = Effective(value.get("value"), "tenant", locked=False)
    return found
