"""Offboardings are watched while others work on them, and worked on here when nobody does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leaver.domain.actor import Actor
from leaver.domain.offboarding import Offboarding
from leaver.domain.outcome import Outcome, State
from leaver.offboarding import desk as doors
from leaver.offboarding.desk import accept_plan
from leaver.offboarding.drive import drive
from leaver.offboarding.planner import Preview
from leaver.offboarding.run import Event
from leaver.offboarding.see_through import SeeingThrough
from leaver.offboarding.settle import Stop
from leaver.offboarding.worker import Worker
from m365_simulator.faults import Behaviour
from m365_simulator.world import POWER_BI, World
from support import EVERYTHING, Desk, Wire, give_ada_everything

ADA, BOB = "ada@contoso.example", "bob@contoso.example"
SOON = (0.01, 0.02, 0.05)
LITTLE = {"disable_sign_in": True, "remove_groups": True}


async def accepted(desk: Desk, settings: dict[str, Any], *users: str) -> Preview:
    """A plan that was confirmed, and is kept."""
    planned = await desk.preview(*(users or (ADA,)), settings=settings)
    await accept_plan(desk.house.offboardings, planned)
    return planned


def seeing(desk: Desk, planned: Preview, **more: object) -> SeeingThrough:
    """Somebody at the command line who has just confirmed it."""
    return SeeingThrough(
        desk.house,
        planned.offboardings,
        planned=planned.planned,
        look_again=SOON,
        **more,  # type: ignore[arg-type]
    )


async def a_worker(desk: Desk, offboarding_id: str, after: float = 0.0) -> None:
    """Another process that works on it."""
    await asyncio.sleep(after)
    await drive(desk.house, offboarding_id, owner="another", look_again=SOON)


async def test_without_a_server_the_work_is_done_here(desk: Desk, world: World) -> None:
    give_ada_everything(world)
    planned = await accepted(desk, EVERYTHING)

    (result,) = await seeing(desk, planned).through()

    assert result.state is State.COMPLETED
    assert result.attempt == 1


async def test_a_server_that_shows_itself_does_the_work_and_is_watched(desk: Desk, world: World) -> None:
    world.add_group("sales", "ada", "bob")
    await desk.house.workers.show("another", "server", 60)
    planned = await accepted(desk, LITTLE)
    (record,) = planned.offboardings
    told: list[Event] = []
    there = asyncio.create_task(a_worker(desk, record.id, after=0.3))

    (result,) = await seeing(desk, planned, tell=told.append).through()
    await there

    assert result.state is State.COMPLETED
    assert result.attempt == 1
    assert {event.task.task for event in told if event.task is not None} == set(LITTLE)
    assert all(task.facts_after for task in result.tasks)


async def test_a_real_worker_takes_up_what_was_accepted(desk: Desk, world: World) -> None:
    """From the first sign of life to the last: it is seen, works, leaves."""
    worker = Worker(desk.house)
    await worker.start()
    try:
        for _ in range(100):
            if at_work := await desk.house.workers.at_work():
                break
            await asyncio.sleep(0.05)
        planned = await accepted(desk, LITTLE)
        (result,) = await seeing(desk, planned).through()
    finally:
        await worker.stop(5)

    assert [each.name for each in at_work] == [worker.name]
    assert result.state is State.COMPLETED
    assert await desk.house.workers.at_work() == []


async def test_a_server_that_dies_is_noticed_and_the_work_goes_on_here_after_its_lease(
    desk: Desk, world: World, wire: Wire
) -> None:
    """G1: nothing is done by two, nothing is done twice, nobody waits for ever."""
    give_ada_everything(world)
    planned = await accepted(desk, EVERYTHING)
    (record,) = planned.offboardings
    await desk.house.workers.show("another", "server", 1.0)
    lease = await desk.house.leases.claim(record.id, "another", 1.5)
    assert lease is not None
    began = asyncio.get_running_loop().time()
    told: list[str] = []

    (result,) = await seeing(desk, planned, tell=lambda event: told.append(event.text)).through()

    assert asyncio.get_running_loop().time() - began > 1.4
    assert result.state is State.COMPLETED
    assert result.attempt == 2
    assert "nobody works on it, so it goes on here" in told
    assert len([call for call in wire.writes if call["cmdlet"] == "Remove-CalendarEvents"]) == 1


async def test_what_a_dead_one_has_done_is_taken_from_the_store_not_from_the_plan(desk: Desk, world: World) -> None:
    """The plan in hand is older than what is kept."""
    give_ada_everything(world)
    planned = await accepted(desk, LITTLE)
    (record,) = planned.offboardings
    stop = Stop()

    def stop_after_a_change(event: Event) -> None:
        if event.task is not None and any(change.made_at for change in event.task.changes):
            stop.for_another()

    await drive(desk.house, record.id, owner="w", look_again=SOON, stop=stop, tell=stop_after_a_change)
    kept = await desk.house.offboardings.get(record.id)
    assert kept.started
    assert kept.ended_at is None

    (result,) = await seeing(desk, planned).through()

    done = {change.change.key: change.made_at for task in kept.tasks for change in task.changes if change.made_at}
    assert result.state is State.FOLLOW_UP
    assert done
    assert (
        done.items() <= {change.change.key: change.made_at for task in result.tasks for change in task.changes}.items()
    )


async def test_a_server_that_takes_nothing_up_is_not_waited_for_for_ever(
    desk: Desk, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leaver.offboarding.see_through.PATIENCE_WITH_IDLE", 0.5)
    await desk.house.workers.show("hung", "server", 60)
    planned = await accepted(desk, LITTLE)

    (result,) = await seeing(desk, planned).through()

    assert result.state is State.COMPLETED


async def test_whoever_stops_watching_leaves_the_work_to_the_server(desk: Desk, world: World, wire: Wire) -> None:
    world.add_group("sales", "ada", "bob")
    await desk.house.workers.show("another", "server", 60)
    planned = await accepted(desk, LITTLE)
    stop = Stop()
    asyncio.get_running_loop().call_later(0.2, stop.set)

    (result,) = await seeing(desk, planned, stop=stop).through()

    assert result.ended_at is None
    assert {task.outcome for task in result.tasks} == {Outcome.PLANNED}
    assert wire.writes == []
    assert [item.id for item in await desk.house.leases.due()] == [result.id]


async def test_a_stop_here_ends_what_was_not_begun(desk: Desk, world: World, wire: Wire) -> None:
    planned = await accepted(desk, LITTLE, ADA, BOB)
    stop = Stop()
    stop.set()

    results = await seeing(desk, planned, stop=stop).through()

    assert {record.state for record in results} == {State.CANCELLED}
    assert wire.writes == []


async def test_what_microsoft_has_not_finished_is_waited_for(
    desk: Desk, world: World, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command line waits for the end, also when the engine would come back later."""
    monkeypatch.setattr("leaver.offboarding.drive._pause", lambda _: 0.3)
    monkeypatch.setattr("leaver.tasks.close_account.remove_licenses.RemoveLicenses.patience", 0.2)
    behaviour.group_license_delay = 1.5
    world.add_group("power-bi", "ada", license_skus=[POWER_BI])
    planned = await accepted(desk, {"convert_to_shared": True, "remove_licenses": True})
    told: list[str] = []

    (result,) = await seeing(desk, planned, tell=lambda event: told.append(event.text)).through()

    assert result.state is State.COMPLETED
    assert any("looked at again" in text for text in told)


