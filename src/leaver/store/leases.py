"""Who works on which offboarding: one process at a time, for a while, by the database's clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_, select, update

from leaver.store.database import Database, uninterrupted
from leaver.store.rows import HEAD, in_parts


@dataclass(frozen=True)
class Lease:
    """The right to work on an offboarding, for a while."""

    offboarding_id: str
    attempt: int
    owner: str
    revision: int = 0
    """Of the offboarding as it was taken up."""
    cancel_requested: bool = False


@dataclass(frozen=True)
class Due:
    """An offboarding that should be worked on, and that nobody works on."""

    id: str
    tenant_id: str
    priority: int
    attempt: int


@dataclass(frozen=True)
class Standing:
    """How an offboarding stands with those who might work on it."""

    id: str
    revision: int
    active: bool
    awaits_approval: bool
    held: bool
    """A process works on it, or did until a moment ago."""
    due: bool
    """It should be worked on now."""


class Leases:
    """The leases on the offboardings of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @uninterrupted
    async def standings(self, ids: Sequence[str]) -> dict[str, Standing]:
        """How those with these ids stand."""
        columns = (HEAD.c.id, HEAD.c.revision, HEAD.c.active, HEAD.c.awaits_approval)
        async with self._database.begin(write=False, short=True) as connection:
            now = await self._database.now(connection)
            wanted = select(*columns, (HEAD.c.lease_until > now).label("held"), and_(*_is_due(now)).label("due"))
            found: dict[str, Standing] = {}
            for some in in_parts(ids):
                rows = (await connection.execute(wanted.where(HEAD.c.id.in_(some)))).all()
                found |= {row.id: _standing(row) for row in rows}
        return found

    @uninterrupted
    async def held_by_others(self, owner: str) -> int:
        """How many are worked on by somebody else than this owner."""
        async with self._database.begin(write=False, short=True) as connection:
            now = await self._database.now(connection)
            wanted = select(func.count()).select_from(HEAD)
            wanted = wanted.where(HEAD.c.active, HEAD.c.lease_until > now, HEAD.c.lease_owner != owner)
            return int((await connection.execute(wanted)).scalar_one())

    @uninterrupted
    async def claim(self, offboarding_id: str, owner: str, ttl: float) -> Lease | None:
        """Take an active offboarding up for `ttl` seconds; None while another process holds it."""
        async with self._database.begin() as connection:
            now = await self._database.now(connection)
            taken = await connection.execute(
                update(HEAD)
                .where(HEAD.c.id == offboarding_id, HEAD.c.active)
                .where(or_(HEAD.c.lease_until.is_(None), HEAD.c.lease_until <= now))
                .values(
                    attempt=HEAD.c.attempt + 1,
                    revision=HEAD.c.revision + 1,  # whoever looked at it before must look again
                    lease_owner=owner,
                    lease_until=now + timedelta(seconds=ttl),
                )
                .returning(HEAD.c.attempt, HEAD.c.revision, HEAD.c.cancel_requested)
            )
            row = taken.one_or_none()
        return None if row is None else Lease(offboarding_id, row.attempt, owner, row.revision, row.cancel_requested)

    @uninterrupted
    async def renew(self, lease: Lease, ttl: float) -> bool:
        """Hold on for another `ttl` seconds; False when somebody else has it."""
        async with self._database.begin() as connection:
            until = await self._database.now(connection) + timedelta(seconds=ttl)
            done = await connection.execute(update(HEAD).where(*held(lease)).values(lease_until=until))
            return done.rowcount == 1

    @uninterrupted
    async def release(self, lease: Lease) -> None:
        """Let go."""
        async with self._database.begin() as connection:
            await connection.execute(update(HEAD).where(*held(lease)).values(lease_until=None, lease_owner=""))

    @uninterrupted
    async def cancel_requested(self, offboarding_id: str) -> bool:
        """Whether somebody asked to stop it."""
        async with self._database.begin(write=False, short=True) as connection:
            found = await connection.execute(select(HEAD.c.cancel_requested).where(HEAD.c.id == offboarding_id))
            return bool(found.scalar())

    @uninterrupted
    async def waiting(self) -> int:
        """How many should be worked on and are not."""
        async with self._database.begin(write=False, short=True) as connection:
            wanted = select(func.count()).select_from(HEAD).where(*_is_due(await self._database.now(connection)))
            return int((await connection.execute(wanted)).scalar_one())

    @uninterrupted
    async def due(self, limit: int = 200) -> list[Due]:
        """What should be worked on and is not: accepted and its time has come, waited long enough, or left behind.

        Of what is equally urgent each tenant has its turn, so that five hundred of one hold up no other.
        """
        columns = (HEAD.c.id, HEAD.c.tenant_id, HEAD.c.priority, HEAD.c.attempt)
        earlier = (HEAD.c.priority, HEAD.c.requested_at)
        turn = func.row_number().over(partition_by=HEAD.c.tenant_id, order_by=earlier).label("turn")
        async with self._database.begin(write=False, short=True) as connection:
            now = await self._database.now(connection)
            wanted = select(*columns).where(*_is_due(now)).order_by(HEAD.c.priority, turn, HEAD.c.requested_at)
            return [Due(*row) for row in (await connection.execute(wanted.limit(limit))).all()]

    @uninterrupted
    async def at_work(self, tenant_id: str) -> bool:
        """Whether a process works on an offboarding of this tenant."""
        async with self._database.begin(write=False, short=True) as connection:
            now = await self._database.now(connection)
            mine = (HEAD.c.tenant_id == tenant_id, HEAD.c.active, HEAD.c.lease_until > now)
            return (await connection.execute(select(HEAD.c.id).where(*mine).limit(1))).first() is not None


def held(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    """The condition that a lease is still held."""
    return (HEAD.c.id == lease.offboarding_id, HEAD.c.attempt == lease.attempt, HEAD.c.lease_owner == lease.owner)


def _is_due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """It is active, nobody holds it, and its time has come; or it is to be cancelled."""
    free = or_(HEAD.c.lease_until.is_(None), HEAD.c.lease_until <= now)
    asked = or_(
        HEAD.c.cancel_requested,
        and_(
            or_(HEAD.c.at.is_(None), HEAD.c.at <= now, HEAD.c.started),
            or_(HEAD.c.wake_at.is_(None), HEAD.c.wake_at <= now),
        ),
    )
    return HEAD.c.active, free, asked, or_(HEAD.c.cancel_requested, HEAD.c.awaits_approval.is_(False))


def _standing(row: Row[Any]) -> Standing:
    return Standing(row.id, row.revision, row.active, row.awaits_approval, bool(row.held), bool(row.due))
