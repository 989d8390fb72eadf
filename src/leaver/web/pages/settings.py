"""What administrators set: API tokens, and what needs a second person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from leaver.access.roles import Right, Role, require
from leaver.access.sessions import Session
from leaver.access.tokens import Token
from leaver.domain.errors import Unusable
from leaver.offboarding.approval import ApprovalRule, rule_of, save_rule
from leaver.web.pages.people import ROLES
from leaver.web.rooms import Here, Rooms
from leaver.web.shell import Signed, page

router = APIRouter(include_in_schema=False)
LONGEST_NAME = 64


SPANS = {30: "In 30 days", 90: "In 90 days", 365: "In 1 year", 730: "In 2 years"}
SOON = timedelta(days=14)


@router.get("/settings")
async def settings(request: Request, here: Here, session: Signed) -> Response:
    """API tokens."""
    require(session.person, Right.MANAGE)
    return await _tokens(request, here, session)


@router.post("/settings")
async def settings_post(request: Request, here: Here, session: Signed) -> Response:
    """Make a token, which is shown now and never again, or revoke one."""
    require(session.person, Right.MANAGE)
    form, actor = await request.form(), session.person.actor()
    try:
        if form.get("revoke"):
            await here.tokens.revoke(str(form["revoke"]), actor)
            return RedirectResponse("/settings", 303)
        days, role = str(form.get("days", "")), str(form.get("role", ""))
        if not (days.isascii() and days.isdigit() and int(days) in SPANS):
            raise Unusable("Choose when the token expires.", "malformed_days")
        if role not in {each.value for each in Role}:
            raise Unusable("Choose what the token may do.", "unknown_role")
        until = datetime.now(UTC) + timedelta(days=int(days))
        tenants = [(await here.house.tenants.find(str(each))).id for each in form.getlist("tenant")]
        name = str(form.get("name", ""))[:LONGEST_NAME]
        made, secret = await here.tokens.create(name, Role(role), actor, tenants=tenants, expires_at=until)
    except Unusable as error:
        return await _tokens(request, here, session, error=error.message)
    return await _tokens(request, here, session, made=made, secret=secret)


async def _tokens(
    request: Request, here: Rooms, session: Session, *, made: Token | None = None, secret: str = "", error: str = ""
) -> Response:
    return page(
        request,
        "settings.html",
        session,
        code=400 if error else 200,
        page="Settings",
        tokens=[_row(token) for token in await here.tokens.all()],
        tenants=await here.house.tenants.all(),
        roles=ROLES,
        spans=SPANS,
        made=made,
        secret=secret,
        error=error,
    )


def _row(token: Token) -> tuple[Token, datetime | None, datetime | None, int | None]:
    """A token; when it was last used; when it expires; and in how many days, if that is soon."""
    used = datetime.fromisoformat(token.last_used_at) if token.last_used_at else None
    until = datetime.fromisoformat(token.expires_at) if token.expires_at else None
    left = until - datetime.now(UTC) if until else None
    return token, used, until, left.days if left is not None and left < SOON else None


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
