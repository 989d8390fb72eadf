"""Small documents that the doors keep: API tokens, sessions, drafts of the wizard, webhooks. They hold no secret."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, or_, select, update

from leaver.store import tables
from leaver.store.database import Database, uninterrupted

PAPERS = tables.papers


class Papers:
    """The documents of a database, by kind and key; what has expired is not there any more."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @uninterrupted
    async def put(self, kind: str, key: str, document: dict[str, Any], *, expires_at: datetime | None = None) -> None:
        """Keep a document in place of what was there."""
        async with self._database.begin() as connection:
            now = await self._database.now(connection)
            gone = or_(_is(kind, key), PAPERS.c.expires_at <= now)
            await connection.execute(delete(PAPERS).where(gone))
            values = {"kind": kind, "key": key, "document": document, "expires_at": expires_at, "changed_at": now}
            await connection.execute(insert(PAPERS).values(**values))

    @property
    def version(self) -> int | None:
        """Changes with every write of whatever process; None where that is not known."""
        return self._database.version()

    @uninterrupted
    async def claim(self, kind: str, key: str, document: dict[str, Any], *, expires_at: datetime) -> dict[str, Any]:
        """Keep a document unless there is one already; the one that is kept now. Of two at once, one is the first."""
        async with self._database.begin() as connection:
            now = await self._database.now(connection)
            await connection.execute(delete(PAPERS).where(_is(kind, key), PAPERS.c.expires_at <= now))
            values = {"kind": kind, "key": key, "document": document, "expires_at": expires_at, "changed_at": now}
            await connection.execute(self._database.insert_if_new(PAPERS, **values))
            kept: dict[str, Any] = (
                await connection.execute(select(PAPERS.c.document).where(_is(kind, key)))
            ).scalar_one()
            return kept

    @uninterrupted
    async def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """A document, if it is there."""
        async with self._database.begin(write=False, short=True) as connection:
            now = await self._database.now(connection)
            wanted = select(PAPERS.c.document).where(_is(kind, key), _alive(now))
            return (await connection.execute(wanted)).scalar_one_or_none()

    @uninterrupted
    async def change(
        self,
        kind: str,
        key: str,
        how: Callable[[dict[str, Any]], dict[str, Any]],
        *,
        expires_at: datetime | None = None,
    ) -> dict[str, Any] | None:
        """A document as `how` leaves it, while nobody else changes it; None, and nothing done, when it is not there.

        It expires when it did before, unless another moment is given.
        """
        async with self._database.begin() as connection:
            now = await self._database.now(connection)
            wanted = select(PAPERS.c.document).where(_is(kind, key), _alive(now)).with_for_update()
            before = (await connection.execute(wanted)).scalar_one_or_none()
            if before is None:
                return None
            after = how(before)
            values = {"document": after, "changed_at": now} | ({"expires_at": expires_at} if expires_at else {})
            await connection.execute(update(PAPERS).where(_is(kind, key)).values(**values))
            return after

    @uninterrupted
    async def take(self, kind: str, key: str) -> dict[str, Any] | None:
        """A document, which nobody else gets after this."""
        async with self._database.begin() as connection:
            now = await self._database.now(connection)
            gone = delete(PAPERS).where(_is(kind, key), _alive(now)).returning(PAPERS.c.document)
            return (await connection.execute(gone)).scalar_one_or_none()

    @uninterrupted
    async def remove(self, kind: str, key: str) -> None:
        """Forget a document; one that is not there is no error."""
        async with self._database.begin() as connection:
            await connection.execute(delete(PAPERS).where(_is(kind, key)))

    async def all(self, kind: str) -> list[dict[str, Any]]:
        """Every document of a kind, by key."""
        return list((await self.keyed(kind)).values())

    @uninterrupted
    async def keyed(self, kind: str) -> dict[str, dict[str, Any]]:
        """Every document of a kind, under its key."""
        async with self._database.begin(write=False) as connection:
            now = await self._database.now(connection)
            wanted = select(PAPERS.c.key, PAPERS.c.document).where(PAPERS.c.kind == kind, _alive(now))
            rows = (await connection.execute(wanted.order_by(PAPERS.c.key))).all()
        return {row.key: row.document for row in rows}


def _is(kind: str, key: str) -> ColumnElement[bool]:
    return (PAPERS.c.kind == kind) & (PAPERS.c.key == key)


def _alive(now: datetime) -> ColumnElement[bool]:
    return or_(PAPERS.c.expires_at.is_(None), PAPERS.c.expires_at > now)
