"""Who works here: each server and worker shows itself in the store, and whoever has stopped doing so counts as gone."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update

from leaver.store import tables
from leaver.store.database import Database, uninterrupted

ROWS = tables.workers


@dataclass(frozen=True)
class AtWork:
    """A process that takes up what was accepted."""

    name: str
    kind: str
    """`server` (`leaver serve`) or `worker` (`leaver worker`)."""
    host: str
    process: int
    since: datetime

    def __str__(self) -> str:
        """For a person."""
        command = "leaver serve" if self.kind == "server" else "leaver worker"
        return f"`{command}` on {self.host} (process {self.process})"


class Workers:
    """The processes that work on the offboardings of a database, by the database's clock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @uninterrupted
    async def show(self, name: str, kind: str, seconds: float) -> None:
        """Say that this process works here, for the next `seconds`; those that stopped saying so are forgotten."""
        async with self._database.begin() as connection:
            now = await self._database.now(connection)
            until = now + timedelta(seconds=seconds)
            known = await connection.execute(update(ROWS).where(ROWS.c.name == name).values(until=until))
            if known.rowcount == 0:
                values = {"name": name, "kind": kind, "host": socket.gethostname(), "process": os.getpid()}
                await connection.execute(insert(ROWS).values(**values, since=now, until=until))
            # Two that forget each other at the same moment must not wait for each other.
            gone = select(ROWS.c.name).where(ROWS.c.until <= now).with_for_update(skip_locked=True)
            await connection.execute(delete(ROWS).where(ROWS.c.name.in_(gone)))

    @uninterrupted
    async def leave(self, name: str) -> None:
        """Say that this process takes up nothing more."""
        async with self._database.begin() as connection:
            await connection.execute(delete(ROWS).where(ROWS.c.name == name))

    @uninterrupted
    async def at_work(self) -> list[AtWork]:
        """Who works here at the moment, servers first."""
        async with self._database.begin(write=False, short=True) as connection:
            now = await self._database.now(connection)
            wanted = select(ROWS).where(ROWS.c.until > now).order_by(ROWS.c.kind, ROWS.c.since, ROWS.c.name)
            rows = (await connection.execute(wanted)).all()
        return [AtWork(row.name, row.kind, row.host, row.process, row.since) for row in rows]
