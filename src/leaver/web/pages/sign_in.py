"""Signing in and out, the password, and the theme."""

from __future__ import annotations

import base64
import secrets
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from leaver.access.provider import Provider
from leaver.access.roles import Person, Right, may
from leaver.access.sessions import LASTS
from leaver.domain.errors import Denied, LeaverError, NotFound, NotSignedIn, Unusable
from leaver.web.rooms import Here, Rooms
from leaver.web.shell import COOKIE, Signed, page

router = APIRouter(include_in_schema=False)
UNDER_WAY = "leaver-sign-in"
UNDER_WAY_LASTS = 600
"""Seconds between leaving for the provider and coming back."""


@router.get("/signin")
async def signin(request: Request, here: Here, next: str = "/", out: str = "", ended: str = "") -> Response:
    """Ask who it is; after signing out, or when the session has ended by itself, say so."""
    return _asked(request, here, inside(next), out=out, ended=bool(ended))


@router.post("/signin")
async def signin_post(request: Request, here: Here) -> Response:
    """Let somebody in with a local account; a form of another site signs nobody in."""
    if request.headers.get("sec-fetch-site", "same-origin") in ("cross-site", "same-site"):
        raise Denied("The form came from another site.", "forged_form", advice="Open the sign-in page of Leaver.")
    here.limits.sign_in(_address(request))
    form = await request.form()
    back = inside(str(form.get("next", "/")))
    try:
        name, password, code = (str(form.get(field, "")) for field in ("username", "password", "code"))
        person, must_change = await here.accounts.check(name, password, _address(request), code=code)
    except NotSignedIn as error:
        return _asked(request, here, back, code=401, error=error.message, local=True)
    answer = RedirectResponse("/password" if must_change else back, 303)
    await _let_in(request, here, answer, person, account=person.name, must_change=must_change)
    return answer


@router.get("/signin/provider")
async def leave_for_provider(request: Request, here: Here, next: str = "/") -> Response:
    """Send the browser to the identity provider, with a secret that only it keeps."""
    provider = _provider(here)
    secret = secrets.token_urlsafe(32)
    try:
        away = await provider.begin(secret)
    except LeaverError as error:
        return _asked(request, here, inside(next), code=503, error=error.message)
    answer = RedirectResponse(away, 303)
    back = base64.urlsafe_b64encode(inside(next)[:1000].encode()).decode().rstrip("=")
    answer.set_cookie(
        UNDER_WAY,
        f"{secret}.{back}",
        max_age=UNDER_WAY_LASTS,
        path="/signin",
        httponly=True,
        samesite="lax",
        secure=_secure(request, here),
    )
    return answer


@router.get("/signin/callback")
async def come_back(request: Request, here: Here) -> Response:
    """Let in whom the provider vouches for."""
    here.limits.sign_in(_address(request))
    provider = _provider(here)
    secret, _, back = request.cookies.get(UNDER_WAY, "").partition(".")
    next_page = _decoded(back)
    try:
        person = await provider.finish(secret, request.query_params, _address(request))
    except LeaverError as error:
        code = 403 if isinstance(error, Denied) else 401 if isinstance(error, NotSignedIn) else 503
        answer: Response = _asked(request, here, next_page, code=code, error=error.message, advice=error.advice)
    else:
        answer = RedirectResponse(next_page, 303)
        await _let_in(request, here, answer, person)
    answer.delete_cookie(UNDER_WAY, path="/signin")
    return answer


@router.get("/signin/provider/out")
async def sign_out_there(here: Here) -> Response:
    """Send the browser to the provider's own sign-out."""
    try:
        there = await _provider(here).sign_out_address()
    except NotFound:
        raise
    except LeaverError:
        there = ""  # signed out here all the same
    return RedirectResponse(there or "/signin", 303)


@router.post("/signout")
async def signout(request: Request, here: Here, session: Signed) -> Response:
    """Close the session."""
    await here.sessions.close(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse(f"/signin?{urlencode({'out': 'here' if session.account else 'provider'})}", 303)
    answer.delete_cookie(COOKIE)
    return answer


@router.get("/password")
async def password(request: Request, session: Signed) -> Response:
    """Choose another password."""
    _require_local(session.account)
    return page(request, "password.html", session, bare=True)


@router.post("/password")
async def password_post(request: Request, here: Here, session: Signed) -> Response:
    """Set it, end every session of the account, and open a new one."""
    _require_local(session.account)
    form = await request.form()
    try:
        await here.accounts.change(
            session.account, str(form.get("old", "")), str(form.get("new", "")), _address(request)
        )
    except (NotSignedIn, Unusable) as error:
        return page(request, "password.html", session, code=400, bare=True, error=error.message)
    await here.sessions.close_all(session.account)
    first = may(session.person, Right.MANAGE) and not await here.house.tenants.all()
    answer = RedirectResponse("/setup" if first else "/", 303)
    await _let_in(request, here, answer, session.person, account=session.account)
    return answer


@router.post("/theme")
async def theme(request: Request, _: Signed) -> Response:
    """Switch between light and dark, where no script does it."""
    answer = RedirectResponse(inside(str((await request.form()).get("back", "/"))), 303)
    dark = request.cookies.get("theme") == "dark"
    answer.set_cookie("theme", "light" if dark else "dark", max_age=31_536_000, samesite="lax")
    return answer


def inside(path: str) -> str:
    """A path of this site; anything else leads home."""
    safe = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if safe else "/"


def _asked(
    request: Request,
    here: Rooms,
    back: str,
    *,
    code: int = 200,
    error: str = "",
    advice: str = "",
    out: str = "",
    local: bool = False,
    ended: bool = False,
) -> Response:
    provider = here.gate.provider
    return page(
        request,
        "signin.html",
        None,
        code=code,
        next=back,
        error=error,
        advice=advice,
        out=out,
        local=local,
        ended=ended,
        idle=round(here.house.config.session_idle_seconds / 60),
        host=request.url.hostname or "",
        provider=provider.name if provider else "",
        microsoft=provider is not None and provider.name == "Microsoft",
    )


async def _let_in(
    request: Request, here: Rooms, answer: Response, person: Person, *, account: str = "", must_change: bool = False
) -> None:
    await here.sessions.close(request.cookies.get(COOKIE, ""))
    cookie = await here.sessions.open(person, account=account, must_change=must_change)
    lasts = int(LASTS.total_seconds())
    answer.set_cookie(COOKIE, cookie, max_age=lasts, httponly=True, samesite="lax", secure=_secure(request, here))


def _secure(request: Request, here: Rooms) -> bool:
    """Whether the browser came over HTTPS; a proxy in between may not have told us so, but the configuration does."""
    ours = here.house.config.public_url
    return request.url.scheme == "https" or ours == f"https://{request.url.netloc}"


def _provider(here: Rooms) -> Provider:
    provider = here.gate.provider
    if provider is None:
        raise NotFound("No identity provider is configured here.", "no_provider", advice="Sign in with an account.")
    return provider


def _require_local(account: str) -> None:
    if not account:
        raise Denied("Your password is kept by your identity provider, not here.", "no_local_account")


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _decoded(back: str) -> str:
    try:
        return inside(base64.urlsafe_b64decode(back + "=" * (-len(back) % 4)).decode())
    except ValueError:
        return "/"
