"""SQLite without a detour: what cannot wait is done where it is asked for, what can is done in a thread."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import aiosqlite
from sqlalchemy import URL, event
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from leaver.store.documents import read_json
from leaver.store.files import make_private_folder

WAIT_FOR_A_LOCK = 15.0
"""Seconds that a writer waits for another one."""
CONNECTIONS = 12
"""At most, and kept open: what is opened for a moment costs most just when most is to be done."""
BEGIN, BEGIN_SHORT, BEGIN_TO_WRITE = "BEGIN", "BEGIN DEFERRED", "BEGIN IMMEDIATE"
"""SQLite takes the first two for the same; the second one says that what is asked is found by a key."""
CHUNK = 64
"""Rows that are written at once where they are asked for; more of them go to the thread."""


class Direct(aiosqlite.Connection):
    """A connection that uses its thread for what may take long: a lock, the disk, a search, many rows.

    Every use of the thread is a wait for the interpreter's lock on both sides, and SQLAlchemy makes four calls for one
    statement. Whoever writes has the lock and names rows by their key, which takes less than handing it over, and so
    does a read that is said to be short.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(partial(sqlite3.connect, *args, **options | {"check_same_thread": False}), CHUNK)
        self._thread.daemon = True
        self._behind = False
        """Whether the thread may be at work: whoever waited for it may have been cancelled, and it goes on."""
        self._writing = False
        self._short = False

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        name, statement = fn.__name__, args[0] if args else None
        if self._connection is not None and not self._behind and self._is_short(fn, name, args):
            result = fn(*args, **kwargs)
        else:
            self._behind = True
            try:
                result = await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]
            except Exception:
                self._behind = False
                raise
            self._behind = False
        if name in ("commit", "rollback"):
            self._writing = self._short = False
        elif statement == BEGIN_TO_WRITE:
            self._writing = self._short = True
        elif statement == BEGIN_SHORT:
            self._short = True
        return result

    def _is_short(self, fn: Callable[..., Any], name: str, args: tuple[Any, ...]) -> bool:
        if sqlite3.threadsafety < 3:  # this build of SQLite must not be asked from two threads
            return False
        match name:
            case "cursor" | "rollback":
                return True
            case "commit":
                return not self._writing
            case "close":
                return isinstance(getattr(fn, "__self__", None), sqlite3.Cursor)
            case "execute":
                return self._short or args[0] in (BEGIN, BEGIN_SHORT)
            case "executemany":
                return self._short and len(args[1]) <= CHUNK
            case "fetchall" | "fetchone":
                return self._short
        return False


def sqlite_engine(url: URL) -> AsyncEngine:
    """The engine of a SQLite file, which is made, readable by its owner alone, if there is none."""
    path = Path(url.database or "")
    make_private_folder(path.parent)
    with contextlib.suppress(OSError):
        path.touch(mode=0o600, exist_ok=True)
    waits = {"timeout": WAIT_FOR_A_LOCK, "async_creator_fn": Direct}
    pool = {"pool_size": CONNECTIONS, "max_overflow": 0, "pool_use_lifo": True}
    engine = create_async_engine(url, connect_args=waits, json_deserializer=read_json, **pool)

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we say ourselves where a transaction begins
        cursor = connection.cursor()
        _turn_on_wal(cursor)
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        short = BEGIN_SHORT if options.get("leaver_short", False) else BEGIN
        connection.exec_driver_sql(BEGIN_TO_WRITE if options.get("leaver_write", False) else short)

    return engine


def _turn_on_wal(cursor: Any) -> None:
    """The first connection changes the file; others that open it at that moment are told that it is locked."""
    deadline = monotonic() + WAIT_FOR_A_LOCK
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if monotonic() > deadline:
                raise
            sleep(0.05)
        else:
            return
