"""The schema and the audit trail, on both databases."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import DBAPIError

from leaver.config import Config
from leaver.domain.actor import Actor
from leaver.domain.errors import LeaverError, StoreAway, Unusable
from leaver.store import database as databases
from leaver.store.audit import Audit
from leaver.store.database import Database, migrate

WHO = Actor("Tess", "portal", "192.0.2.7")


def schema(connection: Connection) -> dict[str, Any]:
    """Everything that the database says of its tables, in an order that does not depend on their making."""
    sees = inspect(connection)

    def words(value: Any) -> str:
        return str({key: words(each) for key, each in value.items()}) if isinstance(value, dict) else str(value)

    def plain(rows: list[Any]) -> list[str]:
        return sorted(words(dict(sorted(row.items()))) for row in rows)

    triggers = {
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name",
        "postgresql": "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgname",
    }
    return {
        "triggers": [tuple(row) for row in connection.execute(text(triggers[connection.dialect.name]))],
        "revision": connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one(),
    } | {
        name: [
            plain(sees.get_columns(name)),
            plain(sees.get_indexes(name)),
            plain(sees.get_foreign_keys(name)),
            sees.get_pk_constraint(name)["constrained_columns"],
        ]
        for name in sees.get_table_names()
    }


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
async def test_the_migrations_lead_to_what_an_empty_database_gets(database: Database, other_address: str) -> None:
    migrated = Database(other_address)
    engine = migrated._connectable()
    async with engine.connect() as connection:
        await connection.execution_options(leaver_write=True)
        async with connection.begin():
            await connection.run_sync(migrate)

    async with database.begin() as made, migrated.begin() as grown:
        assert await made.run_sync(schema) == await grown.run_sync(schema)
    await migrated.close()


async def test_the_trail_cannot_be_altered_by_a_slip(database: Database) -> None:
    await Audit(database).add(WHO, "test")

    for slip in ("UPDATE audit SET what = 'other'", "DELETE FROM audit"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with database.begin() as connection:
                await connection.execute(text(slip))


async def test_a_newer_database_is_refused_and_left_alone(database: Database, address: str) -> None:
    async with database.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    newer = Database(address)

    with pytest.raises(Unusable, match="newer one"):
        await newer.upgrade()
    with pytest.raises(Unusable, match="9999"):
        async with newer.begin():
            pass
    await newer.close()


async def test_many_that_open_an_empty_database_at_once_make_it_once(address: str) -> None:
    several = [Database(address) for _ in range(4)]

    await asyncio.gather(*(Audit(database).add(WHO, "test") for database in several))

    assert await Audit(several[0]).verify() == []
    for database in several:
        await database.close()


async def test_a_database_that_is_not_there_is_a_sentence() -> None:
    database = Database("postgresql://leaver:hunter2@127.0.0.1:1/leaver")

    with pytest.raises(StoreAway, match="cannot be used") as caught:
        async with database.begin():
            pass

    assert "hunter2" not in str(caught.value)
    await database.close()


@pytest.mark.parametrize("address", ["mysql://x/y", "not an address"])
def test_only_the_two_are_known(address: str) -> None:
    with pytest.raises(Unusable):
        Database(address)


async def test_the_trail_keeps_what_was_told(database: Database) -> None:
    audit = Audit(database)
    await audit.add(WHO, "offboarding.accepted", tenant_id="t", user_id="u", after={"name": "Zoë"})

    (entry,) = [item async for item in audit.entries()]

    assert (entry["actor"], entry["via"], entry["address"], entry["after"]) == (
        "Tess",
        "portal",
        "192.0.2.7",
        {"name": "Zoë"},
    )
    assert await audit.verify() == []


async def test_entries_written_at_once_make_one_chain(database: Database) -> None:
    audit = Audit(database)

    await asyncio.gather(*(audit.add(WHO, f"number {number}") for number in range(30)))

    assert [entry["number"] async for entry in audit.entries()] == list(range(1, 31))
    assert await audit.verify() == []


@pytest.mark.parametrize(
    ("tampering", "says"),
    [
        ("UPDATE audit SET actor = 'Mallory' WHERE number = 2", "Entry 2 was changed"),
        ("DELETE FROM audit WHERE number = 2", "Entry 2 is missing"),
        ("DELETE FROM audit WHERE number = 3", "ends at entry 2"),
        ("UPDATE audit SET number = CASE number WHEN 2 THEN 3 ELSE 2 END WHERE number IN (2, 3)", "does not follow"),
    ],
)
async def test_tampering_is_found(database: Database, tampering: str, says: str) -> None:
    audit = Audit(database)
    for number in range(3):
        await audit.add(WHO, f"number {number}")
    with pytest.raises((LeaverError, Exception), match="append-only"):
        async with database.begin() as connection:
            await connection.execute(text(tampering))
    async with database.begin() as connection:  # as somebody who owns the database could
        if database.dialect == "sqlite":
            await connection.execute(text("DROP TRIGGER audit_no_update"))
            await connection.execute(text("DROP TRIGGER audit_no_delete"))
        else:
            await connection.execute(text("DROP TRIGGER audit_append_only ON audit"))
    async with database.begin() as connection:
        if "CASE" in tampering:
            for step in (
                "SET number = 9 WHERE number = 2",
                "SET number = 2 WHERE number = 3",
                "SET number = 3 WHERE number = 9",
            ):
                await connection.execute(text(f"UPDATE audit {step}"))
        else:
            await connection.execute(text(tampering))

    problems = await audit.verify()

    assert any(says in problem for problem in problems), problems


async def test_what_is_written_meanwhile_is_not_taken_for_tampering(database: Database) -> None:
    audit = Audit(database)
    await audit.add(WHO, "first")

    async def write() -> None:
        for number in range(30):
            await Audit(database).add(WHO, f"number {number}")

    writing = asyncio.create_task(write())
    problems = []
    while not writing.done():
        problems += await audit.verify()
    await writing

    assert problems == []


async def test_a_process_that_stands_still_in_a_transaction_loses_its_locks(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frozen worker would keep the one that takes over waiting for as long as it stands."""
    monkeypatch.setattr(databases, "IDLE_IN_TRANSACTION", 1)
    frozen, other = Database(f"{postgres}/postgres"), Database(f"{postgres}/postgres")
    lock = text("SELECT pg_advisory_xact_lock(4711)")

    async def stand_still() -> None:
        async with frozen.begin() as held:
            await held.execute(lock)
            async with other.begin() as taken:
                await taken.execute(lock)
            await held.execute(text("SELECT 1"))

    try:
        with pytest.raises(StoreAway):
            await stand_still()
    finally:
        await frozen.close()
        await other.close()


