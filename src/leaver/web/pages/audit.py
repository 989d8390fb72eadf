"""The audit trail: searched, checked, and taken away as a file."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse

from leaver.access.roles import Person, Right, may, require
from leaver.offboarding import trail, words
from leaver.store.audit import Wanted
from leaver.web import zones
from leaver.web.reach import some_tenant
from leaver.web.rooms import Here, Rooms
from leaver.web.shell import Signed, page

router = APIRouter(include_in_schema=False)
ON_A_PAGE = 50
CHECKED = "audit-check"
CHECK_LASTS = timedelta(minutes=15)
FORMATS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


class Asked:
    """What somebody looks for."""

    def __init__(self, request: Request, q: str = "", a: str = "", t: str = "", since: str = "") -> None:
        self.text = q.strip()[:200]
        self.action = a if a in trail.ACTIONS else ""
        self.tenant = t
        try:
            self.since = datetime.fromisoformat(since).replace(tzinfo=zones.of(request).info) if since else None
        except ValueError:
            self.since = None

    @property
    def query(self) -> dict[str, str]:
        """As an address says it."""
        since = self.since.date().isoformat() if self.since else ""
        given = {"q": self.text, "a": self.action, "t": self.tenant, "since": since}
        return {key: value for key, value in given.items() if value}

    def wanted(self, person: Person) -> Wanted:
        """As the store is asked, within somebody's limits."""
        ids = person.tenant_ids
        if self.tenant:
            ids = [self.tenant] if person.sees(self.tenant) else []
        return Wanted(ids, text=self.text, kinds=trail.ACTIONS[self.action][1], since=self.since)


Filters = Annotated[Asked, Depends()]


@router.get("/audit")
async def audit(request: Request, here: Here, session: Signed, asked: Filters, before: int = 0) -> Response:
    """The latest entries, by day."""
    person = session.person
    require(person, Right.AUDIT, some_tenant(person, "audit"))
    wanted, store = asked.wanted(person), here.house.audit
    before = before if 0 < before < 2**31 else 0
    entries = await store.latest(wanted, before=before, limit=ON_A_PAGE + 1)
    shown = entries[:ON_A_PAGE]
    about = await store.about(list({entry["offboarding_id"] for entry in shown}))
    zone = zones.of(request).info
    lines = [trail.line(entry, about) for entry in shown]
    tenants = {each.id: each for each in await here.house.tenants.all() if person.sees(each.id)}
    return page(
        request,
        "audit.html",
        session,
        page="Audit log",
        days=[(day, list(found)) for day, found in groupby(lines, lambda line: words.day(line.at, zone))],
        following=shown[-1]["number"] if len(entries) > ON_A_PAGE else 0,
        total=await store.count(wanted),
        tenants=tenants,
        actions={key: title for key, (title, _) in trail.ACTIONS.items()},
        asked=asked,
        check=await _checked(here) if may(person, Right.AUDIT) else None,
    )


@router.post("/audit")
async def check(here: Here, session: Signed) -> Response:
    """Hold every entry against the one before it, now."""
    require(session.person, Right.AUDIT)
    await _check(here)
    return RedirectResponse("/audit", 303)


@router.get("/audit/export")
async def export(here: Here, session: Signed, asked: Filters, format: str = "csv") -> Response:
    """The entries that were looked for, the oldest first, as a table or as a line of JSON each."""
    person = session.person
    require(person, Right.AUDIT, some_tenant(person, "audit"))
    kind = format if format in FORMATS else "csv"
    await here.house.audit.add(person.actor(), "audit.exported", after={"format": kind, **asked.query})
    name = f"audit-{datetime.now(UTC):%Y-%m-%d}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_lines(here, asked.wanted(person), kind), media_type=FORMATS[kind], headers=headers)


async def _lines(here: Rooms, wanted: Wanted, kind: str) -> AsyncIterator[str]:
    if kind == "csv":
        yield trail.as_csv(None)
    async for entry in here.house.audit.entries(wanted):
        yield trail.as_csv(entry) if kind == "csv" else json.dumps(entry, ensure_ascii=False) + "\n"


async def _checked(here: Rooms) -> dict[str, Any]:
    """What the last check of the chain found; a new one if that is long ago."""
    found = await here.house.papers.get(CHECKED, CHECKED)
    if found is None or datetime.fromisoformat(found["at"]) < datetime.now(UTC) - CHECK_LASTS:
        found = await _check(here)
    return found | {"at": datetime.fromisoformat(found["at"])}


async def _check(here: Rooms) -> dict[str, Any]:
    found = {
        "at": datetime.now(UTC).isoformat(),
        "problems": (await here.house.audit.verify())[:20],
        "entries": await here.house.audit.count(),
    }
    await here.house.papers.put(CHECKED, CHECKED, found)
    return found
