"""The list of offboardings."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from leaver.access.roles import Right, require
from leaver.domain.offboarding import Offboarding, stamp
from leaver.web import progress
from leaver.web.drafts import drafts_of
from leaver.web.rooms import Here, Rooms
from leaver.web.shell import Signed, page

router = APIRouter(include_in_schema=False)
SHOWN = {"running": ("running", "waiting", "planned"), "scheduled": ("scheduled",), "failed": ("failed", "blocked")}
SHOWN |= {"completed": ("completed", "follow_up"), "": ()}
TO_APPROVE = "approval"
A_PAGE = 25
LATELY = timedelta(days=30)
LONGEST_TABLE = 10_000
"""Rows of the CSV."""


@router.get("/")
async def home(
    request: Request,
    here: Here,
    session: Signed,
    status: str = "",
    q: str = "",
    tenant: str = "",
    by: str = "",
    after: str = "",
    first: str = "1",
    format: str = "",
) -> Response:
    """Offboardings, the latest first."""
    person = session.person
    require(person, Right.SEE)
    known = [each for each in await here.house.tenants.all() if person.sees(each.id)]
    kept = here.house.offboardings
    filters: dict[str, Any] = {
        "tenant_ids": [tenant] if tenant and person.sees(tenant) else person.tenant_ids,
        "states": SHOWN.get(status, ()),
        "text": q,
        "asked_by": by,
        "awaits_approval": status == TO_APPROVE,
    }
    if format == "csv":
        return Response(
            await _table(here, filters),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="offboardings.csv"'},
        )
    found, following = await here.desk.page(**filters, after=after, limit=A_PAGE)
    counts = await kept.counts(person.tenant_ids)
    figures = {key: sum(counts.get(each, 0) for each in of) for key, of in SHOWN.items()}
    figures[""] = sum(counts.values())
    figures[TO_APPROVE] = await kept.awaiting(person.tenant_ids)
    now = datetime.now(UTC)
    return page(
        request,
        "home.html",
        session,
        page="Offboardings",
        records=found,
        following=following,
        first=int(first) if first.isdecimal() and len(first) < 8 else 1,
        total=figures.get(status) if not (q or tenant or by) else None,
        figures=figures,
        overview=await kept.overview(person.tenant_ids, now - LATELY),
        technicians=await kept.askers(person.tenant_ids),
        drafts=len(await drafts_of(here, person)),
        query=urlencode({"status": status, "q": q, "tenant": tenant, "by": by}),
        status=status if status in figures else "",
        q=q,
        tenant=tenant,
        by=by,
        tenants=known,
        now=now,
    )


async def _table(here: Rooms, filters: dict[str, Any]) -> str:
    """The list as CSV, for spreadsheets: nothing in it is taken for a formula."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(
        [
            "id",
            "kind",
            "user",
            "upn",
            "tenant",
            "domain",
            "state",
            "reference",
            "at",
            "asked_for",
            "ended",
            "by",
            "tasks",
            "failed",
        ]
    )
    after, written = "", 0
    while written < LONGEST_TABLE:
        found, after = await here.desk.page(**filters, after=after, limit=200)
        rows.writerows([_harmless(cell) for cell in _cells(record)] for record in found)
        written += len(found)
        if not after:
            break
    return text.getvalue()


def _cells(record: Offboarding) -> Sequence[str]:
    return (
        record.id,
        record.kind,
        record.user.display_name,
        record.user.upn,
        record.tenant.name,
        record.tenant.domain,
        record.state.value,
        record.reference,
        stamp(record.at) or "",
        stamp(record.requested_at) or "",
        stamp(record.ended_at) or "",
        record.asked_by,
        str(len(record.tasks)),
        str(len(progress.bad(record))),
    )


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
