"""What every page shares: who is signed in, the frame around it, its policy, and errors as pages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import FormData

from leaver import __version__
from leaver.access.roles import Right, may
from leaver.access.sessions import Session
from leaver.domain.errors import Denied, LeaverError, NotSignedIn, Unusable
from leaver.domain.plan import NoteKind, Reversibility
from leaver.domain.products import product_name
from leaver.offboarding import health, spoken, words
from leaver.offboarding.sections import by_section
from leaver.tasks.catalogue import all_tasks
from leaver.web import progress, zones
from leaver.web.drafts import hold_on
from leaver.web.reach import Elsewhere, some_tenant
from leaver.web.rooms import Here, Rooms

COOKIE = "leaver"
WIZARD = re.compile(r"/offboardings/new/([0-9a-f]+)/(\w+)")
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
TITLES = {
    403: ("Not allowed", "lock"),
    404: ("Page not found", "search"),
    429: ("Too much at once", "clock"),
    500: ("Leaver failed", "stop"),
    503: ("Not reachable", "stop"),
}
"""What a page says that could not be shown, and its icon."""
PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
PAGES.filters["product"] = lambda sku: product_name("", sku)
PAGES.filters["called_in"] = lambda text, record: str(text).replace(
    f"tenant {record.tenant.id}", record.tenant.name or record.tenant.domain
)
PAGES.filters["called"] = lambda tenant: tenant.name or tenant.domain
PAGES.globals |= {"NoteKind": NoteKind, "Reversibility": Reversibility, "task_total": len(all_tasks())}
PAGES.globals |= {
    "words": words,
    "spoken": spoken,
    "progress": progress,
    "by_section": by_section,
    "version": __version__,
}


async def signed_in(request: Request, here: Here) -> Session:
    """Who is signed in; a posted form must have been made for this session."""
    address = request.client.host if request.client else ""
    session = await here.sessions.of(request.cookies.get(COOKIE, ""), address)
    if session is None:
        raise NotSignedIn("Nobody is signed in.", "not_signed_in")
    if request.method == "POST":
        form = await request.form()
        if not session.allows(str(form.get("csrf", ""))):
            raise Denied("The form was not made for this session.", "forged_form", advice="Open the page again.")
        if any("\0" in str(value) for _, value in form.multi_items()):
            raise Unusable("The form holds a character that is no text.", "malformed_request", advice="Take it out.")
    if request.method not in ("GET", "HEAD"):
        here.limits.write(session.person)
    request.state.nav = await _nav(here, session)
    if session.must_change and request.url.path not in ("/password", "/signout"):
        raise NotSignedIn("The password must be changed first.", "must_change")
    return session


async def _nav(here: Rooms, session: Session) -> dict[str, int]:
    """What the navigation counts: what runs, and the tenants that are broken."""
    counts = await here.house.offboardings.counts(session.person.tenant_ids)
    seen = await health.summaries(here.house.papers)
    broken = [
        each for each, found in seen.items() if found.status is health.Status.BROKEN and session.person.sees(each)
    ]
    return {"running": counts.get("running", 0), "broken": len(broken)}


Signed = Annotated[Session, Depends(signed_in)]


def page(request: Request, name: str, session: Session | None, *, code: int = 200, **values: Any) -> HTMLResponse:
    """A page with its strict policy."""

    def allowed(right: str) -> bool:
        if session is not None and right == "manage_some":
            return may(session.person, Right.MANAGE, next(iter(session.person.tenants or ()), ""))
        return session is not None and may(session.person, Right(right), some_tenant(session.person, right))

    theme = request.cookies.get("theme", "")
    given: dict[str, Any] = {"session": session, "theme": theme if theme in ("light", "dark") else "", "live": False}
    given |= zones.of(request).given()
    given |= {"nav": getattr(request.state, "nav", {"running": 0, "broken": 0})}
    given["this_page"] = f"{request.url.path}?{request.url.query}".rstrip("?") if request.method == "GET" else "/"
    given["organization"] = request.app.state.house.config.organization
    given["shortcuts"] = "off" if request.cookies.get("shortcuts") == "off" else "on"
    given |= {"may": allowed, "page": "", "bare": False, "error": ""} | values
    html = PAGES.get_template(name).render(**given)
    return HTMLResponse(html, code, {"Content-Security-Policy": POLICY})


async def on_error(request: Request, here: Rooms, error: LeaverError, status: int) -> Response:
    """An error as a page; who is not signed in is asked to, and comes back to the same place with nothing lost."""
    if isinstance(error, Elsewhere):
        return RedirectResponse(error.path, 303)
    if isinstance(error, NotSignedIn):
        if error.code == "must_change":
            return RedirectResponse("/password", 303)
        back = request.url.path if request.method == "GET" else await _unsent(request, here)
        ended = "&ended=1" if request.cookies.get(COOKIE) else ""
        return RedirectResponse(f"/signin?next={quote(back)}{ended}", 303)
    return await on_refusal(request, here, error.message, error.advice, status)


async def on_refusal(request: Request, here: Rooms, text: str, advice: str, status: int) -> Response:
    """What no page answers, as a page; around it the frame of whoever is signed in."""
    try:
        session = await here.sessions.of(request.cookies.get(COOKIE, ""))
    except Exception:  # noqa: BLE001 - what is wrong may be the very place where sessions are kept
        session = None
    title, icon = TITLES.get(status, ("That did not work", "warning"))
    return page(request, "problem.html", session, code=status, title=title, icon=icon, text=text, advice=advice)


async def _unsent(request: Request, here: Rooms) -> str:
    """Where somebody goes on whose session had ended when they sent a form: in the wizard nothing of it is lost."""
    found = WIZARD.fullmatch(request.url.path)
    if found is None:
        return "/"
    await hold_on(here, found[1], found[2], lists(await request.form()))
    return request.url.path


def lists(form: FormData) -> dict[str, list[str]]:
    """A posted form, with every value of each name."""
    return {key: [str(value) for value in form.getlist(key)] for key in form}
