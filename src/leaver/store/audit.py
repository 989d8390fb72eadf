"""Who did what, when, from where and to whom: written once, never changed, each entry sealed with the one before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Text, cast, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from leaver.domain.actor import Actor
from leaver.domain.offboarding import stamp
from leaver.domain.plan import Json
from leaver.store import tables
from leaver.store.database import Database, uninterrupted

PAGE = 500
ENTRY = tables.audit.c
NAMES = [str(column.name) for column in tables.audit.columns]
"""As plain texts: with the library's own kind of names an entry is ten times as slow to write down."""
IDS_SHOWN = 5
FIRST = "0" * 64
"""What the first entry names as the one before it."""


@dataclass(frozen=True)
class Wanted:
    """Which entries; everything that is left open counts."""

    tenant_ids: Sequence[str] | None = None
    """Those of these tenants; None: all, those of no tenant included."""
    offboarding_id: str = ""
    text: str = ""
    """Somewhere in who, from where, about whom, before or after; or in name and reference of the offboarding."""
    kinds: Sequence[str] = ()
    """What an entry's `what` is or begins with, like `sign_in` or `undo.`."""
    since: datetime | None = None


@dataclass(frozen=True)
class About:
    """The offboarding that an entry is about, as it is called."""

    user_upn: str
    user_name: str
    reference: str


@dataclass(frozen=True)
class Said:
    """What the trail says of an offboarding, kept in one transaction with what it tells of."""

    actor: Actor
    what: str
    """Like `offboarding.ended`."""
    after: Json = None
    once: bool = False
    """It tells of an end or of a wait for approval, and is not said again when that was kept before."""


