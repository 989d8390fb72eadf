"""What the doors ask for, with a worker in the same process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from leaver.domain.actor import Actor
from leaver.domain.outcome import State
from leaver.offboarding import desk as doors
from leaver.offboarding.desk import Request
from leaver.offboarding.worker import Worker
from m365_simulator.world import World
from support import Desk, Wire

ADA = "ada@contoso.example"
TESS = Actor("Tess")


async def test_whoever_cancels_what_has_not_begun_can_ask_for_another_one_at_once(desk: Desk, world: World) -> None:
    worker = Worker(desk.house)
    await worker.start()
    at_the_desk = doors.Desk(desk.house, worker.nudge)
    later = Request(desk.tenant, [ADA], {"disable_sign_in": True}, at=datetime.now(UTC) + timedelta(days=2))
    try:
        (first,) = await at_the_desk.submit(later, TESS)
        cancelled = await at_the_desk.cancel(first.id, TESS)
        (second,) = await at_the_desk.submit(later, TESS)
    finally:
        await worker.stop(5)

    assert cancelled.state is State.CANCELLED
    assert second.state is State.SCHEDULED


async def test_what_nobody_works_on_is_cancelled_where_it_is_asked_for(desk: Desk, wire: Wire) -> None:
    at_the_desk = doors.Desk(desk.house)
    later = Request(desk.tenant, [ADA], {"disable_sign_in": True}, at=datetime.now(UTC) + timedelta(days=2))
    (record,) = await at_the_desk.submit(later, TESS)
    asked = len(wire.calls)

    cancelled = await at_the_desk.cancel(record.id, TESS)

    assert cancelled.state is State.CANCELLED
    assert cancelled.ended_at is not None
    assert len(wire.calls) == asked  # Microsoft has nothing to do with it
