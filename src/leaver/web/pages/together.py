"""Offboardings of several users that were confirmed together, on one page."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from leaver.access.roles import Person
from leaver.domain.errors import Unusable
from leaver.domain.offboarding import Offboarding
from leaver.web.drafts import TOGETHER
from leaver.web.live import stream
from leaver.web.rooms import Here, Rooms
from leaver.web.shell import Signed, page

router = APIRouter(include_in_schema=False)
KEPT = timedelta(days=90)
LOOK = 1.0
"""Seconds between two looks for news."""


async def remember(here: Rooms, together: str, records: Iterable[Offboarding]) -> None:
    """Keep which offboardings were confirmed together."""
    document = {"ids": [record.id for record in records]}
    await here.house.papers.put(TOGETHER, together, document, expires_at=datetime.now(UTC) + KEPT)


@router.get("/offboardings/together/{together}")
async def show(request: Request, here: Here, session: Signed, together: str) -> Response:
    """How each of them stands, live."""
    records = await _records(here, session.person, together)
    live = not all(_settled(record) for record in records)
    return page(request, "together.html", session, page="Offboardings", records=records, id=together, live=live)


@router.get("/offboardings/together/{together}/events")
async def events(request: Request, here: Here, session: Signed, together: str) -> StreamingResponse:
    """The parts of that page that changed, as they change."""
    ids = [record.id for record in await _records(here, session.person, together)]

    async def revision() -> object:
        return await asyncio.gather(*(here.house.offboardings.revision(each) for each in ids))

    async def parts(macros: Any) -> tuple[dict[str, str], bool]:
        records = await _records(here, session.person, together)
        fresh = {"summary": str(macros.all_of_it(records))}
        fresh |= {f"user-{record.id}": str(macros.user_state(record)) for record in records}
        return fresh, all(_settled(record) for record in records)

    return stream(request, here, session, revision=revision, parts=parts, look=LOOK, may_change=False)


async def _records(here: Rooms, person: Person, together: str) -> list[Offboarding]:
    found = await here.house.papers.get(TOGETHER, together)
    records = [await here.desk.get(each) for each in (found or {"ids": []})["ids"]]
    seen = [record for record in records if person.sees(record.tenant.id)]
    if not seen:
        raise Unusable("There are no such offboardings.", "unknown_offboarding")
    return seen


async def started_together(here: Rooms, person: Person, together: str) -> list[Offboarding]:
    """Those of them that somebody may see; none where there are none."""
    try:
        return await _records(here, person, together)
    except Unusable:
        return []


def _settled(record: Offboarding) -> bool:
    return record.ended_at is not None or record.awaits_approval or record.state.value == "scheduled"
