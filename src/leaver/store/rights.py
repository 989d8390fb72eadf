"""The rights index: who has which rights on the mailboxes of a tenant, found by one look through all of them.

A look is kept piece by piece under a number of its own, and takes the place of the one before when it is complete; one
process at a time works on it, under a lease. What an interrupted look has kept is gone on from.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, false, insert, or_, select, true, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from leaver.domain.errors import LeaseLost, Unusable
from leaver.domain.rights import MailboxRights
from leaver.store import tables
from leaver.store.database import Database, uninterrupted

HEAD, MAILBOXES, ENTRIES = tables.rights_indexes, tables.rights_mailboxes, tables.rights_entries
GO_ON_WITHIN = timedelta(hours=6)
"""An interrupted look that began longer ago is begun anew, so that an index is not older than it seems."""
SLICE = 2000
"""Rows that are deleted in one transaction."""
AT_A_TIME = 200
"""Words of one question to the database."""


@dataclass(frozen=True)
class Standing:
    """How the index of a tenant stands."""

    tenant_id: str
    as_of: datetime | None = None
    """When the look began whose findings it holds: rights given since then may be missing. None: there is no index."""
    finished_at: datetime | None = None
    age: timedelta | None = None
    """Since `as_of`, by the database's clock."""
    mailboxes: int = 0
    unread: int = 0
    """Mailboxes whose rights could not be read; a plan looks at them itself."""
    building: bool = False
    """Whether a process works on a new one."""
    done: int = 0
    of: int = 0
    """How far the new one is."""
    wanted_at: datetime | None = None
    """When somebody asked for a new one that nobody has begun to make."""
    problem: str = ""
    """Why the last try failed."""
    retry_at: datetime | None = None


@dataclass(frozen=True)
class Build:
    """The right to build the index of a tenant, for a while."""

    tenant_id: str
    number: int
    attempt: int
    owner: str
    tries: int
    """How many tries before this one failed, one after the other."""


@dataclass(frozen=True)
class Known:
    """An index that is complete, for questions about one person after the other."""

    database: Database = field(repr=False)
    tenant_id: str
    build: int
    as_of: datetime
    guids: Mapping[str, str] = field(repr=False)
    """Of every mailbox that was looked at, by its id."""

    def knows(self, mailbox_id: str, guid: str) -> bool:
        """Whether this mailbox was looked at; another one of the same user was not."""
        known = self.guids.get(mailbox_id)
        return known is not None and (not known or not guid or known == guid)

    @uninterrupted
    async def holding(self, kind: str, person_id: str, words: Collection[str]) -> frozenset[str] | None:
        """The ids of the mailboxes with an entry of one of these names, or of one that the person had at that time.

        None when another index has taken the place of this one.
        """
        mine = (MAILBOXES.c.tenant_id == self.tenant_id, MAILBOXES.c.build == self.build)
        async with self.database.begin(write=False) as connection:
            own = select(MAILBOXES.c.names).where(*mine, MAILBOXES.c.mailbox_id == person_id)
            named = sorted({*words, *((await connection.execute(own)).scalar_one_or_none() or ())})
            found: set[str] = set()
            for start in range(0, len(named), AT_A_TIME):
                wanted = select(ENTRIES.c.mailbox_id).where(
                    ENTRIES.c.tenant_id == self.tenant_id,
                    ENTRIES.c.build == self.build,
                    ENTRIES.c.kind == kind,
                    ENTRIES.c.word.in_(named[start : start + AT_A_TIME]),
                )
                found.update((await connection.execute(wanted)).scalars())
            # Looked at last: what a complete index has replaced may have been half deleted while it was read.
            still = select(HEAD.c.build).where(HEAD.c.tenant_id == self.tenant_id)
            if (await connection.execute(still)).scalar_one_or_none() != self.build:
                return None
        return frozenset(found)


@dataclass(frozen=True)
class OfTenant:
    """The index of one tenant, for whoever may go by it while it is young enough."""

    indexes: RightsIndexes = field(repr=False)
    tenant_id: str
    max_age: timedelta

    async def known(self) -> Known | None:
        """The index; None where there is none, or none that is young enough."""
        return await self.indexes.known(self.tenant_id, self.max_age)


