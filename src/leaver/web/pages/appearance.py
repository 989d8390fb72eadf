"""Appearance: what a person likes to look at, kept in cookies of their browser."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from leaver.web import zones
from leaver.web.shell import Signed, page

router = APIRouter(include_in_schema=False)
PATH = "/settings/appearance"
A_YEAR = 31_536_000


@router.get(PATH)
async def appearance(request: Request, session: Signed, saved: str = "") -> Response:
    """Theme, time zone and keyboard shortcuts."""
    found = sorted(zone for zone in zones.names() if "/" in zone and not zone.startswith("Etc"))
    return page(request, "appearance.html", session, page="Settings", saved=saved, names=["UTC", *found])


@router.post(PATH)
async def appearance_post(request: Request, _: Signed) -> Response:
    """Keep them."""
    form = await request.form()
    answer = RedirectResponse(f"{PATH}?saved=1", 303)
    theme = str(form.get("theme", ""))
    if theme in ("light", "dark"):
        answer.set_cookie("theme", theme, max_age=A_YEAR, samesite="lax")
    else:
        answer.delete_cookie("theme", samesite="lax")
    zones.choose(answer, str(form.get("zone", "")))
    if "shortcuts" in form:
        answer.delete_cookie("shortcuts", samesite="lax")
    else:
        answer.set_cookie("shortcuts", "off", max_age=A_YEAR, samesite="lax", httponly=True)
    return answer