class Audit:
    """The audit trail of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @uninterrupted
    async def add(
        self,
        actor: Actor,
        what: str,
        *,
        tenant_id: str = "",
        user_id: str = "",
        offboarding_id: str = "",
        before: Json = None,
        after: Json = None,
        connection: AsyncConnection | None = None,
    ) -> None:
        """Write an entry; inside the caller's transaction when there is one. `what` is like `offboarding.accepted`."""
        entry: dict[str, Any] = {
            "actor": actor.name,
            "via": actor.via,
            "address": actor.address,
            "what": what,
            "tenant_id": tenant_id,
            "user_id": user_id,
            "offboarding_id": offboarding_id,
            "before": before,
            "after": after,
        }
        if connection is not None:
            await self._append(connection, entry)
            return
        async with self._database.begin() as own:
            await self._append(own, entry)

    async def _append(self, connection: AsyncConnection, entry: dict[str, Any]) -> None:
        """One entry after the other, whoever writes: the head's row is locked first, so that the chain never forks."""
        head = tables.audit_head
        taken = update(head).where(head.c.id == 1).values(id=1).returning(head.c.number, head.c.hash)
        row = (await connection.execute(taken)).one_or_none()
        if row is None:
            await connection.execute(self._database.insert_if_new(head, id=1, number=0, hash=FIRST))
            row = (await connection.execute(taken)).one()
        entry["at"] = stamp(await self._database.now(connection))
        entry["number"], entry["previous"] = row.number + 1, row.hash
        entry["hash"] = seal(entry)
        await connection.execute(insert(tables.audit).values(**entry))
        await connection.execute(update(head).where(head.c.id == 1).values(number=entry["number"], hash=entry["hash"]))

    async def entries(
        self, wanted: Wanted = Wanted(), *, after: int = 0, limit: int = 0
    ) -> AsyncIterator[dict[str, Any]]:
        """Entries in their order, those with a number above `after`."""
        left = limit
        while True:
            size = min(left, PAGE) if limit else PAGE
            query = select(tables.audit).where(ENTRY.number > after, *_conditions(wanted)).order_by(ENTRY.number)
            async with self._database.begin(write=False) as connection:
                rows = (await connection.execute(query.limit(size))).all()
            for row in rows:
                yield _entry(row)
            left -= len(rows)
            if len(rows) < size or (limit and not left):
                return
            after = rows[-1].number

    @uninterrupted
    async def latest(self, wanted: Wanted = Wanted(), *, before: int = 0, limit: int = 50) -> list[dict[str, Any]]:
        """Entries, the latest first; those with a number below `before` if one is given."""
        chosen = _conditions(wanted)
        if before:
            chosen.append(ENTRY.number < before)
        query = select(tables.audit).where(*chosen).order_by(ENTRY.number.desc()).limit(limit)
        async with self._database.begin(write=False, short=wanted == Wanted() and limit <= PAGE) as connection:
            return [_entry(row) for row in await connection.execute(query)]

    @uninterrupted
    async def count(self, wanted: Wanted = Wanted()) -> int:
        """How many entries there are."""
        query = select(func.count()).select_from(tables.audit).where(*_conditions(wanted))
        async with self._database.begin(write=False) as connection:
            return int((await connection.execute(query)).scalar_one())

    @uninterrupted
    async def about(self, offboarding_ids: Sequence[str]) -> dict[str, About]:
        """How the offboardings are called that entries are about, by id."""
        head = tables.offboardings.c
        columns = (head.id, head.user_upn, head.user_name, head.reference)
        async with self._database.begin(write=False, short=True) as connection:
            rows = await connection.execute(select(*columns).where(head.id.in_(offboarding_ids)))
            return {row.id: About(row.user_upn, row.user_name, row.reference) for row in rows}

    async def verify(self) -> list[str]:
        """What is wrong with the chain; empty when nothing is. A changed, missing or reordered entry is found.

        A trail that was cut off with its head is noticed by the offboardings that it does not tell of.
        """
        return await self._faults_of_the_chain() + await self._untold()

    @uninterrupted
    async def last(self) -> tuple[int, str]:
        """Number and hash of the last entry: who keeps them elsewhere can prove what was before."""
        async with self._database.begin(write=False, short=True) as connection:
            head = (await connection.execute(select(tables.audit_head))).one_or_none()
        return (0, FIRST) if head is None else (head.number, head.hash)

    @uninterrupted
    async def _untold(self) -> list[str]:
        heads = tables.offboardings.c
        told = select(ENTRY.offboarding_id).where(ENTRY.what.in_(("offboarding.accepted", "undo.accepted")))
        query = select(heads.id).where(heads.id.not_in(told)).order_by(heads.id)
        async with self._database.begin(write=False) as connection:
            ids = list((await connection.execute(query)).scalars())
        more = f" and {len(ids) - IDS_SHOWN} more" if len(ids) > IDS_SHOWN else ""
        return (
            [f"The trail does not tell who asked for {', '.join(ids[:IDS_SHOWN])}{more}: entries are gone."]
            if ids
            else []
        )

    async def _faults_of_the_chain(self) -> list[str]:
        problems: list[str] = []
        previous, number = FIRST, 0
        while True:
            seen = number
            async for entry in self.entries(after=number):
                number += 1
                if entry["number"] != number:
                    problems.append(f"Entry {number} is missing; the next one is {entry['number']}.")
                    number = entry["number"]
                elif entry["previous"] != previous:
                    problems.append(f"Entry {number} does not follow the one before it.")
                if entry["hash"] != seal(entry):
                    problems.append(f"Entry {number} was changed after it was written.")
                previous = entry["hash"]
            written = await self.last()
            if written == (number, previous):
                return problems
            if number == seen:  # nothing was written while we looked, so they do not fit
                return [*problems, f"The trail ends at entry {number}, but {written[0]} entries were written."]


def _entry(row: Row[Any]) -> dict[str, Any]:
    return dict(zip(NAMES, row, strict=True))


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.tenant_ids is not None:
        found.append(ENTRY.tenant_id.in_(wanted.tenant_ids))
    if wanted.offboarding_id:
        found.append(ENTRY.offboarding_id == wanted.offboarding_id)
    if wanted.kinds:
        found.append(or_(*(ENTRY.what.startswith(kind, autoescape=True) for kind in wanted.kinds)))
    if wanted.since is not None:
        found.append(ENTRY.at >= (stamp(wanted.since.astimezone(UTC)) or ""))
    if text := wanted.text.replace("\0", "").strip().lower():
        head = tables.offboardings.c
        called = or_(*(_holds(column, text) for column in (head.user_upn, head.user_name, head.reference)))
        columns = (ENTRY.actor, ENTRY.address, ENTRY.what, ENTRY.user_id, ENTRY.offboarding_id)
        values = (cast(ENTRY.before, Text), cast(ENTRY.after, Text))
        found.append(
            or_(
                *(_holds(column, text) for column in (*columns, *values)),
                ENTRY.offboarding_id.in_(select(head.id).where(called)),
            )
        )
    return found


def _holds(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return func.lower(column).contains(text, autoescape=True)


def seal(entry: dict[str, Any]) -> str:
    """The hash of an entry: over everything in it, the hash of the one before included."""
    content = {key: value for key, value in entry.items() if key != "hash"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
