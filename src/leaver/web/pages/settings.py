"""What administrators set: API tokens, and what needs a second person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from leaver.access.roles import Right, Role, require
from leaver.domain.errors import Unusable
from leaver.offboarding.approval import ApprovalRule, rule_of, save_rule
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


@router.get("/settings/approval")
async def approval(request: Request, here: Here, session: Signed, saved: str = "") -> Response:
    """What needs the approval of a second person."""
    require(session.person, Right.MANAGE)
    rule = await rule_of(here.house.papers)
    return page(request, "approval_rule.html", session, page="Settings", rule=rule, saved=saved)


@router.post("/settings/approval")
async def approval_post(request: Request, here: Here, session: Signed) -> Response:
    """Switch it on or off."""
    require(session.person, Right.MANAGE)
    form = await request.form()
    rule = ApprovalRule("permanent" in form, "privileged" in form)
    await save_rule(here.house.papers, here.house.audit, rule, session.person.actor())
    return RedirectResponse("/settings/approval?saved=1", 303)