async def test_a_short_read_uses_no_thread_and_a_write_only_for_its_lock_and_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_over: list[str] = []
    plain: Any = aiosqlite.Connection._execute

    async def watched(self: Any, fn: Any, *args: Any, **kwargs: Any) -> Any:
        handed_over.append(str(args[0]) if args else fn.__name__)
        return await plain(self, fn, *args, **kwargs)

    database = Database(f"sqlite:///{tmp_path / 'leaver.db'}")
    await database.ping()
    monkeypatch.setattr(aiosqlite.Connection, "_execute", watched)

    await database.ping()
    assert handed_over == []

    async with database.begin() as connection:
        await connection.execute(text("DELETE FROM papers"))
    assert handed_over == ["BEGIN IMMEDIATE", "commit"]

    handed_over.clear()
    async with database.begin(write=False) as connection:
        await connection.execute(text("SELECT document FROM papers"))
    await database.close()
    assert handed_over[:2] == ["SELECT document FROM papers", "fetchall"]


@pytest.mark.parametrize("name", ["a b", "50%20 off", "why?", "n#1", "ä"])
async def test_the_database_is_in_the_data_folder_whatever_that_is_called(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    database = Database.of(Config(data_dir=folder))

    await database.ping()
    await database.close()

    assert os.listdir(folder) == ["leaver.db"]  # noqa: PTH208 - in a coroutine
    assert os.listdir(tmp_path) == [name]  # noqa: PTH208
    assert make_url(database.engine_url).database == str(folder / "engine.db")


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "leaver.db").write_text("not a database, and long enough to be looked at " * 40)
    database = Database.of(Config(data_dir=tmp_path))

    with pytest.raises(Unusable, match=r"leaver\.db is damaged, or no database") as refused:
        await database.ping()
    await database.close()

    assert refused.value.code == "database_damaged"


async def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreAway, match="file/data cannot be written"):
        await Database.of(Config(data_dir=tmp_path / "file" / "data")).ping()