class RightsIndexes:
    """The rights indexes of a database."""

    def __init__(self, database: Database, *, go_on_within: timedelta = GO_ON_WITHIN, slice_: int = SLICE) -> None:
        self._database = database
        self._go_on_within = go_on_within
        self._slice = slice_

    def of(self, tenant_id: str, max_age: timedelta) -> OfTenant:
        """The index of one tenant, handed to whoever looks for somebody's rights."""
        return OfTenant(self, tenant_id, max_age)

    @uninterrupted
    async def standings(self, tenant_ids: Collection[str] | None = None) -> dict[str, Standing]:
        """How the index of each tenant stands that has one, is getting one, or should have got one."""
        wanted = select(HEAD) if tenant_ids is None else select(HEAD).where(HEAD.c.tenant_id.in_(tenant_ids))
        async with self._database.begin(write=False) as connection:
            now = await self._database.now(connection)
            rows = (await connection.execute(wanted)).mappings().all()
        return {row["tenant_id"]: _standing(row, now) for row in rows}

    async def standing(self, tenant_id: str) -> Standing:
        """How the index of a tenant stands."""
        return (await self.standings([tenant_id])).get(tenant_id, Standing(tenant_id))

    @uninterrupted
    async def known(self, tenant_id: str, max_age: timedelta) -> Known | None:
        """The index of a tenant; None where there is none, or none that is young enough."""
        head = select(HEAD.c.build, HEAD.c.begun_at).where(HEAD.c.tenant_id == tenant_id, HEAD.c.build > 0)
        async with self._database.begin(write=False) as connection:
            now = await self._database.now(connection)
            found = (await connection.execute(head)).one_or_none()
            while found is not None and found.begun_at is not None and found.begun_at >= now - max_age:
                columns = select(MAILBOXES.c.mailbox_id, MAILBOXES.c.guid)
                rows = await connection.execute(columns.where(*_of(MAILBOXES, tenant_id, found.build)))
                guids = {row.mailbox_id: row.guid for row in rows}
                again = (await connection.execute(head)).one_or_none()
                if again == found:
                    return Known(self._database, tenant_id, found.build, found.begun_at, guids)
                found = again
        return None

    @uninterrupted
    async def want(self, tenant_id: str) -> Standing:
        """Ask for a new index of a tenant, soon; whoever works here makes it."""
        await self._know(tenant_id)
        async with self._database.begin() as connection:
            now = await self._database.now(connection)
            free = or_(HEAD.c.lease_until.is_(None), HEAD.c.lease_until <= now)
            asked = update(HEAD).where(HEAD.c.tenant_id == tenant_id, free)
            await connection.execute(asked.values(wanted_at=now, retry_at=None))
            row = (await connection.execute(select(HEAD).where(HEAD.c.tenant_id == tenant_id))).mappings().one()
            return _standing(row, now)

    @uninterrupted
    async def due(self, max_age: timedelta | None) -> list[str]:
        """The ids of the tenants that want an index: those who were asked for first, then the oldest.

        `None` counts only those that were asked for.
        """
        async with self._database.begin(write=False) as connection:
            now = await self._database.now(connection)
            free = or_(HEAD.c.lease_until.is_(None), HEAD.c.lease_until <= now)
            rested = or_(HEAD.c.retry_at.is_(None), HEAD.c.retry_at <= now)
            late: ColumnElement[bool] = HEAD.c.wanted_at.is_not(None)
            if max_age is not None:
                late = or_(late, HEAD.c.begun_at.is_(None), HEAD.c.begun_at <= now - max_age)
            missing = and_(HEAD.c.tenant_id.is_(None), false() if max_age is None else true())
            wanted = (
                select(tables.tenants.c.id)
                .outerjoin(HEAD, HEAD.c.tenant_id == tables.tenants.c.id)
                .where(or_(missing, and_(HEAD.c.tenant_id.is_not(None), free, rested, late)))
                .order_by(HEAD.c.wanted_at.is_(None), HEAD.c.wanted_at, HEAD.c.begun_at, tables.tenants.c.id)
            )
            return list((await connection.execute(wanted)).scalars())

    @uninterrupted
    async def claim(self, tenant_id: str, owner: str, ttl: float) -> Build | None:
        """Take the building of an index up for `ttl` seconds; None while another process works on it.

        An interrupted one that is young enough is gone on with.
        """
        await self._know(tenant_id)
        async with self._database.begin() as connection:
            now = await self._database.now(connection)
            taken = await connection.execute(
                update(HEAD)
                .where(HEAD.c.tenant_id == tenant_id, or_(HEAD.c.lease_until.is_(None), HEAD.c.lease_until <= now))
                .values(attempt=HEAD.c.attempt + 1, lease_owner=owner, lease_until=now + timedelta(seconds=ttl))
                .returning(HEAD.c.build, HEAD.c.next_build, HEAD.c.next_begun_at, HEAD.c.attempt, HEAD.c.tries)
            )
            row = taken.one_or_none()
            if row is None:
                return None
            number = row.next_build
            anew = not number or row.next_begun_at is None or row.next_begun_at < now - self._go_on_within
            if anew:
                number = row.attempt
                fresh = {"next_build": number, "next_begun_at": now, "next_done": 0, "next_mailboxes": 0}
                await connection.execute(update(HEAD).where(HEAD.c.tenant_id == tenant_id).values(**fresh))
        if anew:
            await self._sweep(tenant_id, keep=(row.build,))
        return Build(tenant_id, number, row.attempt, owner, row.tries)

    @uninterrupted
    async def renew(self, build: Build, ttl: float) -> bool:
        """Hold on for another `ttl` seconds; False when somebody else has it, or the tenant was forgotten."""
        async with self._database.begin() as connection:
            until = await self._database.now(connection) + timedelta(seconds=ttl)
            done = await connection.execute(update(HEAD).where(*_held(build)).values(lease_until=until))
            return done.rowcount == 1

    @uninterrupted
    async def looked_at(self, build: Build) -> set[str]:
        """The ids of the mailboxes that this index holds already."""
        wanted = select(MAILBOXES.c.mailbox_id).where(*_of(MAILBOXES, build.tenant_id, build.number))
        async with self._database.begin(write=False) as connection:
            return set((await connection.execute(wanted)).scalars())

    @uninterrupted
    async def keep(self, build: Build, found: Sequence[MailboxRights], of: int) -> None:
        """Keep what was found on some mailboxes, while the lease is held; `of` is how many mailboxes there are."""
        own = {"tenant_id": build.tenant_id, "build": build.number}
        mailboxes = [own | {"mailbox_id": it.id, "guid": it.guid, "names": sorted(it.names)} for it in found]
        entries = [
            own | {"kind": held.kind, "word": word, "mailbox_id": it.id, "rights": ", ".join(held.rights)}
            for it in found
            for held in it.held
            for word in sorted(held.who)
        ]
        async with self._database.begin() as connection:
            values = {"next_done": HEAD.c.next_done + len(found), "next_mailboxes": of}
            await _update(connection, build, values)
            if mailboxes:
                await connection.execute(insert(MAILBOXES), mailboxes)
            if entries:
                await connection.execute(insert(ENTRIES), entries)

    @uninterrupted
    async def finish(self, build: Build, unread: int = 0) -> None:
        """The index is complete: it takes the place of the one before, whose rows go."""
        async with self._database.begin() as connection:
            now = await self._database.now(connection)
            await _update(
                connection,
                build,
                {
                    "build": build.number,
                    "begun_at": HEAD.c.next_begun_at,
                    "finished_at": now,
                    "mailboxes": HEAD.c.next_done,
                    "unread": unread,
                    **_NOTHING_UNDER_WAY,
                    "wanted_at": None,
                    "tries": 0,
                    "retry_at": None,
                    "problem": "",
                },
            )
        await self._sweep(build.tenant_id, keep=(build.number,))

    @uninterrupted
    async def give_up(self, build: Build, problem: str, rest: timedelta) -> None:
        """It could not be built: say why, and leave the tenant in peace for a while. What was kept is gone on from."""
        async with self._database.begin() as connection:
            now = await self._database.now(connection)
            values = {"tries": HEAD.c.tries + 1, "problem": problem, "retry_at": now + rest, "wanted_at": None}
            await connection.execute(update(HEAD).where(*_held(build)).values(**values, **_FREE))

    @uninterrupted
    async def release(self, build: Build) -> None:
        """Let go; another process goes on with it."""
        async with self._database.begin() as connection:
            await connection.execute(update(HEAD).where(*_held(build)).values(**_FREE))

    @uninterrupted
    async def forget(self, tenant_id: str) -> None:
        """Forget the index of a tenant; whoever builds it now keeps nothing more."""
        async with self._database.begin() as connection:
            await connection.execute(delete(HEAD).where(HEAD.c.tenant_id == tenant_id))
        await self._sweep(tenant_id)

    @uninterrupted
    async def prune(self, older_than: timedelta) -> int:
        """Forget indexes that are older, and unfinished ones that nobody will go on with; how many were forgotten."""
        async with self._database.begin() as connection:
            now = await self._database.now(connection)
            free = or_(HEAD.c.lease_until.is_(None), HEAD.c.lease_until <= now)
            old = and_(free, HEAD.c.build > 0, HEAD.c.begun_at < now - older_than)
            nothing = {"build": 0, "begun_at": None, "finished_at": None, "mailboxes": 0, "unread": 0}
            gone = await connection.execute(update(HEAD).where(old).values(**nothing).returning(HEAD.c.tenant_id))
            pruned = set(gone.scalars())
            stale = and_(free, HEAD.c.next_build > 0, HEAD.c.next_begun_at < now - max(older_than, self._go_on_within))
            left = update(HEAD).where(stale).values(**_NOTHING_UNDER_WAY).returning(HEAD.c.tenant_id)
            unfinished = set((await connection.execute(left)).scalars())
        for tenant_id in pruned | unfinished:
            await self._sweep_unused(tenant_id)
        return len(pruned)

    async def _know(self, tenant_id: str) -> None:
        """Make the tenant's line, if it is a tenant of ours."""
        async with self._database.begin(write=False) as connection:
            if await _exists(connection, HEAD.c.tenant_id, tenant_id):
                return
            if not await _exists(connection, tables.tenants.c.id, tenant_id):
                raise Unusable(f"Leaver does not know the tenant {tenant_id!r}.", "unknown_tenant")
        try:
            async with self._database.begin() as connection:
                await connection.execute(insert(HEAD).values(tenant_id=tenant_id))
        except IntegrityError:
            return  # another process was faster

    async def _sweep_unused(self, tenant_id: str) -> None:
        wanted = select(HEAD.c.build, HEAD.c.next_build).where(HEAD.c.tenant_id == tenant_id)
        async with self._database.begin(write=False) as connection:
            row = (await connection.execute(wanted)).one_or_none()
        await self._sweep(tenant_id, keep=() if row is None else (row.build, row.next_build))

    async def _sweep(self, tenant_id: str, keep: Collection[int] = ()) -> None:
        """Delete the rows of a tenant's other builds, in short transactions: others want to write as well."""
        for table, key in ((ENTRIES, ENTRIES.c.id), (MAILBOXES, MAILBOXES.c.mailbox_id)):
            old = and_(table.c.tenant_id == tenant_id, table.c.build.not_in(keep))
            while True:
                async with self._database.begin() as connection:
                    some = select(key).where(old).limit(self._slice)
                    gone = await connection.execute(delete(table).where(old, key.in_(some)))
                if not gone.rowcount:
                    break


