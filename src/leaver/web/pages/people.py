"""People and roles: who has a local account here, what they may, and for which tenants."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from leaver.access.people import People
from leaver.access.roles import Right, Role, require
from leaver.access.sessions import Session
from leaver.domain.errors import Unusable
from leaver.web.rooms import Here, Rooms
from leaver.web.shell import Signed, page

router = APIRouter(include_in_schema=False)
PATH = "/settings/people"
ROLES = {
    Role.VIEWER: "Sees tenants, offboardings and reports.",
    Role.OPERATOR: "Besides: plans, runs and undoes offboardings, and approves those of others.",
    Role.ADMINISTRATOR: "Besides: users with administrator roles, tenants, defaults, settings and people.",
    Role.AUDITOR: "Sees offboardings and reports, and reads the audit log.",
}


@router.get(PATH)
async def people(request: Request, here: Here, session: Signed) -> Response:
    """Everybody, and what each role may."""
    require(session.person, Right.MANAGE)
    return await _show(request, here, session)


@router.post(PATH)
async def people_post(request: Request, here: Here, session: Signed) -> Response:
    """Add somebody, change what they may, give a new password, or take the account away."""
    require(session.person, Right.MANAGE)
    form = await request.form()
    members, actor = People(here.house.papers, here.house.audit), session.person.actor()
    name, what = str(form.get("name", "")), str(form.get("do", ""))
    known = {each.id for each in await here.house.tenants.all()}
    tenants = [str(each) for each in form.getlist("tenant")]
    password, problem = "", ""
    try:
        if not known.issuperset(tenants):  # none at all would mean every tenant
            raise Unusable("A tenant that was chosen is not there any more.", "unknown_tenant", advice="Choose again.")
        if what == "add":
            password = await members.add(name, _role(str(form.get("role", ""))), tenants, actor)
        elif what == "change":
            await members.change(name, _role(str(form.get("role", ""))), tenants, actor)
        elif what == "reset":
            password = await members.reset(name, actor)
        elif what == "code":
            await members.reset_code(name, here.codes, actor)
        elif what == "remove":
            await members.remove(name, actor)
        else:
            raise Unusable("There is nothing of this kind to do.", "unknown_action")
    except Unusable as error:
        problem = f"{error.message} {error.advice}".strip()
    return await _show(request, here, session, name=name, password=password, error=problem)


async def _show(
    request: Request, here: Rooms, session: Session, *, name: str = "", password: str = "", error: str = ""
) -> Response:
    return page(
        request,
        "people.html",
        session,
        code=400 if error else 200,
        page="Settings",
        members=await People(here.house.papers, here.house.audit).all(),
        tenants=await here.house.tenants.all(),
        roles=ROLES,
        who=name,
        password=password,
        error=error,
    )


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError as error:
        raise Unusable("Choose a role.", "unknown_role") from error
