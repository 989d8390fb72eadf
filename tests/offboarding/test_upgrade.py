"""A newer program on what an older one left: its tables, its scheduled offboardings, its jobs in the engine.

`tests/store/older` holds rows as programs of those revisions wrote them: one offboarding that is scheduled, one
that has ended, and one whose process died in the middle of it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from alembic import command
from alembic.config import Config as AlembicConfig
from dbos import DBOSClient, DBOSPortableJSONSerializer
from sqlalchemy import JSON, Boolean, DateTime, MetaData, create_engine, insert, inspect

from leaver.config import Config
from leaver.domain.errors import Unusable
from leaver.m365.http import Http
from leaver.offboarding.drive import drive
from leaver.offboarding.workflow import KEPT, QUEUE, Engine
from leaver.store.database import MIGRATIONS, Database
from leaver.store.leases import Due
from leaver.wiring import build
from m365_simulator.world import World
from support import Wire, give_ada_everything

OLDER = Path(__file__).parents[1] / "store" / "older"
REVISIONS = sorted(path.stem for path in OLDER.glob("*.json"))


def leave_behind(address: str, revision: str) -> dict[str, Any]:
    """The database of a program of that revision; its rows."""
    rows: dict[str, Any] = json.loads((OLDER / f"{revision}.json").read_text())["rows"]
    engine = create_engine(address.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        alembic = AlembicConfig()
        alembic.set_main_option("script_location", str(MIGRATIONS))
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, revision)
        tables = MetaData()
        tables.reflect(connection)
        for name, table_rows in rows.items():
            types = {column.name: column.type for column in tables.tables[name].columns}
            values = [{key: _typed(types[key], value) for key, value in row.items()} for row in table_rows]
            connection.execute(insert(tables.tables[name]), values)
    engine.dispose()
    return rows


def _typed(kind: object, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, DateTime):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    if isinstance(kind, JSON):
        return json.loads(value)
    return bool(value) if isinstance(kind, Boolean) else value


@pytest.mark.parametrize("revision", REVISIONS)
async def test_what_was_scheduled_with_an_older_program_runs_with_this_one(
    config: Config, address: str, wire: Wire, world: World, revision: str
) -> None:
    give_ada_everything(world)
    world.add_user("carl", "Carl Example")
    world.add_group("carls", "carl")
    world.add_meeting("carl", "Monthly", "bob@contoso.example")
    rows = leave_behind(address, revision)
    house = build(replace(config, database_url=address), Http(transport=httpx.ASGITransport(wire.app)))

    if house.database.dialect == "postgresql":  # several processes may use it: a person says when
        with pytest.raises(Unusable, match=f"revision {revision}.*this program needs"):
            await house.leases.due()
        await house.database.upgrade()
    due = [item.id for item in await house.leases.due()]
    for offboarding_id in due:
        await drive(house, offboarding_id, owner="w", look_again=(0.01, 0.02))
    ended = {row["user_upn"]: await house.offboardings.get(row["id"]) for row in rows["offboardings"]}

    assert len(due) == 2
    assert {upn: record.state.value for upn, record in ended.items()} == {
        "ada@contoso.example": "completed",
        "bob@contoso.example": "completed",
        "carl@contoso.example": "completed",
    }
    assert ended["ada@contoso.example"].time_zone == "Europe/Berlin"
    assert world.sent_cancellations == [("ada", "Weekly")]  # Carl's were cancelled by the older program
    assert await house.audit.verify() == []
    await house.http.aclose()
    await house.database.close()


@pytest.mark.parametrize("revision", REVISIONS)
async def test_an_upgraded_database_has_the_tables_of_a_new_one(address: str, tmp_path: Path, revision: str) -> None:
    leave_behind(address, revision)
    older, fresh = Database(address), Database(f"sqlite:///{tmp_path / 'fresh.db'}")
    await older.upgrade()
    await fresh.upgrade()

    async def tables(database: Database) -> dict[str, set[str]]:
        async with database.begin(write=False) as connection:
            return await connection.run_sync(
                lambda sync: {
                    name: {column["name"] for column in inspect(sync).get_columns(name)}
                    for name in inspect(sync).get_table_names()
                }
            )

    assert await tables(older) == await tables(fresh)
    await older.close()
    await fresh.close()


def test_jobs_of_an_older_engine_hold_nothing_up_and_are_forgotten(address: str) -> None:
    """engine.md: a job that was delayed under another version string is never run; ours is found due and run."""
    url = Database(address).engine_url
    driven: list[str] = []
    due = [Due("o1", "t1", 5, 0)]

    async def drives(offboarding_id: str) -> datetime | None:
        driven.append(offboarding_id)
        due.clear()
        return None

    async def is_due() -> list[Due]:
        return list(due)

    async def working(until: Callable[[], bool], kept: timedelta = KEPT) -> None:
        engine = Engine(url, f"worker{time.time_ns()}", drives, is_due, kept=kept)
        await engine.start()
        for _ in range(300):
            if until():
                break
            await asyncio.sleep(0.1)
        await engine.stop(5)

    asyncio.run(working(lambda: driven == ["o1"]))  # makes the engine's tables
    client = DBOSClient(system_database_url=url, serializer=DBOSPortableJSONSerializer())
    options = {"queue_name": QUEUE, "workflow_name": "offboarding", "queue_partition_key": "t1", "priority": 1}
    for number in range(8):
        client.enqueue({**options, "workflow_id": f"old{number}", "app_version": "0.9", "delay_seconds": 0.1}, "o2")  # type: ignore[typeddict-item]
    due.append(Due("o1", "t1", 5, 1))
    asyncio.run(working(lambda: driven == ["o1", "o1"]))
    asyncio.run(working(lambda: not client.list_workflows(name="offboarding"), kept=timedelta(0)))
    left = client.list_workflows(name="offboarding")
    client.destroy()

    assert driven == ["o1", "o1"]
    assert left == []
