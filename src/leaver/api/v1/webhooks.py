"""Webhooks: who is told of what, each delivery with its attempts, and sending one again."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import Field

from leaver.access.listening import reaches, require_listening, tenants_within
from leaver.access.roles import Person
from leaver.api.documented import answers, with_room
from leaver.api.door import Caller, Here, Rooms
from leaver.api.plain import plain
from leaver.api.v1.bodies import Body, example
from leaver.api.v1.notify_shapes import DeliveryShown, Event, WebhookMade, WebhookShown
from leaver.api.v1.shapes import Page
from leaver.domain import news
from leaver.domain.errors import Unusable
from leaver.domain.offboarding import stamp
from leaver.notify.book import WEBHOOK
from leaver.store.outbox import Delivery
from leaver.store.targets import Target

router = APIRouter(prefix="/api/v1/webhooks", tags=["Webhooks"], generate_unique_id_function=with_room)
ALL_EVENTS: list[Event] = list(news.EVENTS)  # type: ignore[arg-type]
DeliveryId = Annotated[int, Path(ge=1, le=2**31 - 1)]
URL_EXAMPLE = "https://hooks.example.com/leaver"


class WebhookRequest(Body):
    """A new webhook."""

    name: str = Field(min_length=1, max_length=200, examples=["HaloPSA tickets"])
    url: str = Field(min_length=1, max_length=2048, description="https, at a public host.", examples=[URL_EXAMPLE])
    events: list[Event] = Field(
        default=ALL_EVENTS, description="Empty: only what a request asks for itself.", examples=[["offboarding.failed"]]
    )
    tenants: list[str] = Field(default=[], description="Ids or domains; every tenant that the caller may see if empty.")


class WebhookChange(Body):
    """What is to be changed; what is left out stays."""

    model_config = Body.model_config | example(events=["offboarding.failed"], enabled=True)
    name: str | None = Field(default=None, min_length=1, max_length=200)
    url: str | None = Field(default=None, min_length=1, max_length=2048, examples=[URL_EXAMPLE])
    events: list[Event] | None = None
    tenants: list[str] | None = None
    enabled: bool | None = None


@router.get("", summary="Webhooks", **answers(Page[WebhookShown]))
async def list_webhooks(here: Here, person: Caller) -> Response:
    """Those of tenants that the caller may manage, without their secrets."""
    require_listening(person)
    found = [each for each in await here.house.book.webhooks() if reaches(person, each.tenants)]
    return plain({"items": [_shown(each) for each in found], "next": ""})


@router.post("", summary="A new webhook; its secret is shown once", **answers(WebhookMade, 201))
async def create_webhook(here: Here, person: Caller, body: WebhookRequest) -> dict[str, Any]:
    """The secret signs each message as Standard Webhooks describes it."""
    require_listening(person)
    tenants = await tenants_within(here.house.tenants, person, body.tenants)
    target, secret = await here.house.book.add_webhook(body.name, body.url, body.events, tenants, person.actor())
    return _shown(target) | {"secret": secret}


@router.get("/{webhook_id}", summary="One webhook", **answers(WebhookShown))
async def read_webhook(here: Here, person: Caller, webhook_id: str) -> dict[str, Any]:
    """Without its secret."""
    return _shown(await _webhook(here, person, webhook_id))


@router.patch("/{webhook_id}", summary="Change a webhook", **answers(WebhookShown))
async def change_webhook(here: Here, person: Caller, webhook_id: str, body: WebhookChange) -> dict[str, Any]:
    """Only what is given; `enabled: true` also sends what has waited."""
    target = await _webhook(here, person, webhook_id)
    tenants = None if body.tenants is None else await tenants_within(here.house.tenants, person, body.tenants)
    changed = await here.house.book.change(
        target,
        person.actor(),
        name=body.name,
        url=body.url,
        events=body.events,
        tenants=tenants,
        enabled=body.enabled,
    )
    return _shown(changed)


@router.delete("/{webhook_id}", status_code=204, summary="Forget a webhook and its deliveries")
async def remove_webhook(here: Here, person: Caller, webhook_id: str) -> Response:
    """At once; what was on its way is not sent."""
    await here.house.book.remove(await _webhook(here, person, webhook_id), person.actor())
    return Response(status_code=204)


@router.post("/{webhook_id}/rotate-secret", summary="A new secret, shown once", **answers(WebhookMade))
async def rotate_webhook_secret(here: Here, person: Caller, webhook_id: str) -> dict[str, Any]:
    """The old one signs beside it for a day."""
    target = await _webhook(here, person, webhook_id)
    secret = await here.house.book.rotate(target, person.actor())
    return _shown(await _webhook(here, person, webhook_id)) | {"secret": secret}


@router.post("/{webhook_id}/test", summary="Send a test now", **answers(DeliveryShown))
async def test_webhook(here: Here, person: Caller, webhook_id: str) -> dict[str, Any]:
    """A `leaver.test` event, tried once; the answer says how it went."""
    return delivery_json(await here.house.book.test(await _webhook(here, person, webhook_id)))


@router.get("/{webhook_id}/deliveries", summary="Deliveries, the latest first", **answers(Page[DeliveryShown]))
async def list_deliveries(
    here: Here,
    person: Caller,
    webhook_id: str,
    state: Literal["", "waiting", "delivered", "failed"] = "",
    cursor: str = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """With each attempt. They are kept for 30 days."""
    target = await _webhook(here, person, webhook_id)
    found, following = await here.house.book.deliveries(target, state=state, cursor=cursor, limit=limit)
    return plain({"items": [delivery_json(each) for each in found], "next": following})


@router.post("/{webhook_id}/deliveries/{delivery_id}/replay", summary="Send it again", **answers(DeliveryShown, 202))
async def replay_delivery(here: Here, person: Caller, webhook_id: str, delivery_id: DeliveryId) -> dict[str, Any]:
    """A new delivery of the same event, with the same `webhook-id`."""
    target = await _webhook(here, person, webhook_id)
    return delivery_json(await here.house.book.replay(target, delivery_id, person.actor()))


def delivery_json(delivery: Delivery) -> dict[str, Any]:
    """The public shape of a delivery."""
    return {
        "id": delivery.id,
        "event_id": delivery.event_id,
        "type": delivery.type,
        "offboarding_id": delivery.offboarding_id,
        "state": delivery.state,
        "created_at": stamp(delivery.created_at),
        "ended_at": stamp(delivery.ended_at),
        "next_at": stamp(delivery.next_at) if delivery.state == "waiting" else None,
        "replay_of": delivery.replay_of,
        "attempts": delivery.log,
    }


async def _webhook(here: Rooms, person: Person, webhook_id: str) -> Target:
    require_listening(person)
    unknown = Unusable(f"There is no webhook with the id {webhook_id!r}.", "unknown_webhook")
    try:
        target = await here.house.book.get(webhook_id, WEBHOOK)
    except Unusable as error:
        raise unknown from error
    if not reaches(person, target.tenants):
        raise unknown
    return target


def _shown(target: Target) -> dict[str, Any]:
    return {
        "id": target.id,
        "name": target.name,
        "url": target.address,
        "events": target.events,
        "tenants": target.tenants,
        "enabled": target.enabled,
        "note": target.note,
        "failing_since": stamp(target.failing_since),
        "last_at": stamp(target.last_at),
        "last_result": target.last_result,
        "old_secret_until": stamp(target.previous_until),
        "created_at": stamp(target.created_at),
        "created_by": target.created_by,
    }
