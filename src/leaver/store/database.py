"""The database: one address, short transactions, and a schema that is never older or newer than the program."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from sqlalchemy import URL, Executable, Table, event, inspect, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from leaver.config import Config
from leaver.domain.errors import StoreAway, Unusable
from leaver.store.documents import read_json
from leaver.store.sqlite import sqlite_engine

if TYPE_CHECKING:
    from alembic.config import Config as AlembicConfig

MIGRATIONS = Path(__file__).with_name("migrations")
CONNECTIONS = 15
"""To PostgreSQL; opened as they are needed, and kept."""
IDLE_IN_TRANSACTION = 10
"""Seconds after which PostgreSQL ends a transaction whose process does not go on: a frozen one keeps its locks."""
UPGRADE_LOCK = 0x1EA7E2
"""The number of PostgreSQL's advisory lock under which the schema is changed."""


Given = ParamSpec("Given")
Result = TypeVar("Result")


def uninterrupted(work: Callable[Given, Coroutine[Any, Any, Result]]) -> Callable[Given, Coroutine[Any, Any, Result]]:
    """Let a transaction come to its end when whoever waits for it is cancelled: a half one would keep its locks."""

    @wraps(work)
    async def whole(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        running = asyncio.ensure_future(work(*args, **kwargs))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            if not running.cancelled():
                running.exception()  # seen: nobody waits for it any more
            raise

    return whole


class Database:
    """One database, SQLite or PostgreSQL. Opened at its first use, brought up to date then if it is embedded."""

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise Unusable(
                "LEAVER_DATABASE_URL is not the address of a database.",
                "bad_configuration",
                advice="Write it like postgresql://user:password@host/leaver, or leave it out for SQLite.",
            ) from error
        family = parsed.get_backend_name()
        if family not in ("sqlite", "postgresql"):
            raise Unusable(
                f"LEAVER_DATABASE_URL names {family}; Leaver works with SQLite and PostgreSQL.", "bad_configuration"
            )
        self.dialect = family
        driver = "sqlite+aiosqlite" if family == "sqlite" else "postgresql+psycopg"
        self._url = parsed.set(drivername=driver)
        self._engine: AsyncEngine | None = None
        self._watch: sqlite3.Connection | None = None
        self._ready = False
        self._opening = asyncio.Lock()

    @classmethod
    def of(cls, config: Config) -> Database:
        """The database of a configuration; SQLite in the data folder unless one is named."""
        file = URL.create("sqlite", database=str(config.data_dir.absolute() / "leaver.db"))
        return cls(config.database_url or file.render_as_string())

    @property
    def engine_url(self) -> str:
        """The address for the durable engine, which opens it by itself; on SQLite a file beside ours."""
        if self.dialect == "sqlite":
            beside = Path(self._url.database or "").with_name("engine.db")
            return URL.create("sqlite", database=str(beside)).render_as_string()
        return self._url.render_as_string(hide_password=False)

    @asynccontextmanager
    async def begin(self, *, write: bool = True, short: bool = False) -> AsyncIterator[AsyncConnection]:
        """A short transaction, committed at the end of the block. A database that does not answer is `StoreAway`.

        A `short` one reads few rows by a key or an index, which SQLite does where it is asked.
        """
        await self._open()
        try:
            async with self._connectable().connect() as connection:
                await connection.execution_options(leaver_write=write, leaver_short=short)
                async with connection.begin():
                    yield connection
        except (OperationalError, InterfaceError) as error:
            raise self._away(error) from error
        except PoolTimeout as error:
            raise StoreAway(
                "Too much is asked of Leaver's database at once.", "database_busy", advice="Try again in a minute."
            ) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise self._away(error) from error
            if self._is_damaged(error):
                raise self._damaged(error) from error
            raise

    def version(self) -> int | None:
        """A number that changes with every write of whatever process; None where asking costs as much as reading.

        What was read under a number holds for as long as the number is the same.
        """
        if self.dialect != "sqlite" or not self._ready:
            return None
        if self._watch is None:
            self._watch = sqlite3.connect(self._url.database or "", timeout=0, check_same_thread=False)
        try:
            return int(self._watch.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:
            return None

    def insert_if_new(self, table: Table, **values: Any) -> Executable:
        """A statement that adds a row unless there is one with its key."""
        if self.dialect == "sqlite":  # one of the two is imported: together they take longer than what many commands do
            from sqlalchemy.dialects.sqlite import insert

            return insert(table).values(**values).on_conflict_do_nothing()
        from sqlalchemy.dialects.postgresql import insert as insert_there

        return insert_there(table).values(**values).on_conflict_do_nothing()

    async def now(self, connection: AsyncConnection) -> datetime:
        """The database's clock."""
        if self.dialect == "sqlite":  # one machine: its clock is the database's
            return datetime.now(UTC)
        return (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one().astimezone(UTC)  # type: ignore[no-any-return]

    async def ping(self) -> None:
        """Raise unless the database answers."""
        async with self.begin(write=False, short=True) as connection:
            await connection.execute(text("SELECT 1"))

    async def upgrade(self) -> str:
        """Bring the schema up to this program's; answers with its revision. A newer database is refused."""
        engine = self._connectable()
        async with self._translated(), engine.connect() as connection:
            if self.dialect == "postgresql":
                await connection.execute(text(f"SELECT pg_advisory_lock({UPGRADE_LOCK})"))
                await connection.commit()
            try:
                await connection.execution_options(leaver_write=True)
                async with connection.begin():
                    return await connection.run_sync(_upgrade)
            finally:
                if self.dialect == "postgresql":
                    await connection.execute(text(f"SELECT pg_advisory_unlock({UPGRADE_LOCK})"))
                    await connection.commit()

    async def close(self) -> None:
        """Let go of every connection."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        if self._engine is not None:
            await self._engine.dispose()
            self._engine, self._ready = None, False

    async def _open(self) -> None:
        if self._ready:
            return
        async with self._opening:
            async with self._translated(), self._connectable().connect() as connection:
                is_now, should_be = await connection.run_sync(_revisions)
            if is_now != should_be:
                if self.dialect == "postgresql" and is_now is not None:
                    raise Unusable(
                        f"The database is at revision {is_now}, this program needs {should_be}.",
                        "old_database",
                        advice="Stop every Leaver process, back the database up and run `leaver db upgrade`.",
                    )
                await self.upgrade()
            self._ready = True

    def _connectable(self) -> AsyncEngine:
        if self._engine is None:
            if self.dialect == "sqlite":
                self._engine = sqlite_engine(self._url)
            else:
                self._engine = _postgresql(self._url)
        return self._engine

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        try:
            yield
        except (OperationalError, InterfaceError) as error:
            raise self._away(error) from error
        except DatabaseError as error:
            if self._is_damaged(error):
                raise self._damaged(error) from error
            raise

    def _away(self, error: DBAPIError) -> StoreAway:
        if self.dialect == "sqlite":
            return StoreAway(
                f"Leaver's database {self._url.database} cannot be used now: {_said(error)}.",
                "database_away",
                advice="Look whether LEAVER_DATA_DIR is right, who may write there, and whether its disk is full.",
            )
        return StoreAway(
            f"Leaver's database cannot be used now: {_said(error)}.",
            "database_away",
            advice="Look whether it runs, whether LEAVER_DATABASE_URL is right, and whether its disk is full.",
        )

    def _is_damaged(self, error: DBAPIError) -> bool:
        """SQLite says so with the plain kind of error; every other failure has a kind of its own."""
        return self.dialect == "sqlite" and type(error) is DatabaseError

    def _damaged(self, error: DBAPIError) -> Unusable:
        return Unusable(
            f"The file {self._url.database} is damaged, or no database: {_said(error)}.",
            "database_damaged",
            advice="Stop every Leaver process, keep the file, and restore the last backup beside it.",
        )


def _postgresql(url: URL) -> AsyncEngine:
    engine = create_async_engine(
        url, pool_size=CONNECTIONS, max_overflow=0, pool_use_lifo=True, pool_pre_ping=True, json_deserializer=read_json
    )

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET idle_in_transaction_session_timeout = {IDLE_IN_TRANSACTION * 1000}")
        cursor.close()
        connection.commit()

    return engine


def _said(error: DBAPIError) -> str:
    return str(error.orig).splitlines()[0] if error.orig is not None and str(error.orig) else type(error).__name__


def _alembic(connection: Connection) -> AlembicConfig:
    from alembic.config import Config as AlembicConfig

    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _known_revisions() -> list[str]:
    """Every revision that this program knows, oldest first: what the names of the migrations begin with."""
    return sorted(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def _revisions(connection: Connection) -> tuple[str | None, str]:
    """Where the database stands, and where it should."""
    is_now = None
    if inspect(connection).has_table("alembic_version"):
        is_now = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    known = _known_revisions()
    if is_now is not None and is_now not in known:
        raise Unusable(
            f"The database is at revision {is_now}, which this program does not know: it was made by a newer one.",
            "newer_database",
            advice="Install that version of Leaver, or restore the backup from before the upgrade.",
        )
    return is_now, known[-1]


def _upgrade(connection: Connection) -> str:
    is_now, should_be = _revisions(connection)
    if is_now is None and not inspect(connection).get_table_names():
        _make(connection, should_be)
    else:
        migrate(connection)
    return should_be


def _make(connection: Connection, revision: str) -> None:
    """An empty database gets the tables as they are; the way through every migration leads to the same."""
    from leaver.store.tables import metadata

    metadata.create_all(connection)
    connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})


def migrate(connection: Connection, revision: str = "head") -> None:
    """Run the migrations that are missing, up to a revision."""
    from alembic import command

    command.upgrade(_alembic(connection), revision)
