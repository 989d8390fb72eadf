"""What the tasks are preset to: of the organization, and of each tenant on top of it."""

from __future__ import annotations

from datetime import datetime
from types import EllipsisType
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from leaver.access.roles import Right, may, require
from leaver.access.sessions import Session
from leaver.domain.errors import Unusable
from leaver.offboarding.conflicts import NEVER_A_DEFAULT
from leaver.offboarding.presetting import Said, locked_in, preset
from leaver.store.defaults import ORGANIZATION, effective
from leaver.web import forms
from leaver.web.reach import scope_of
from leaver.web.rooms import Here, Rooms
from leaver.web.shell import Signed, lists, page

router = APIRouter(include_in_schema=False)


@router.get("/defaults")
async def first(here: Here, session: Signed, scope: str = "") -> Response:
    """A chosen scope; or the organization's, or those of the first tenant that somebody manages."""
    if scope:
        return RedirectResponse(f"/defaults/{quote(scope, safe='')}", 303)
    if may(session.person, Right.MANAGE):
        return RedirectResponse(f"/defaults/{ORGANIZATION}", 303)
    for tenant in await here.house.tenants.all():
        if may(session.person, Right.MANAGE, tenant.id):
            return RedirectResponse(f"/defaults/{tenant.id}", 303)
    require(session.person, Right.MANAGE)
    return RedirectResponse("/", 303)


@router.get("/defaults/{scope}")
async def defaults(request: Request, here: Here, session: Signed, scope: str, saved: str = "") -> Response:
    """What a scope says of each task, what that comes to, and who says so."""
    await scope_of(here, session.person, scope)
    return await _show(request, here, session, scope, await here.house.defaults.get(scope), saved=saved)


@router.post("/defaults/{scope}")
async def defaults_post(request: Request, here: Here, session: Signed, scope: str) -> Response:
    """Replace them; what cannot be used is shown again as it was chosen."""
    await scope_of(here, session.person, scope)
    form = lists(await request.form())
    dropped = forms.drop(form)
    chosen = {} if form.get("do") == ["reset"] else forms.read_defaults(form)
    locked = set(form.get("locked", [])) if scope == ORGANIZATION else set()
    shut = await locked_in(here.house, scope)  # their fields are disabled, so the form has no word on them
    said = {task: {"value": value, "locked": task in locked} for task, value in chosen.items() if task not in shut}
    said |= {task: {"value": None, "locked": True} for task in locked - set(chosen)}
    if dropped:  # not saved yet
        return await _show(request, here, session, scope, said)
    try:
        await preset(here.house, scope, said, session.person.actor(), seen=_seen(form.get("seen", [])))
    except Unusable as error:
        return await _show(request, here, session, scope, said, error=error.message, advice=error.advice)
    return RedirectResponse(f"/defaults/{scope}?saved=1", 303)


def _seen(given: list[str]) -> datetime | EllipsisType | None:
    """When the defaults had been changed that somebody saw; a form without it is held against nothing."""
    if not given:
        return ...
    try:
        return datetime.fromisoformat(given[0]) if given[0] else None
    except ValueError:
        return None


async def _show(
    request: Request,
    here: Rooms,
    session: Session,
    scope: str,
    said: Said,
    *,
    saved: str = "",
    error: str = "",
    advice: str = "",
) -> Response:
    title = await scope_of(here, session.person, scope)
    kept = here.house.defaults
    whole = scope == ORGANIZATION
    above: Said = {} if whole else await kept.get(ORGANIZATION)
    found = effective(said if whole else above, {} if whole else said)
    origins = {task: (each.origin, each.locked) for task, each in found.items()}
    changed = await kept.changed()
    managed = [each for each in await here.house.tenants.all() if may(session.person, Right.MANAGE, each.id)]
    return page(
        request,
        "defaults.html",
        session,
        code=400 if error else 200,
        page="Defaults",
        scope=scope,
        whole=whole,
        title=title,
        said=said,
        stages=forms.rows({task: each.value for task, each in found.items()}, origins),
        never=NEVER_A_DEFAULT,
        changed=changed,
        own=[each for each in managed if each.id in changed and (changed[each.id][2] or each.id == scope)],
        others=[each for each in managed if each.id != scope and not (each.id in changed and changed[each.id][2])],
        locked=sum(bool(value.get("locked")) for value in above.values()),
        mine=sum(bool(task not in above or not above[task].get("locked")) for task in said),
        inherited=sum(each.origin == "organization" and not each.locked for each in found.values()),
        history=may(session.person, Right.AUDIT, "" if whole else scope),
        saved=saved,
        error=error,
        advice=advice,
    )