async def test_watching_alone_changes_nothing_and_ends_when_nobody_works(desk: Desk, world: World, wire: Wire) -> None:
    planned = await accepted(desk, LITTLE)

    (result,) = await seeing(desk, planned, works=False).through()

    assert result.ended_at is None
    assert wire.writes == []


async def test_a_cancelled_one_whose_worker_is_dead_ends_without_asking_microsoft(
    desk: Desk, world: World, wire: Wire
) -> None:
    planned = await accepted(desk, LITTLE)
    (record,) = planned.offboardings
    lease = await desk.house.leases.claim(record.id, "dead", 0.5)
    assert lease is not None
    record.started = True
    await desk.house.offboardings.save(record, lease)
    await doors.cancel(desk.house.offboardings, record.id, Actor("Tess"))
    asked = len(wire.calls)

    (result,) = await SeeingThrough(desk.house, [await desk.house.offboardings.get(record.id)]).through()

    assert result.state is State.CANCELLED
    assert len(wire.calls) == asked


async def test_many_are_shared_between_a_server_and_nobody_is_lost(desk: Desk, world: World) -> None:
    """Some are worked on there, and when it dies the rest here."""
    planned = await accepted(desk, {"disable_sign_in": True}, ADA, BOB, "grace@contoso.example")
    first: Offboarding = planned.offboardings[0]
    await desk.house.workers.show("another", "server", 1.0)
    there = asyncio.create_task(a_worker(desk, first.id, after=0.1))

    results = await seeing(desk, planned).through()
    await there

    assert [record.state for record in results] == [State.COMPLETED] * 3
    assert [record.attempt for record in results] == [1] * 3


async def test_a_scheduled_one_is_not_begun_by_watching_it(desk: Desk, world: World, wire: Wire) -> None:
    planned = await desk.preview(ADA, settings=LITTLE)
    planned.offboardings[0].at = datetime.now(UTC) + timedelta(hours=1)
    await accept_plan(desk.house.offboardings, planned)
    stop = Stop()
    asyncio.get_running_loop().call_later(0.6, stop.set)

    (result,) = await SeeingThrough(desk.house, planned.offboardings, works=False, stop=stop).through()

    assert result.state is State.SCHEDULED
    assert wire.writes == []
