"""Accepted, taken up, left behind, taken over, cancelled, retried, scheduled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from leaver.domain.actor import Actor
from leaver.domain.errors import LeaseLost, Unusable
from leaver.domain.offboarding import Offboarding
from leaver.domain.outcome import Outcome, State
from leaver.offboarding import desk as doors
from leaver.offboarding.desk import accept_plan, reschedule
from leaver.offboarding.drive import drive
from leaver.offboarding.run import Event
from leaver.offboarding.settle import Stop
from leaver.store.audit import Said, Wanted
from m365_simulator.faults import Behaviour, Fault
from m365_simulator.world import World
from support import EVERYTHING, Desk, Wire, give_ada_everything, outcomes

ADA = "ada@contoso.example"
SOON = (0.01, 0.02, 0.05)
WHO = Actor("Tess Technician")


async def accepted(desk: Desk, settings: dict[str, object], at: datetime | None = None) -> Offboarding:
    """An offboarding that was confirmed and waits to be taken up."""
    planned = await desk.preview(ADA, settings=settings)
    planned.offboardings[0].at = at
    (record,) = await accept_plan(desk.house.offboardings, planned)
    return record


async def go_on(desk: Desk, record: Offboarding, **more: object) -> Offboarding:
    """Drive once, and read what is kept."""
    await drive(desk.house, record.id, owner="w1", look_again=SOON, **more)  # type: ignore[arg-type]
    return await desk.house.offboardings.get(record.id)


async def test_what_was_accepted_is_carried_out_from_what_is_kept(desk: Desk, world: World) -> None:
    """E2 and H2: what waits in the queue is what was accepted, and it is found there."""
    give_ada_everything(world)
    record = await accepted(desk, EVERYTHING)

    result = await go_on(desk, record)

    assert set(outcomes(result).values()) == {"verified"}
    assert result.state is State.COMPLETED
    assert await desk.house.leases.due() == []


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("after", [1, 3, 8, 15, 25, 40])
async def test_a_process_that_dies_is_taken_over_and_nothing_is_done_twice(
    desk: Desk, world: World, after: int
) -> None:
    """G1: wherever it dies, another one goes on from there, and no meeting is cancelled twice."""
    give_ada_everything(world)
    record = await accepted(desk, EVERYTHING)
    seen = 0

    def die(_: Event) -> None:
        nonlocal seen
        seen += 1
        if seen >= after:
            raise Killed

    with pytest.raises((Killed, BaseExceptionGroup)):
        await go_on(desk, record, tell=die)
    left = await desk.house.offboardings.get(record.id)
    assert left.ended_at is None
    result = await go_on(desk, record)

    assert set(outcomes(result).values()) <= {"verified", "already_in_place"}
    assert world.sent_cancellations == [("ada", "Weekly")]
    made = [change for task in result.tasks for change in task.changes]
    assert all(change.made_at for change in made)
    assert result.state is State.COMPLETED


async def test_only_one_process_works_on_an_offboarding(desk: Desk, world: World, wire: Wire) -> None:
    give_ada_everything(world)
    record = await accepted(desk, EVERYTHING)

    await asyncio.gather(*(drive(desk.house, record.id, owner=f"w{n}", look_again=SOON) for n in range(4)))

    result = await desk.house.offboardings.get(record.id)
    assert result.attempt == 1
    assert result.state is State.COMPLETED


async def test_a_lease_that_was_taken_over_stops_every_write(desk: Desk, world: World, wire: Wire) -> None:
    """A frozen process that wakes up must not go on."""
    give_ada_everything(world)
    record = await accepted(desk, EVERYTHING)
    kept = desk.house.offboardings

    def steal(_: Event) -> None:
        raise LeaseLost("taken", "lease_lost")

    with pytest.raises(LeaseLost):
        await go_on(desk, record, tell=steal)
    old = await desk.house.leases.claim(record.id, "old", ttl=0.0)
    assert old is not None
    new = await desk.house.leases.claim(record.id, "new", ttl=60.0)
    assert new is not None
    assert not await desk.house.leases.renew(old, 60.0)
    with pytest.raises(LeaseLost):
        await kept.save(await kept.get(record.id), old)
    assert await desk.house.leases.claim(record.id, "third", ttl=60.0) is None


async def test_a_process_that_is_asked_to_stop_leaves_the_rest(desk: Desk, world: World) -> None:
    give_ada_everything(world)
    record = await accepted(desk, EVERYTHING)
    stop = Stop()

    result = await go_on(desk, record, stop=stop, tell=lambda _: stop.for_another())

    assert result.ended_at is None
    assert Outcome.CANCELLED not in {task.outcome for task in result.tasks}
    assert [item.id for item in await desk.house.leases.due()] == [record.id]
    assert (await go_on(desk, record)).state is State.COMPLETED


async def test_cancel_before_the_start_changes_nothing(desk: Desk, world: World, wire: Wire) -> None:
    record = await accepted(desk, {"disable_sign_in": True}, at=datetime.now(UTC) + timedelta(days=3))
    await doors.cancel(desk.house.offboardings, record.id, WHO)

    result = await go_on(desk, record)

    assert result.state is State.CANCELLED
    assert wire.writes == []
    with pytest.raises(Unusable, match="ended already"):
        await doors.cancel(desk.house.offboardings, record.id, WHO)


async def test_cancel_during_the_run_says_what_was_and_was_not_done(
    desk: Desk, world: World, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    behaviour.conversion_delay = 5.0
    monkeypatch.setattr("leaver.offboarding.drive.BEAT", 0.01)
    give_ada_everything(world)
    record = await accepted(desk, {"disable_sign_in": True, "convert_to_shared": True, "remove_licenses": True})

    asked: list[asyncio.Task[Offboarding]] = []

    def cancel_at_the_first_event(_: Event) -> None:
        if not asked:
            order = doors.cancel(desk.house.offboardings, record.id, WHO)
            asked.append(asyncio.create_task(order))

    result = await go_on(desk, record, tell=cancel_at_the_first_event)
    await asked[0]

    done, left = doors.done_and_not_done(result)
    assert result.ended_at is not None
    assert len(done) + len(left) == 3


async def test_retry_does_only_what_is_not_verified(desk: Desk, world: World, wire: Wire, behaviour: Behaviour) -> None:
    give_ada_everything(world)
    behaviour.faults.append(Fault(match="Set-MailboxAutoReplyConfiguration", status=403, times=99))
    (first,) = await desk.offboard(ADA, settings=EVERYTHING)
    assert first.state is State.FAILED
    behaviour.faults.clear()
    written = len(wire.writes)

    await doors.retry(desk.house, first.id, WHO)
    result = await go_on(desk, first)

    assert result.state is State.COMPLETED
    assert {call["cmdlet"] for call in wire.writes[written:]} == {"Set-MailboxAutoReplyConfiguration"}
    with pytest.raises(Unusable, match="done already"):
        await doors.retry(desk.house, first.id, WHO)


async def test_a_scheduled_one_waits_for_its_time(desk: Desk, world: World, wire: Wire) -> None:
    """H14: neither at once nor never."""
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=5)
    record = await accepted(desk, {"disable_sign_in": True}, at=at)

    assert record.state is State.SCHEDULED
    assert await drive(desk.house, record.id, owner="w1") == at
    assert await desk.house.leases.due() == []
    assert wire.writes == []
    soon = datetime.now(UTC) + timedelta(milliseconds=200)
    await doors.reschedule(desk.house.offboardings, record.id, soon, "UTC", WHO)
    await asyncio.sleep(0.25)
    assert [item.id for item in await desk.house.leases.due()] == [record.id]
    assert (await go_on(desk, record)).state is State.COMPLETED


def replaced(world: World) -> None:
    """Somebody else has the name of who is gone."""
    gone = world.users.pop("ada")
    gone.deleted_at = datetime.now(UTC)
    world.deleted_users[gone.alias] = gone
    world.add_user("ada", "Ada Another", id="99999999-aaaa-4bbb-8ccc-dddddddddddd", upn=gone.upn)
    world.add_group("sales of another", "ada")


@pytest.mark.parametrize(
    ("meanwhile", "says"),
    [
        (lambda world: world.add_group("falcon", "ada"), "falcon"),
        (lambda world: world.users.pop("ada"), "not there any more"),
        (replaced, "was deleted on"),
    ],
)
async def test_a_scheduled_one_stops_before_the_first_change_when_the_tenant_has_changed(
    desk: Desk, world: World, wire: Wire, meanwhile: Callable[[World], object], says: str
) -> None:
    """H10: somebody who is gone or changed meanwhile stops the run."""
    record = await accepted(desk, {"remove_groups": True}, at=datetime.now(UTC))
    meanwhile(world)

    result = await go_on(desk, record)

    assert result.state is State.BLOCKED
    assert any(says in note.text.lower() for note in result.notes)
    assert wire.writes == []


async def test_a_change_of_the_plan_can_be_accepted(desk: Desk, world: World) -> None:
    record = await accepted(desk, {"remove_groups": True}, at=datetime.now(UTC))
    world.add_group("falcon", "ada")
    await go_on(desk, record)

    await doors.retry(desk.house, record.id, WHO, {"plan_changed": "accept"})
    result = await go_on(desk, record)

    assert result.state is State.COMPLETED
    assert world.members["falcon"] == set()


async def test_who_was_renamed_is_still_the_same_person(desk: Desk, world: World) -> None:
    """H10: people are known by their id."""
    record = await accepted(desk, {"disable_sign_in": True}, at=datetime.now(UTC))
    world.users["ada"].upn = "ada.new@contoso.example"

    result = await go_on(desk, record)

    assert result.state is State.COMPLETED
    assert result.user.upn == "ada.new@contoso.example"
    assert any(note.code == "user_renamed" for note in result.notes)


async def test_every_step_is_in_the_audit_trail(desk: Desk, world: World) -> None:
    await desk.offboard(ADA, settings={"disable_sign_in": True})

    entries = [entry async for entry in desk.house.audit.entries()]

    assert [entry["what"] for entry in entries] == ["offboarding.accepted", "offboarding.ended"]
    assert await desk.house.audit.verify() == []


async def test_a_lost_answer_takes_no_change_off_the_record(
    desk: Desk, world: World, wire: Wire, behaviour: Behaviour
) -> None:
    """It was carried out, nobody heard so, and it is not asked for again."""
    give_ada_everything(world)
    planned = await desk.preview(ADA, settings={"cancel_meetings": True})
    (record,) = await accept_plan(desk.house.offboardings, planned)
    behaviour.faults.append(Fault(match="Remove-CalendarEvents", skip=1, after_effect=True, drop=True))

    result = await go_on(desk, record)

    (task,) = result.tasks
    (change,) = task.changes
    sent = [call for call in wire.writes if call["cmdlet"] == "Remove-CalendarEvents"]
    assert behaviour.faults[0].happened == 1
    assert (task.outcome, len(sent)) == (Outcome.VERIFIED, 1)
    assert change.made_at
    assert change.verified_at
    assert any(note.code == "answer_lost" for note in task.notes)


async def test_what_somebody_changed_meanwhile_is_not_written_over(desk: Desk, world: World) -> None:
    """A worker takes it up while somebody moves it."""
    record = await accepted(desk, {"disable_sign_in": True}, at=datetime.now(UTC) + timedelta(hours=1))
    kept = desk.house.offboardings
    looked_at = await kept.get(record.id)
    await desk.house.leases.claim(record.id, "w1", 60.0)

    looked_at.at = datetime.now(UTC) + timedelta(hours=2)
    with pytest.raises(Unusable, match="changed or taken up"):
        await kept.save(looked_at)


async def test_what_somebody_works_on_cannot_be_moved_behind_their_back(desk: Desk, world: World) -> None:
    """It is being planned, and whoever works on it would start it all the same."""
    record = await accepted(desk, {"disable_sign_in": True}, at=datetime.now(UTC) + timedelta(hours=1))
    kept, later = desk.house.offboardings, datetime.now(UTC) + timedelta(days=90)
    lease = await desk.house.leases.claim(record.id, "w1", 60.0)
    assert lease is not None

    with pytest.raises(Unusable, match="changed or taken up"):
        await reschedule(kept, record.id, later, "", WHO)
    await desk.house.leases.release(lease)
    moved = await reschedule(kept, record.id, later, "", WHO)

    assert moved.at == later


async def test_an_end_is_in_the_trail_once_although_it_was_kept_twice(desk: Desk, world: World) -> None:
    """The database had kept it, and its answer was lost."""
    record = await accepted(desk, {"disable_sign_in": True})
    kept = desk.house.offboardings
    lease = await desk.house.leases.claim(record.id, "w1", 60.0)
    held = await kept.get(record.id)
    held.ended_at = datetime.now(UTC)

    for _ in range(2):
        await kept.save(held, lease, Said(WHO, "offboarding.ended", once=True))

    trail = [entry["what"] async for entry in desk.house.audit.entries(Wanted(offboarding_id=record.id))]
    assert trail == ["offboarding.accepted", "offboarding.ended"]


@pytest.mark.parametrize("another", [True, False], ids=["left to another process", "cancelled"])
async def test_what_was_made_is_proved_when_a_run_is_stopped_before_microsoft_shows_it(
    desk: Desk, world: World, wire: Wire, behaviour: Behaviour, another: bool
) -> None:
    """A polite stop of a worker, and a cancellation, end no change as one that Microsoft does not show."""
    behaviour.read_after_write = 0.6
    record = await accepted(desk, {"disable_sign_in": True, "hide_from_gal": True})
    stop = Stop()

    def stop_at_the_first_change(event: Event) -> None:
        if event.task is not None and event.text.endswith("done, checking"):
            if not another:
                stop.set()
            else:
                stop.for_another()

    result = await go_on(desk, record, stop=stop, tell=stop_at_the_first_change)

    if another:
        assert result.ended_at is None
        assert result.task("disable_sign_in").outcome is Outcome.PLANNED
        result = await go_on(desk, record)
        while result.ended_at is None:
            result = await go_on(desk, record)
    assert result.state in ((State.COMPLETED,) if another else (State.COMPLETED, State.CANCELLED))
    assert result.task("disable_sign_in").outcome is Outcome.VERIFIED
    assert not world.users["ada"].enabled