_FREE: dict[str, Any] = {"lease_until": None, "lease_owner": ""}
_NOTHING_UNDER_WAY: dict[str, Any] = {
    "next_build": 0,
    "next_begun_at": None,
    "next_mailboxes": 0,
    "next_done": 0,
    **_FREE,
}


def _standing(row: RowMapping, now: datetime) -> Standing:
    return Standing(
        row["tenant_id"],
        row["begun_at"],
        row["finished_at"],
        None if row["begun_at"] is None else max(timedelta(), now - row["begun_at"]),
        row["mailboxes"],
        row["unread"],
        building=row["lease_until"] is not None and row["lease_until"] > now,
        done=row["next_done"],
        of=row["next_mailboxes"],
        wanted_at=row["wanted_at"],
        problem=row["problem"],
        retry_at=row["retry_at"],
    )


def _of(table: Any, tenant_id: str, build: int) -> tuple[ColumnElement[bool], ...]:
    return (table.c.tenant_id == tenant_id, table.c.build == build)


def _held(build: Build) -> tuple[ColumnElement[bool], ...]:
    return (
        HEAD.c.tenant_id == build.tenant_id,
        HEAD.c.attempt == build.attempt,
        HEAD.c.lease_owner == build.owner,
    )


async def _update(connection: AsyncConnection, build: Build, values: Mapping[str, Any]) -> None:
    done = await connection.execute(update(HEAD).where(*_held(build)).values(**values))
    if done.rowcount != 1:
        raise LeaseLost("Another process builds this rights index now, or its tenant was forgotten.", "lease_lost")


async def _exists(connection: AsyncConnection, column: Any, value: str) -> bool:
    return (await connection.execute(select(column).where(column == value))).first() is not None
