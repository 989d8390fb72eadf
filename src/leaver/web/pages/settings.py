"""What administrators set: API tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from leaver.access.roles import Right, Role, require
from leaver.domain.errors import Unusable
from leaver.web.rooms import Here
from leaver.web.shell import Signed, page

router = APIRouter(include_in_schema=False)


@router.get("/settings")
async def settings(request: Request, here: Here, session: Signed) -> Response:
    """API tokens."""
    require(session.person, Right.MANAGE)
    return page(request, "settings.html", session, page="Settings", tokens=await here.tokens.all(), secret="")


@router.post("/settings")
async def settings_post(request: Request, here: Here, session: Signed) -> Response:
    """Make or revoke a token."""
    require(session.person, Right.MANAGE)
    form = await request.form()
    secret, problem = "", ""
    try:
        if form.get("revoke"):
            await here.tokens.revoke(str(form["revoke"]), session.person.actor())
        else:
            days = str(form.get("days", ""))
            if not days.isdigit() or not 0 < int(days) < 3651:
                raise Unusable("Give a number of days.", "malformed_days")
            until = datetime.now(UTC) + timedelta(days=int(days))
            role = Role(str(form.get("role", "viewer")))
            _, secret = await here.tokens.create(
                str(form.get("name", "")), role, session.person.actor(), expires_at=until
            )
    except (Unusable, ValueError) as error:
        problem = str(error)
    found = await here.tokens.all()
    return page(request, "settings.html", session, page="Settings", tokens=found, secret=secret, error=problem)
