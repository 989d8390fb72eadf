"""Webhooks, from the change that is told of to a real receiver."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from standardwebhooks import Webhook, WebhookVerificationError

from leaver.domain import news
from leaver.domain.actor import Actor
from leaver.domain.errors import Unusable
from leaver.notify.courier import Courier
from leaver.store.outbox import LEASE
from leaver.store.targets import Target
from leaver.wiring import House
from m365_simulator.world import World
from receiver import Receiver
from support import Desk

ADMIN = Actor("Tess", "portal")
WISH = {"disable_sign_in": True}


async def hook(house: House, receiver: Receiver, *events: str, tenants: tuple[str, ...] = ()) -> tuple[Target, str]:
    """A webhook to the receiver."""
    return await house.book.add_webhook("Tickets", receiver.url, events or tuple(news.EVENTS), tenants, ADMIN)


async def hurry(house: House) -> None:
    """Let the pauses pass."""
    async with house.database.begin() as connection:
        await connection.execute(text("UPDATE deliveries SET next_at = created_at"))


async def state(house: House, target: Target) -> Target:
    """The target as it is kept."""
    return await house.book.get(target.id, "webhook")


async def test_an_offboarding_is_told_of_with_a_signature_that_the_standard_library_accepts(
    house: House, desk: Desk, world: World, receiver: Receiver
) -> None:
    _, secret = await hook(house, receiver)

    await desk.offboard("ada@contoso.example", settings=WISH)
    await house.courier.deliver_due()

    verified = [Webhook(secret).verify(item.body, item.headers) for item in receiver.received]
    assert [each["type"] for each in verified] == ["offboarding.accepted", "offboarding.finished"]
    data = verified[1]["data"]
    assert (data["state"], data["user"]["upn"]) == ("completed", "ada@contoso.example")
    assert data["url"] == f"https://leaver.contoso.example/offboardings/{data['id']}"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(receiver.received[0].body + b" ", receiver.received[0].headers)


async def test_a_failure_and_what_is_left_for_a_person_are_told_of(
    house: House, desk: Desk, world: World, receiver: Receiver
) -> None:
    """H24: outcome and manual steps, to whoever asked for it."""
    await hook(house, receiver, news.FAILED, news.FOLLOW_UP_DUE)
    world.users["ada"].synced = True

    await desk.offboard("ada@contoso.example", settings={"disable_sign_in": True, "hide_from_gal": True})
    await house.courier.deliver_due()

    bodies = [json.loads(item.body) for item in receiver.received]
    assert [body["type"] for body in bodies] == ["offboarding.follow_up_due"]
    assert all(item["text"] for item in bodies[0]["data"]["follow_ups"])


async def test_what_nobody_wants_is_not_kept(house: House, desk: Desk, world: World) -> None:
    await desk.offboard("ada@contoso.example", settings=WISH)

    async with house.database.begin(write=False) as connection:
        assert (await connection.execute(text("SELECT count(*) FROM events"))).scalar_one() == 0


async def test_a_webhook_hears_of_its_tenants_only(house: House, desk: Desk, world: World, receiver: Receiver) -> None:
    await hook(house, receiver, tenants=("another-tenant",))

    await desk.offboard("ada@contoso.example", settings=WISH)

    assert await house.courier.deliver_due() == 0


async def test_an_event_is_written_with_the_change_or_not_at_all(
    house: House, desk: Desk, world: World, receiver: Receiver
) -> None:
    target, _ = await hook(house, receiver)
    planned = await desk.preview("ada@contoso.example", settings=WISH)
    record = planned.offboardings[0]
    async with house.database.begin() as connection:
        await connection.execute(
            text("CREATE TRIGGER no_deliveries BEFORE INSERT ON deliveries BEGIN SELECT RAISE(ABORT, 'full'); END")
        )

    with pytest.raises(Exception, match="full"):
        await house.offboardings.add(record)

    with pytest.raises(Unusable, match="no offboarding"):
        await house.offboardings.get(record.id)
    assert (await house.book.deliveries(target))[0] == []


async def test_a_delivery_is_tried_again_until_it_arrives(
    house: House, desk: Desk, world: World, receiver: Receiver
) -> None:
    receiver.answers = ["500 Internal Server Error", "302 Found", "204 No Content"]
    target, secret = await hook(house, receiver, news.ACCEPTED)
    await desk.offboard("ada@contoso.example", settings=WISH)

    for _ in range(4):
        await house.courier.deliver_due()
        await hurry(house)

    (delivery,), _ = await house.book.deliveries(target)
    assert delivery.state == "delivered"
    assert [(entry["status"], entry["reason"]) for entry in delivery.log] == [
        (500, "It answered 500."),
        (302, "It answered with a redirect (302), which is not followed."),
        (204, ""),
    ]
    assert len({item.headers["webhook-id"] for item in receiver.received}) == 1
    assert len({item.body for item in receiver.received}) == 1
    assert Webhook(secret).verify(receiver.received[2].body, receiver.received[2].headers)


async def test_the_pauses_grow_and_are_kept(house: House, desk: Desk, world: World, receiver: Receiver) -> None:
    receiver.answers = ["503 Service Unavailable"]
    target, _ = await hook(house, receiver, news.ACCEPTED)
    await desk.offboard("ada@contoso.example", settings=WISH)
    pauses = []

    for _ in range(10):
        await house.courier.deliver_due()
        (delivery,), _ = await house.book.deliveries(target)
        if delivery.next_at is not None:
            pauses.append((delivery.next_at - datetime.now(UTC)).total_seconds())
        assert await house.courier.deliver_due() == 0
        await hurry(house)

    assert len(receiver.received) == 10
    assert pauses == sorted(pauses)
    assert 200_000 < sum(pauses) < 400_000
    (delivery,), _ = await house.book.deliveries(target)
    assert (delivery.state, delivery.attempts) == ("failed", 10)


async def test_the_receiver_may_ask_for_time(house: House, desk: Desk, world: World, receiver: Receiver) -> None:
    receiver.answers = ["429 Too Many Requests\r\nretry-after: 3600"]
    target, _ = await hook(house, receiver, news.ACCEPTED)
    await desk.offboard("ada@contoso.example", settings=WISH)

    await house.courier.deliver_due()

    (delivery,), _ = await house.book.deliveries(target)
    assert delivery.next_at is not None
    assert delivery.next_at > datetime.now(UTC) + timedelta(minutes=55)


async def test_what_a_dead_process_took_is_taken_by_another_one(
    house: House, desk: Desk, world: World, receiver: Receiver
) -> None:
    await hook(house, receiver, news.ACCEPTED)
    await desk.offboard("ada@contoso.example", settings=WISH)
    outbox = house.outbox
    (taken,) = await outbox.take(10)
    assert await outbox.take(10) == []
    assert taken.next_at is not None
    assert taken.next_at > datetime.now(UTC) + LEASE - timedelta(seconds=10)

    await hurry(house)  # the minute is over
    await house.courier.deliver_due()

    assert len(receiver.received) == 1


async def test_of_two_that_look_at_once_one_takes_it(
    house: House, desk: Desk, world: World, receiver: Receiver
) -> None:
    await hook(house, receiver, news.ACCEPTED)
    await desk.offboard("ada@contoso.example", settings=WISH)

    counts = await asyncio.gather(*(house.courier.deliver_due() for _ in range(5)))

    assert sum(counts) == len(receiver.received) == 1


async def test_a_running_courier_delivers_and_stops(house: House, desk: Desk, world: World, receiver: Receiver) -> None:
    await hook(house, receiver)
    await house.courier.start()
    await desk.offboard("ada@contoso.example", settings=WISH)
    house.courier.nudge()

    for _ in range(200):
        if len(receiver.received) == 2:
            break
        await asyncio.sleep(0.02)
    await house.courier.stop()

    assert len(receiver.received) == 2


async def test_a_target_that_fails_for_days_is_switched_off_with_a_note(
    house: House, desk: Desk, world: World, receiver: Receiver
) -> None:
    receiver.answers = ["500 Internal Server Error"]
    target, _ = await hook(house, receiver, news.ACCEPTED)
    await desk.offboard("ada@contoso.example", settings=WISH)
    await house.courier.deliver_due()
    assert (await state(house, target)).enabled
    long_ago = datetime.now(UTC) - timedelta(days=4)
    await house.courier._targets.change(target.id, failing_since=long_ago)
    await hurry(house)

    await house.courier.deliver_due()

    kept = await state(house, target)
    assert not kept.enabled
    assert "It failed for 3 days: It answered 500." in kept.note
    assert [entry["what"] async for entry in house.audit.entries()][-1] == "webhook.switched_off"
    receiver.answers = ["200 OK"]
    await hurry(house)
    assert await house.courier.deliver_due() == 0
    await house.book.change(kept, ADMIN, enabled=True)
    assert await house.courier.deliver_due() == 1
    assert (await state(house, target)).failing_since is None


async def test_who_says_that_it_is_gone_is_not_asked_again(
    house: House, desk: Desk, world: World, receiver: Receiver
) -> None:
    receiver.answers = ["410 Gone"]
    target, _ = await hook(house, receiver, news.ACCEPTED)
    await desk.offboard("ada@contoso.example", settings=WISH)

    await house.courier.deliver_due()

    assert not (await state(house, target)).enabled
    assert (await house.book.deliveries(target))[0][0].state == "failed"


async def test_a_changed_secret_signs_beside_the_old_one_for_a_day(
    house: House, desk: Desk, world: World, receiver: Receiver
) -> None:
    target, old = await hook(house, receiver, news.ACCEPTED)
    new = await house.book.rotate(target, ADMIN)

    await house.book.test(await state(house, target))
    await house.courier._targets.change(target.id, previous_until=datetime.now(UTC) - timedelta(seconds=1))
    await house.book.test(await state(house, target))

    both, only = receiver.received
    assert Webhook(old).verify(both.body, both.headers) == Webhook(new).verify(both.body, both.headers)
    assert Webhook(new).verify(only.body, only.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(only.body, only.headers)


async def test_a_replay_is_the_same_message_again(house: House, desk: Desk, world: World, receiver: Receiver) -> None:
    target, _ = await hook(house, receiver, news.ACCEPTED)
    await desk.offboard("ada@contoso.example", settings=WISH)
    await house.courier.deliver_due()
    (first,), _ = await house.book.deliveries(target)

    await house.book.replay(target, first.id, ADMIN)
    await house.courier.deliver_due()

    found, following = await house.book.deliveries(target, limit=1)
    assert (found[0].replay_of, found[0].state, following) == (first.id, "delivered", str(found[0].id))
    assert receiver.received[0].headers["webhook-id"] == receiver.received[1].headers["webhook-id"]
    assert receiver.received[0].body == receiver.received[1].body


async def test_no_secret_is_shown_logged_or_kept_in_the_open(
    house: House, desk: Desk, world: World, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.answers = ["500 Internal Server Error"]
    target, secret = await hook(house, receiver)
    await house.book.rotate(target, ADMIN)
    await desk.offboard("ada@contoso.example", settings=WISH)
    await house.courier.deliver_due()

    async with house.database.begin(write=False) as connection:
        rows = [
            str(row)
            for table in ("targets", "events", "deliveries", "audit", "secrets", "papers")
            for row in (await connection.execute(text(f"SELECT * FROM {table}"))).all()
        ]
    everything = caplog.text + "".join(rows) + str(await state(house, target))
    assert "leaver.notify" in caplog.text or rows
    assert secret.removeprefix("whsec_") not in everything
    assert "not-for-eyes" not in everything


async def test_a_secret_has_the_shape_of_the_standard(house: House, receiver: Receiver) -> None:
    _, one = await hook(house, receiver)
    _, other = await hook(house, receiver)

    assert one.startswith("whsec_")
    assert one != other


async def test_what_is_old_is_forgotten_and_what_waits_is_not(
    house: House, desk: Desk, world: World, receiver: Receiver
) -> None:
    target, _ = await hook(house, receiver, news.ACCEPTED)
    await desk.offboard("ada@contoso.example", settings=WISH)
    future, past = datetime.now(UTC) + timedelta(days=1), datetime.now(UTC) - timedelta(days=1)
    await house.outbox.prune(future, past)
    assert len((await house.book.deliveries(target))[0]) == await house.outbox.late() == 1
    await house.courier.deliver_due()

    await house.outbox.prune(future, past)

    assert (await house.book.deliveries(target))[0] == []
    assert await house.outbox.late() == 0


async def test_what_waits_for_a_webhook_that_nobody_switches_on_is_forgotten_in_the_end(
    house: House, desk: Desk, world: World, receiver: Receiver
) -> None:
    target, _ = await hook(house, receiver, news.ACCEPTED)
    await desk.offboard("ada@contoso.example", settings=WISH)
    await house.book.change(target, ADMIN, enabled=False)
    now = datetime.now(UTC)

    assert await house.outbox.late() == 0
    await house.outbox.prune(now, now + timedelta(days=1))

    assert (await house.book.deliveries(target))[0] == []


async def test_a_removed_webhook_leaves_nothing(house: House, receiver: Receiver) -> None:
    target, _ = await hook(house, receiver)
    await house.book.test(target)

    await house.book.remove(target, ADMIN)

    assert await house.book.webhooks() == []
    assert [await house.vault.get(f"target.{target.id}.{part}") for part in ("address", "secret")] == [None, None]


def test_the_courier_has_the_pauses_of_the_standard() -> None:
    from leaver.notify.courier import PAUSES
    from leaver.store.outbox import TRIES

    assert len(PAUSES) == TRIES - 1
    assert Courier is not None
