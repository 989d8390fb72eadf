"""Webhooks: who is told, whether it works, each delivery, and sending one again."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData

from leaver.access.listening import reaches, require_listening, tenants_within
from leaver.access.roles import Right, may
from leaver.access.sessions import Session
from leaver.domain import news
from leaver.domain.errors import LeaverError, Unusable
from leaver.notify.book import WEBHOOK
from leaver.store.targets import Target
from leaver.web.rooms import Here, Rooms
from leaver.web.shell import Signed, page

router = APIRouter(include_in_schema=False)
PATH = "/settings/webhooks"
STATES = {"": "All", "waiting": "Waiting", "delivered": "Delivered", "failed": "Failed"}
SAID = {
    "saved": "Saved",
    "removed": "The webhook is removed",
    "replayed": "It is sent again in a moment",
}


@router.get(PATH)
async def webhooks(request: Request, here: Here, session: Signed, said: str = "") -> Response:
    """Every webhook that somebody may manage."""
    require_listening(session.person)
    return await _list(request, here, session, said=said)


@router.post(PATH)
async def webhooks_post(request: Request, here: Here, session: Signed) -> Response:
    """Add one; its secret is shown once."""
    require_listening(session.person)
    form = await request.form()
    try:
        tenants = await tenants_within(here.house.tenants, session.person, _texts(form, "tenant"))
        target, secret = await here.house.book.add_webhook(
            str(form.get("name", "")), str(form.get("url", "")), _texts(form, "event"), tenants, session.person.actor()
        )
    except Unusable as error:
        return await _list(request, here, session, error=_sentence(error), given=form)
    return await _one(request, here, session, target, secret=secret)


@router.get(PATH + "/{webhook_id}")
async def webhook(
    request: Request,
    here: Here,
    session: Signed,
    webhook_id: str,
    state: str = "",
    after: str = "",
    said: str = "",
    tested: str = "",
) -> Response:
    """One webhook with its deliveries."""
    target = await _webhook(here, session, webhook_id)
    return await _one(request, here, session, target, state=state, after=after, said=said, tested=tested)


@router.post(PATH + "/{webhook_id}")
async def webhook_post(request: Request, here: Here, session: Signed, webhook_id: str) -> Response:
    """Change it, try it, send something again, or take it away."""
    target = await _webhook(here, session, webhook_id)
    form, book, actor = await request.form(), here.house.book, session.person.actor()
    what = str(form.get("do", ""))
    where = f"{PATH}/{target.id}"
    try:
        if what == "test":
            delivery = await book.test(target)
            return RedirectResponse(f"{where}?tested={delivery.id}", 303)
        if what == "rotate":
            secret = await book.rotate(target, actor)
            return await _one(request, here, session, await book.get(target.id, WEBHOOK), secret=secret)
        if what == "remove":
            await book.remove(target, actor)
            return RedirectResponse(f"{PATH}?said=removed", 303)
        if what.startswith("replay:"):
            number = what.removeprefix("replay:")
            await book.replay(target, int(number) if number.isascii() and number.isdigit() else 0, actor)
            return RedirectResponse(f"{where}?said=replayed", 303)
        await _save(here, session, target, form)
    except Unusable as error:
        return await _one(request, here, session, target, error=_sentence(error))
    return RedirectResponse(f"{where}?said=saved", 303)


async def _save(here: Rooms, session: Session, target: Target, form: FormData) -> None:
    url = str(form.get("url", "")).strip()
    await here.house.book.change(
        target,
        session.person.actor(),
        name=str(form.get("name", "")),
        url=url or None,
        events=_texts(form, "event"),
        tenants=await tenants_within(here.house.tenants, session.person, _texts(form, "tenant")),
        enabled="enabled" in form,
    )


async def _webhook(here: Rooms, session: Session, webhook_id: str) -> Target:
    require_listening(session.person)
    target = await here.house.book.get(webhook_id, WEBHOOK)
    if not reaches(session.person, target.tenants):
        raise Unusable(f"There is no webhook with the id {webhook_id!r}.", "unknown_webhook")
    return target


async def _list(
    request: Request,
    here: Rooms,
    session: Session,
    *,
    said: str = "",
    error: str = "",
    given: FormData | None = None,
) -> Response:
    found = [each for each in await here.house.book.webhooks() if reaches(session.person, each.tenants)]
    return page(
        request,
        "webhooks.html",
        session,
        code=400 if error else 200,
        page="Settings",
        webhooks=found,
        events=news.EVENTS,
        chosen=_texts(given, "event") if given is not None else list(news.EVENTS),
        limits=_texts(given, "tenant") if given is not None else [],
        given_name=str(given.get("name", "")) if given is not None else "",
        url=str(given.get("url", "")) if given is not None else "",
        tenants=[each for each in await here.house.tenants.all() if may(session.person, Right.MANAGE, each.id)],
        said=SAID.get(said, ""),
        error=error,
    )


async def _one(
    request: Request,
    here: Rooms,
    session: Session,
    target: Target,
    *,
    state: str = "",
    after: str = "",
    said: str = "",
    tested: str = "",
    secret: str = "",
    error: str = "",
) -> Response:
    chosen = state if state in STATES else ""
    deliveries, following = await here.house.book.deliveries(target, state=chosen, cursor=after, limit=25)
    return page(
        request,
        "webhook.html",
        session,
        code=400 if error else 200,
        page="Settings",
        hook=target,
        deliveries=deliveries,
        following=following,
        state=chosen,
        states=STATES,
        events=news.EVENTS,
        tenants=[each for each in await here.house.tenants.all() if may(session.person, Right.MANAGE, each.id)],
        secret=secret,
        said=SAID.get(said, ""),
        tested=next((each for each in deliveries if str(each.id) == tested), None),
        error=error,
    )


def _texts(form: FormData | None, name: str) -> list[str]:
    return [] if form is None else [str(value) for value in form.getlist(name)]


def _sentence(error: LeaverError) -> str:
    return f"{error.message} {error.advice}".strip()
