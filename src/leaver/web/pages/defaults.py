"""What the tasks are preset to, of the organization and of a tenant."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from leaver.domain.errors import Unusable
from leaver.offboarding.conflicts import default_refusals
from leaver.offboarding.settings import as_plain, parse
from leaver.web import forms
from leaver.web.reach import scope_of
from leaver.web.rooms import Here
from leaver.web.shell import Signed, lists, page

router = APIRouter(include_in_schema=False)


@router.get("/defaults/{scope}")
async def defaults(request: Request, here: Here, session: Signed, scope: str, saved: str = "") -> Response:
    """What the tasks are preset to."""
    title = await scope_of(here, session.person, scope)
    said = await here.house.defaults.get(scope)
    shown = {task: value.get("value") for task, value in said.items()}
    origins = {task: ("", bool(value.get("locked"))) for task, value in said.items()}
    stages = forms.rows(shown, {task: (origin, False) for task, (origin, _) in origins.items()})
    return page(request, "defaults.html", session, page="Defaults", title=title, stages=stages, saved=saved)


@router.post("/defaults/{scope}")
async def defaults_post(request: Request, here: Here, session: Signed, scope: str) -> Response:
    """Replace them."""
    title = await scope_of(here, session.person, scope)
    chosen = forms.read(lists(await request.form()))
    try:
        settings = parse(chosen) if chosen else {}
        plain = as_plain(settings) if settings else {}
        if reasons := default_refusals(settings):
            raise Unusable(" ".join(reasons), "unsafe_default")
    except Unusable as error:
        stages = forms.rows(chosen, {})
        return page(
            request,
            "defaults.html",
            session,
            code=400,
            page="Defaults",
            title=title,
            stages=stages,
            saved="",
            error=error.message,
        )
    before = await here.house.defaults.get(scope)
    kept = {task: {"value": value, "locked": bool(before.get(task, {}).get("locked"))} for task, value in plain.items()}
    await here.house.defaults.save(scope, kept, session.person.actor())
    return RedirectResponse(f"/defaults/{scope}?saved=1", 303)
