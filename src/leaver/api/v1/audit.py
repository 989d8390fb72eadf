"""The audit trail: what happened, and whether the record of it is whole."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import AwareDatetime

from leaver.access.roles import Right, require
from leaver.api.documented import answers, by_name
from leaver.api.door import Caller, Here
from leaver.api.plain import plain
from leaver.api.sight import require_audit, tenant_of
from leaver.api.v1.shapes import AuditEntry, Page, Verified
from leaver.domain.errors import Unusable
from leaver.store.audit import Wanted

router = APIRouter(prefix="/api/v1", tags=["Leaver"], generate_unique_id_function=by_name)


@router.get("/audit", summary="The audit trail, the oldest entry first", **answers(Page[AuditEntry]))
async def audit(
    here: Here,
    person: Caller,
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    offboarding: str = "",
    tenant: str = "",
    search: Annotated[str, Query(max_length=200, description="Who, from where, about whom, or a reference.")] = "",
    what: Annotated[list[str], Query(description="What it begins with: `sign_in`, `undo.`.")] = [],  # noqa: B006
    since: AwareDatetime | None = None,
    cursor: Annotated[str, Query(max_length=10)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Response:
    """Entries with a number above `after`, which is what the cursor says too."""
    require_audit(person)
    if cursor and not (cursor.isascii() and cursor.isdigit() and int(cursor) < 2**31):
        raise Unusable("The cursor is not one of this list.", "malformed_cursor", advice="Begin without a cursor.")
    after = int(cursor or after)
    ids = person.tenant_ids
    if tenant:
        ids = [(await tenant_of(here, person, tenant, Right.AUDIT)).id]
    wanted = Wanted(ids, offboarding, search, what, since)
    found = here.house.audit.entries(wanted, after=after, limit=limit)
    items = [entry async for entry in found]
    return plain({"items": items, "next": str(items[-1]["number"]) if len(items) == limit else ""})


@router.get("/audit/verify", summary="Whether an entry was changed, taken away or moved", **answers(Verified))
async def verify(here: Here, person: Caller) -> dict[str, Any]:
    """Every entry is held against the one before it."""
    require(person, Right.AUDIT)
    problems = await here.house.audit.verify()
    return {"intact": not problems, "problems": problems}
