"""What the tasks are preset to: of the organization, and of each tenant on top of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from leaver.access.roles import Right, may, require
from leaver.access.sessions import Session
from leaver.domain.errors import Unusable
from leaver.offboarding import words
from leaver.offboarding.conflicts import NEVER_A_DEFAULT, default_refusals
from leaver.offboarding.settings import as_plain, parse
from leaver.store.defaults import ORGANIZATION, effective
from leaver.tasks.catalogue import all_tasks
from leaver.web import forms
from leaver.web.reach import scope_of
from leaver.web.rooms import Here, Rooms
from leaver.web.shell import Signed, lists, page

router = APIRouter(include_in_schema=False)
Said = Mapping[str, Mapping[str, Any]]


@router.get("/defaults")
async def first(here: Here, session: Signed) -> Response:
    """The organization's, or those of the first tenant that somebody manages."""
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
    return await _show(request, here, session, scope, await here.house.defaults.get(scope), saved=saved)


@router.post("/defaults/{scope}")
async def defaults_post(request: Request, here: Here, session: Signed, scope: str) -> Response:
    """Replace them. What the organization has locked stays as it is."""
    await scope_of(here, session.person, scope)
    form = lists(await request.form())
    before = await here.house.defaults.get(scope)
    if form.get("do") == ["reset"] and scope != ORGANIZATION:
        await here.house.defaults.save(scope, {}, session.person.actor())
        return RedirectResponse(f"/defaults/{scope}?saved=1", 303)
    chosen = forms.read_defaults(form)
    locked = set(form.get("locked", [])) if scope == ORGANIZATION else set()
    kept = {task: {"value": value, "locked": task in locked} for task, value in chosen.items()}
    if scope != ORGANIZATION:
        above = await here.house.defaults.get(ORGANIZATION)
        own = {task: value for task, value in before.items() if above.get(task, {}).get("locked")}
        kept = {task: value for task, value in kept.items() if not above.get(task, {}).get("locked")} | own
    on = {task: value for task, value in chosen.items() if value is not False and task in kept}
    unset = [task.option.label for task in all_tasks() if task.name in locked - set(kept)]
    if unset:
        problem = f"{words.listed(unset)} cannot be locked without a value. Choose On or Off there."
        return await _show(request, here, session, scope, kept, error=problem)
    try:
        settings = parse(on) if on else {}
        plain = as_plain(settings)
        if reasons := default_refusals(settings):
            raise Unusable(" ".join(reasons), "unsafe_default")
    except Unusable as error:
        return await _show(request, here, session, scope, kept, error=error.message)
    kept = {task: value | {"value": plain.get(task, value["value"])} for task, value in kept.items()}
    await here.house.defaults.save(scope, kept, session.person.actor())
    return RedirectResponse(f"/defaults/{scope}?saved=1", 303)


async def _show(
    request: Request, here: Rooms, session: Session, scope: str, said: Said, *, saved: str = "", error: str = ""
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
        saved=saved,
        error=error,
    )
