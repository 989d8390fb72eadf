"""Signing in and out, the password, and the theme."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from leaver.access.roles import Person
from leaver.access.sessions import LASTS
from leaver.domain.errors import NotSignedIn, Unusable
from leaver.web.rooms import Here, Rooms
from leaver.web.shell import COOKIE, Signed, page

router = APIRouter(include_in_schema=False)


@router.get("/signin")
async def signin(request: Request, next: str = "/") -> Response:
    """Ask who it is."""
    return page(request, "signin.html", None, next=_inside(next))


@router.post("/signin")
async def signin_post(request: Request, here: Here) -> Response:
    """Let somebody in."""
    form = await request.form()
    address = request.client.host if request.client else ""
    back = _inside(str(form.get("next", "/")))
    try:
        person, must_change = await here.accounts.check(
            str(form.get("username", "")), str(form.get("password", "")), address
        )
    except NotSignedIn as error:
        return page(request, "signin.html", None, code=401, next=back, error=error.message)
    answer = RedirectResponse("/password" if must_change else back, 303)
    await _let_in(request, here, answer, person, must_change=must_change)
    return answer


@router.post("/signout")
async def signout(request: Request, here: Here, _: Signed) -> Response:
    """Close the session."""
    await here.sessions.close(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/signin", 303)
    answer.delete_cookie(COOKIE)
    return answer


@router.get("/password")
async def password(request: Request, session: Signed) -> Response:
    """Choose another password."""
    return page(request, "password.html", session, bare=True)


@router.post("/password")
async def password_post(request: Request, here: Here, session: Signed) -> Response:
    """Set it, and open a new session."""
    form = await request.form()
    try:
        await here.accounts.change(session.person.name, str(form.get("old", "")), str(form.get("new", "")))
    except (NotSignedIn, Unusable) as error:
        return page(request, "password.html", session, code=400, bare=True, error=error.message)
    await here.sessions.close(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/", 303)
    await _let_in(request, here, answer, session.person, must_change=False)
    return answer


@router.post("/theme")
async def theme(request: Request, _: Signed) -> Response:
    """Switch between light and dark, where no script does it."""
    answer = RedirectResponse("/", 303)
    dark = request.cookies.get("theme") == "dark"
    answer.set_cookie("theme", "light" if dark else "dark", max_age=31_536_000, samesite="lax")
    return answer


async def _let_in(request: Request, here: Rooms, answer: Response, person: Person, *, must_change: bool) -> None:
    cookie = await here.sessions.open(person, must_change=must_change)
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, cookie, max_age=int(LASTS.total_seconds()), httponly=True, samesite="lax", secure=secure)


def _inside(path: str) -> str:
    """A path of this site; anything else leads home."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"
