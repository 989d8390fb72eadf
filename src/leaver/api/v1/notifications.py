"""Notifications for people: mail addresses and channels of Teams and other services, for the whole organization."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import Field

from leaver.access.roles import Right, require
from leaver.api.documented import answers, with_room
from leaver.api.door import Caller, Here
from leaver.api.v1.bodies import Body
from leaver.api.v1.notify_shapes import DeliveryShown, Event, NotificationShown
from leaver.api.v1.shapes import Page
from leaver.api.v1.webhooks import delivery_json
from leaver.domain import news
from leaver.domain.offboarding import stamp
from leaver.notify.book import EMAIL, SERVICE
from leaver.store.targets import Target

router = APIRouter(prefix="/api/v1/notifications", tags=["Notifications"], generate_unique_id_function=with_room)
USUAL: list[Event] = list(news.USUAL)  # type: ignore[arg-type]


class NotificationRequest(Body):
    """Somebody to tell."""

    kind: Literal["email", "service"]
    address: str = Field(
        min_length=1,
        max_length=2048,
        description="A mail address; or the address of a Teams workflow, or an Apprise address of another service.",
        examples=["service-desk@example.com"],
    )
    name: str = Field(default="", max_length=200)
    events: list[Event] = Field(default=USUAL, description="Empty: only what a request asks for itself.")


@router.get("", summary="Who is told", **answers(Page[NotificationShown]))
async def list_notifications(here: Here, person: Caller) -> dict[str, Any]:
    """Addresses of services are shown masked: they are secrets."""
    require(person, Right.MANAGE)
    return {"items": [_shown(each) for each in await here.house.book.others()], "next": ""}


@router.post("", summary="Tell somebody else", **answers(NotificationShown, 201))
async def create_notification(here: Here, person: Caller, body: NotificationRequest) -> dict[str, Any]:
    """From the next event on."""
    require(person, Right.MANAGE)
    add = here.house.book.add_email if body.kind == EMAIL else here.house.book.add_service
    return _shown(await add(body.name, body.address, body.events, [], person.actor()))


@router.post("/{notification_id}/test", summary="Send a test now", **answers(DeliveryShown))
async def test_notification(here: Here, person: Caller, notification_id: str) -> dict[str, Any]:
    """Tried once; the answer says how it went."""
    require(person, Right.MANAGE)
    target = await here.house.book.get(notification_id, EMAIL, SERVICE)
    return delivery_json(await here.house.book.test(target))


@router.delete("/{notification_id}", status_code=204, summary="Tell them no more")
async def remove_notification(here: Here, person: Caller, notification_id: str) -> Response:
    """At once."""
    require(person, Right.MANAGE)
    target = await here.house.book.get(notification_id, EMAIL, SERVICE)
    await here.house.book.remove(target, person.actor())
    return Response(status_code=204)


def _shown(target: Target) -> dict[str, Any]:
    return {
        "id": target.id,
        "kind": target.kind,
        "name": target.name,
        "address": target.address,
        "events": target.events,
        "enabled": target.enabled,
        "note": target.note,
        "last_at": stamp(target.last_at),
        "last_result": target.last_result,
        "created_at": stamp(target.created_at),
        "created_by": target.created_by,
    }
