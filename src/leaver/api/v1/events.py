"""News of an offboarding while it happens, as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse

from leaver.access.roles import Right
from leaver.api.documented import EVENTS, by_name
from leaver.api.door import Caller, Here, Rooms, caller
from leaver.api.sight import offboarding_of, shown
from leaver.domain.errors import LeaverError

router = APIRouter(prefix="/api/v1", tags=["Leaver"], generate_unique_id_function=by_name)
LOOK = 0.5
"""Seconds between two looks for news of an offboarding."""
QUIET = 15.0
"""Seconds after which a quiet stream says that it is alive."""


@router.get(
    "/offboardings/{offboarding_id}/events",
    summary="News of an offboarding, as server-sent events",
    response_class=StreamingResponse,
    responses={200: EVENTS},
)
async def events(
    request: Request,
    here: Here,
    person: Caller,
    offboarding_id: str,
    last_event_id: Annotated[str, Header()] = "",
) -> StreamingResponse:
    """An `offboarding` event with the whole state after every change, and `end`; resumes after `Last-Event-ID`."""
    record = await offboarding_of(here, person, offboarding_id, Right.SEE)
    digits = last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < 10
    seen = int(last_event_id) if digits else -1
    stream = _events(request, here, record.id, seen)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _events(request: Request, here: Rooms, offboarding_id: str, seen: int) -> AsyncIterator[str]:
    quiet = timedelta()
    while not await request.is_disconnected():
        revision = await here.house.offboardings.revision(offboarding_id)
        if revision > seen:
            seen, quiet = revision, timedelta()
            record = await here.desk.get(offboarding_id)
            ended = record.ended_at is not None
            data = json.dumps(shown(record))
            yield f"id: {record.revision}\nevent: offboarding\ndata: {data}\n\n"
            if ended:
                yield "event: end\ndata: {}\n\n"
                return
        elif seen >= 0 and quiet >= timedelta(seconds=QUIET):
            quiet = timedelta()
            yield ": still here\n\n"
            try:
                await caller(request, here)
            except LeaverError:  # the token was revoked or has expired meanwhile; who comes back is told so
                return
            if (await here.desk.get(offboarding_id)).ended_at is not None:
                yield "event: end\ndata: {}\n\n"
                return
        await asyncio.sleep(LOOK)
        quiet += timedelta(seconds=LOOK)
