"""How long a session lasts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from leaver.access.roles import Person, Role
from leaver.access.sessions import LASTS, Sessions
from leaver.wiring import House

ANN = Person("ann", Role.OPERATOR, None, "portal")
HOUR = timedelta(hours=1)


async def expiry(house: House) -> datetime:
    from sqlalchemy import select

    from leaver.store import tables

    async with house.database.begin(write=False) as connection:
        found: datetime = (await connection.execute(select(tables.papers.c.expires_at))).scalar_one()
        return found


async def age(house: House, by: timedelta) -> None:
    """Let time pass for the only session."""
    ((key, _),) = (await house.papers.keyed("session")).items()

    def older(document: dict[str, Any]) -> dict[str, Any]:
        moved = {name: (datetime.fromisoformat(document[name]) - by).isoformat() for name in ("ends", "used")}
        return document | moved

    await house.papers.change("session", key, older, expires_at=await expiry(house) - by)


async def test_a_session_that_is_not_used_ends(house: House) -> None:
    sessions = Sessions(house.papers, idle=HOUR)
    cookie = await sessions.open(ANN)
    await age(house, timedelta(minutes=59))
    still = await sessions.is_open(cookie)

    await age(house, timedelta(minutes=2))

    assert still
    assert await sessions.of(cookie) is None
    assert not await sessions.is_open(cookie)


async def test_using_it_prolongs_it_and_looking_does_not(house: House) -> None:
    sessions = Sessions(house.papers, idle=HOUR)
    cookie = await sessions.open(ANN)
    await age(house, timedelta(minutes=50))
    assert await sessions.is_open(cookie)
    assert await expiry(house) < datetime.now(UTC) + timedelta(minutes=11)

    await sessions.of(cookie)

    assert await expiry(house) > datetime.now(UTC) + timedelta(minutes=59)


async def test_no_use_prolongs_it_beyond_its_day(house: House) -> None:
    sessions = Sessions(house.papers, idle=HOUR)
    cookie = await sessions.open(ANN)
    for _ in range(14):
        await age(house, timedelta(minutes=50))
        await sessions.of(cookie)
    almost = await expiry(house)

    assert almost <= datetime.now(UTC) + LASTS - 14 * timedelta(minutes=50)
    await age(house, timedelta(minutes=21))
    assert await sessions.of(cookie) is None


async def test_a_page_after_the_other_writes_nothing(house: House) -> None:
    sessions = Sessions(house.papers, idle=HOUR)
    cookie = await sessions.open(ANN)
    before = await house.papers.keyed("session")

    for _ in range(5):
        await sessions.of(cookie)

    assert await house.papers.keyed("session") == before


async def test_signing_out_is_not_undone_by_a_page_under_way(house: House) -> None:
    sessions = Sessions(house.papers, idle=HOUR)
    cookie = await sessions.open(ANN)
    await age(house, timedelta(minutes=30))
    ((_, found),) = (await house.papers.keyed("session")).items()
    await sessions.close(cookie)

    await sessions._touch(cookie, found)

    assert await sessions.of(cookie) is None
