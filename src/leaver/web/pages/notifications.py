"""Notifications: mail to who started something, and mail addresses and channels for the whole organization."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData

from leaver.access.roles import Right, may, require
from leaver.access.sessions import Session
from leaver.domain import news
from leaver.domain.actor import Actor
from leaver.domain.errors import Unusable
from leaver.notify.book import EMAIL, SERVICE
from leaver.store.targets import Target
from leaver.web.rooms import Here, Rooms
from leaver.web.shell import Signed, page

router = APIRouter(include_in_schema=False)
PATH = "/settings/notifications"
SAID = {"saved": "Saved", "added": "Added", "removed": "Removed"}


@router.get(PATH)
async def notifications(request: Request, here: Here, session: Signed, said: str = "") -> Response:
    """One's own mail; and everybody else who is told, for administrators."""
    return await _show(request, here, session, said=SAID.get(said, ""))


@router.post(PATH + "/mine")
async def mine(request: Request, here: Here, session: Signed) -> Response:
    """Where somebody wants mail about what he started."""
    form = await request.form()
    try:
        await here.house.book.set_mail(session.person.name, str(form.get("address", "")), wanted="wanted" in form)
    except Unusable as error:
        return await _show(request, here, session, error=f"{error.message} {error.advice}")
    return RedirectResponse(f"{PATH}?said=saved", 303)


@router.post(PATH)
async def notifications_post(request: Request, here: Here, session: Signed) -> Response:
    """Tell somebody else, change what they hear, try it, or tell them no more."""
    require(session.person, Right.MANAGE)
    form, book, actor = await request.form(), here.house.book, session.person.actor()
    what, target_id = str(form.get("do", "")), str(form.get("id", ""))
    events = [str(value) for value in form.getlist("event")]
    try:
        if what == "add":
            add = book.add_email if form.get("kind") == EMAIL else book.add_service
            await add(str(form.get("name", "")), str(form.get("address", "")), events, [], actor)
            return RedirectResponse(f"{PATH}?said=added", 303)
        if what == "matrix":
            await _save_matrix(here, form, actor)
            return RedirectResponse(f"{PATH}?said=saved", 303)
        target = await book.get(target_id, EMAIL, SERVICE)
        if what == "test":
            return await _tested(request, here, session, target)
        if what == "remove":
            await book.remove(target, actor)
            return RedirectResponse(f"{PATH}?said=removed", 303)
        enabled = "enabled" in form
        await book.change(target, actor, name=str(form.get("name", "")), events=events, enabled=enabled)
    except Unusable as error:
        return await _show(request, here, session, error=f"{error.message} {error.advice}".strip(), given=form)
    return RedirectResponse(f"{PATH}?said=saved", 303)


async def _save_matrix(here: Rooms, form: FormData, actor: Actor) -> None:
    """What each target is told of, all at once; only those that the form showed, and of them what it changed."""
    book = here.house.book
    for target in [*await book.others(), *await book.webhooks()]:
        if target.id not in form.getlist("shown"):
            continue
        events = [event for event in news.EVENTS if event in form.getlist(f"events:{target.id}")]
        if events != list(target.events):
            await book.change(target, actor, events=events)


async def _tested(request: Request, here: Rooms, session: Session, target: Target) -> Response:
    delivery = await here.house.book.test(target)
    if delivery.state == "delivered":
        return await _show(request, here, session, said=f"The test was sent to {target.name}")
    reason = delivery.log[-1]["reason"] if delivery.log else "It was not sent."
    return await _show(request, here, session, error=f"The test to {target.name} failed. {reason}")


async def _show(
    request: Request,
    here: Rooms,
    session: Session,
    *,
    said: str = "",
    error: str = "",
    given: FormData | None = None,
) -> Response:
    manages = may(session.person, Right.MANAGE)
    address, wanted = await here.house.book.mail_of(session.person.name)
    adding = given is not None and given.get("do") == "add"
    return page(
        request,
        "notifications.html",
        session,
        code=400 if error else 200,
        page="Settings",
        mails=here.house.book.mails,
        address=address,
        wanted=wanted,
        manages=manages,
        targets=await here.house.book.others() if manages else [],
        hooks=await here.house.book.webhooks() if manages else [],
        events=news.EVENTS,
        given={key: str(given.get(key, "")) for key in ("kind", "name", "address")} if given and adding else {},
        chosen=[str(value) for value in given.getlist("event")] if given and adding else list(news.USUAL),
        said=said,
        error=error,
    )
