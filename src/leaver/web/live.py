"""Live news of runs as server-sent events: the parts of a page that changed, made by the page's own templates."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse

from leaver.access.sessions import Session
from leaver.web import zones
from leaver.web.rooms import Rooms
from leaver.web.shell import COOKIE, PAGES

SESSION_LOOK = 15.0
"""Seconds between two looks whether whoever watches is still signed in."""
RECONNECT = "retry: 5000\n\n"
"""When a browser that lost the stream comes back, in milliseconds; the page says so."""
END = "event: end\ndata: {}\n\n"

Parts = Callable[[Any], Awaitable[tuple[dict[str, str], bool]]]
"""Given the templates' macros: the HTML of each part by its id, and whether there will be no more news."""


def stream(
    request: Request,
    here: Rooms,
    session: Session,
    *,
    revision: Callable[[], Awaitable[object]],
    parts: Parts,
    look: float,
    may_change: bool,
) -> StreamingResponse:
    """News until the end; `revision` says whether something changed, every `look` seconds."""
    given = {"session": session, "may_change": may_change, **zones.of(request).given()}
    macros = PAGES.get_template("parts.html").make_module(given)

    async def news() -> AsyncIterator[str]:
        shown: dict[str, str] = {}
        seen: object = None
        yield RECONNECT
        cookie, looked = request.cookies.get(COOKIE, ""), time.monotonic()
        while not await request.is_disconnected():
            if time.monotonic() - looked > SESSION_LOOK:
                looked = time.monotonic()
                if not await here.sessions.is_open(cookie):
                    yield END  # the page is asked for anew, and with it who is there
                    return
            current = await revision()
            if current == seen:
                yield ": still here\n\n"
            else:
                seen = current
                fresh, last = await parts(macros)
                for key, html in fresh.items():
                    if shown.get(key) != html:
                        yield f"event: part\ndata: {json.dumps({'id': key, 'html': html})}\n\n"
                last = last or (bool(shown) and not set(fresh) <= set(shown))  # what is new has no place on the page
                shown = fresh
                if last:
                    yield END
                    return
            await asyncio.sleep(look)

    return StreamingResponse(news(), media_type="text/event-stream")
