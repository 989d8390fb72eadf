"""The audit trail."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from leaver.access.roles import Right, require
from leaver.web.reach import some_tenant
from leaver.web.rooms import Here
from leaver.web.shell import Signed, page

router = APIRouter(include_in_schema=False)


@router.get("/audit")
async def audit(request: Request, here: Here, session: Signed) -> Response:
    """The audit trail, with a check of its chain."""
    require(session.person, Right.AUDIT, some_tenant(session.person, "audit"))
    problems = await here.house.audit.verify() if session.person.tenants is None else []
    ids = None if session.person.tenants is None else sorted(session.person.tenants)
    entries = await here.house.audit.latest(tenant_ids=ids, limit=200)
    return page(request, "audit.html", session, page="Audit log", entries=entries, problems=problems)
