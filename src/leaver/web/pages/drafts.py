"""Drafts of the wizard: a list of one's own, to go on with or to throw away."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from leaver.access.roles import Right, require
from leaver.web.drafts import DRAFT, draft_of, drafts_of, step_of
from leaver.web.reach import some_tenant
from leaver.web.rooms import Here
from leaver.web.shell import Signed, page

router = APIRouter(include_in_schema=False)


@router.get("/drafts")
async def drafts(request: Request, here: Here, session: Signed, saved: str = "") -> Response:
    """One's own, the latest first."""
    require(session.person, Right.OFFBOARD, some_tenant(session.person, "offboard"))
    found = await drafts_of(here, session.person)
    return page(request, "drafts.html", session, page="Offboardings", drafts=found, saved=saved)


@router.get("/offboardings/new/{draft_id}")
async def go_on(here: Here, session: Signed, draft_id: str) -> Response:
    """Where it was left."""
    draft = await draft_of(here, session, draft_id)
    return RedirectResponse(f"/offboardings/new/{draft_id}/{step_of(draft)}", 303)


@router.post("/offboardings/new/{draft_id}/delete")
async def delete(here: Here, session: Signed, draft_id: str) -> Response:
    """Throw it away; nothing was changed anywhere."""
    await draft_of(here, session, draft_id)
    await here.house.papers.remove(DRAFT, draft_id)
    return RedirectResponse("/drafts", 303)
