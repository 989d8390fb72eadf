"""The one-time code of whoever is signed in with a local account: set up, and turned off."""

from __future__ import annotations

import segno
from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup

from leaver.access.people import Member, People
from leaver.access.sessions import Session
from leaver.domain.errors import Denied, NotSignedIn, Unusable
from leaver.web.rooms import Here, Rooms
from leaver.web.shell import COOKIE, Signed, page

router = APIRouter(include_in_schema=False)


@router.get("/code")
async def code(request: Request, here: Here, session: Signed) -> Response:
    """Set it up, or say that it is."""
    return await _shown(request, here, session, await _account(here, session))


@router.post("/code")
async def code_post(request: Request, here: Here, session: Signed) -> Response:
    """Turn it on or off; both ask for the password, and turning off for a code."""
    account = await _account(here, session)
    form = await request.form()
    given, secret = str(form.get("code", "")), str(form.get("password", ""))
    recovery: list[str] = []
    try:
        await here.accounts.prove(account.name, secret, session.person.address, code=given)
        if account.has_code:
            await here.codes.remove(account.name, session.person.actor())
        else:
            recovery = await here.codes.confirm(account.name, given, session.person.actor())
    except (NotSignedIn, Unusable) as error:
        return await _shown(request, here, session, account, code=400, error=error.message)
    await here.sessions.close_all(account.name, but=request.cookies.get(COOKIE, ""))
    return await _shown(request, here, session, await _account(here, session), recovery=recovery)


async def _shown(
    request: Request,
    here: Rooms,
    session: Session,
    account: Member,
    *,
    code: int = 200,
    error: str = "",
    recovery: list[str] | None = None,
) -> Response:
    enrolment = None if account.has_code else await here.codes.begin(account.name)
    return page(
        request,
        "code.html",
        session,
        code=code,
        bare=True,
        account=account,
        secret=" ".join(_fours(enrolment.secret)) if enrolment else "",
        picture=_picture(enrolment.uri) if enrolment else "",
        recovery=recovery or [],
        error=error,
    )


async def _account(here: Rooms, session: Session) -> Member:
    if not session.account:
        raise Denied("How you sign in is decided by your identity provider, not here.", "no_local_account")
    return await People(here.house.papers, here.house.audit).get(session.account)


def _picture(uri: str) -> Markup:
    """A QR code as SVG. It is drawn here, so that the secret goes nowhere; black on white, as cameras want it."""
    drawn = segno.make(uri, error="m", micro=False).svg_inline(
        omitsize=True, border=4, dark="#000", light="#fff", title="QR code for your authenticator app", svgclass="qr"
    )
    return Markup(drawn)  # noqa: S704 - segno escapes the title, and nothing else in it is text


def _fours(text: str) -> list[str]:
    return [text[at : at + 4] for at in range(0, len(text), 4)]
