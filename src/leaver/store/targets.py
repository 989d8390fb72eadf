"""Who is told: webhooks, mail addresses and other services. What must stay secret of them is in the vault."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update

from leaver.store import tables
from leaver.store.database import Database, uninterrupted

TARGETS = tables.targets


@dataclass
class Target:
    """Somebody or something that is told of events."""

    id: str
    kind: str
    """`webhook`, `email` or `service`."""
    name: str
    address: str
    """As it may be shown: whatever could be a secret in it is masked."""
    tenants: list[str] = field(default_factory=list)
    """Ids; empty: all tenants."""
    events: list[str] = field(default_factory=list)
    enabled: bool = True
    note: str = ""
    """Why it was switched off, if Leaver did it."""
    previous_until: datetime | None = None
    """Until when the secret before the last change signs as well."""
    failing_since: datetime | None = None
    last_at: datetime | None = None
    last_result: str = ""
    created_at: datetime | None = None
    created_by: str = ""

    def covers(self, tenant_id: str) -> bool:
        """Whether it is told of this tenant."""
        return not self.tenants or tenant_id in self.tenants


class Targets:
    """The targets of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @uninterrupted
    async def add(self, target: Target) -> Target:
        """Keep a new one."""
        async with self._database.begin() as connection:
            target.created_at = await self._database.now(connection)
            await connection.execute(insert(TARGETS).values(**asdict(target)))
        return target

    @uninterrupted
    async def get(self, target_id: str) -> Target | None:
        """The one with this id."""
        async with self._database.begin(write=False, short=True) as connection:
            wanted = select(TARGETS).where(TARGETS.c.id == target_id)
            row = (await connection.execute(wanted)).mappings().one_or_none()
        return None if row is None else Target(**row)

    @uninterrupted
    async def all(self, *kinds: str) -> list[Target]:
        """Those of these kinds, the oldest first."""
        async with self._database.begin(write=False, short=True) as connection:
            wanted = select(TARGETS).where(TARGETS.c.kind.in_(kinds)).order_by(TARGETS.c.created_at, TARGETS.c.id)
            return [Target(**row) for row in (await connection.execute(wanted)).mappings()]

    @uninterrupted
    async def change(self, target_id: str, **values: Any) -> None:
        """Change some of its columns."""
        async with self._database.begin() as connection:
            await connection.execute(update(TARGETS).where(TARGETS.c.id == target_id).values(**values))

    @uninterrupted
    async def remove(self, target_id: str) -> None:
        """Forget it, and its deliveries with it."""
        async with self._database.begin() as connection:
            await connection.execute(delete(TARGETS).where(TARGETS.c.id == target_id))
