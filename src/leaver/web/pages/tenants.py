"""The tenants and their health."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from leaver.access.roles import Right, require
from leaver.offboarding import readiness
from leaver.web.reach import tenant_of
from leaver.web.rooms import Here
from leaver.web.shell import Signed, page

router = APIRouter(include_in_schema=False)


@router.get("/tenants")
async def tenants(request: Request, here: Here, session: Signed) -> Response:
    """The tenants."""
    require(session.person, Right.SEE)
    found = [each for each in await here.house.tenants.all() if session.person.sees(each.id)]
    return page(request, "tenants.html", session, page="Tenants", tenants=found)


@router.get("/tenants/{tenant_id}")
async def tenant(request: Request, here: Here, session: Signed, tenant_id: str) -> Response:
    """Which tasks would work there, and what to grant."""
    known = await tenant_of(here, session.person, tenant_id)
    found = (await readiness.check(here.house, known.named)).as_json()
    return page(request, "tenant.html", session, page="Tenants", known=known, health=found)
