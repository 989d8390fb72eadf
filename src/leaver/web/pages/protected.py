"""Protected accounts: whom nobody offboards, tenant by tenant."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from leaver.access.roles import Right, may, require
from leaver.domain.errors import Denied, Unusable
from leaver.offboarding.protection import protect, unprotect
from leaver.web.reach import tenant_of
from leaver.web.rooms import Here
from leaver.web.shell import Signed, page

router = APIRouter(include_in_schema=False)
PATH = "/settings/protected"


@router.get(PATH)
async def protected(request: Request, here: Here, session: Signed, tenant: str = "", error: str = "") -> Response:
    """The list of one tenant; of the first one, if none is named."""
    person = session.person
    managed = [each for each in await here.house.tenants.all() if may(person, Right.MANAGE, each.id)]
    if not managed and not may(person, Right.MANAGE):
        raise Denied("Your role does not manage protected accounts.", "forbidden", advice="Ask an administrator.")
    chosen = next((each for each in managed if each.id == tenant), managed[0] if managed else None)
    counts = {each.id: len(each.protected) for each in managed}
    return page(
        request,
        "protected.html",
        session,
        page="Settings",
        tenants=managed,
        counts=counts,
        known=chosen,
        error=error,
    )


@router.post(PATH)
async def protected_post(request: Request, here: Here, session: Signed) -> Response:
    """Put somebody on the list, or take somebody off it."""
    form = await request.form()
    known = await tenant_of(here, session.person, str(form.get("tenant", "")))
    require(session.person, Right.MANAGE, known.id)
    back = f"{PATH}?tenant={known.id}"
    actor = session.person.actor()
    try:
        if form.get("remove"):
            await unprotect(here.house.tenants, here.house.audit, known.id, str(form["remove"]), actor)
        else:
            await protect(here.house, known.id, str(form.get("user", "")), actor)
    except Unusable as error:
        return RedirectResponse(f"{back}&error={quote(error.message)}", 303)
    return RedirectResponse(back, 303)
