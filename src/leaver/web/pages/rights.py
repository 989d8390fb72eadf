"""Asking for a new rights index of a tenant."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from leaver.offboarding.survey import ask_for_index
from leaver.web.reach import tenant_of
from leaver.web.rooms import Here
from leaver.web.shell import Signed

router = APIRouter(include_in_schema=False)


@router.post("/tenants/{tenant_id}/rights-index")
async def build(here: Here, session: Signed, tenant_id: str) -> Response:
    """A server or worker builds it soon."""
    known = await tenant_of(here, session.person, tenant_id)
    await ask_for_index(here.house, known.id, session.person.actor())
    return RedirectResponse(f"/tenants/{known.id}#ri", 303)
