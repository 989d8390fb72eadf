"""Undo: planned, carried out and read back like any other run."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from leaver.domain.actor import Actor
from leaver.domain.errors import LeaverError, Unusable
from leaver.domain.offboarding import Offboarding
from leaver.domain.outcome import State
from leaver.offboarding import desk as doors
from leaver.offboarding.drive import drive
from leaver.offboarding.run import Event
from leaver.offboarding.settle import Stop
from m365_simulator.faults import Behaviour
from m365_simulator.world import TEAMS_PHONE, LicenseState, World
from support import EVERYTHING, Desk, Wire, give_ada_everything, outcomes

ADA = "ada@contoso.example"
SOON = (0.01, 0.02, 0.05)
WHO = Actor("Tess Technician")


def give_phone_license(world: World) -> None:
    """Teams gives a number only to somebody who has the license for it."""
    world.users["ada"].licenses.append(LicenseState(TEAMS_PHONE))


async def undone(desk: Desk, offboarding_id: str, **more: object) -> Offboarding:
    """Accept an undo and work on it to its end."""
    record = await doors.Desk(desk.house).undo(offboarding_id, WHO, **more)  # type: ignore[arg-type]
    await drive(desk.house, record.id, owner="w1", look_again=SOON)
    return await desk.house.offboardings.get(record.id)


async def test_undo_puts_back_everything_that_can_come_back(desk: Desk, world: World) -> None:
    give_ada_everything(world)
    give_phone_license(world)
    groups = {name for name, members in world.members.items() if "ada" in members}
    (record,) = await desk.offboard(ADA, settings=EVERYTHING)

    result = await undone(desk, record.id)

    bad = [(t.task, t.outcome.value, t.error) for t in result.tasks if t.outcome.value != "verified"]
    assert not bad, "\n".join(map(str, bad))
    assert set(outcomes(result).values()) == {"verified"}
    assert world.users["ada"].enabled
    assert {name for name, members in world.members.items() if "ada" in members} == groups
    assert {rule.name for rule in world.mailboxes["ada"].rules} == {"Invoices", "Secret forward"}
    gone = " ".join(note.text for note in result.notes)
    assert "Cancel future meetings" in gone
    assert "Reset password" in gone or "password" in gone.lower()


async def test_a_deleted_user_is_restored_first(desk: Desk, world: World) -> None:
    world.add_group("sales", "ada", "bob")
    (record,) = await desk.offboard(ADA, settings={"disable_sign_in": True, "remove_groups": True, "delete_user": True})

    result = await undone(desk, record.id)

    assert set(outcomes(result).values()) <= {"verified", "already_in_place"}, [
        (t.task, t.outcome, t.error) for t in result.tasks
    ]
    assert world.users["ada"].enabled
    assert "ada" in world.members["sales"]


async def test_only_the_chosen_tasks_are_put_back(desk: Desk, world: World) -> None:
    world.add_group("sales", "ada", "bob")
    (record,) = await desk.offboard(ADA, settings={"disable_sign_in": True, "remove_groups": True})

    result = await undone(desk, record.id, tasks=["remove_groups"])

    assert outcomes(result) == {"remove_groups": "verified"}
    assert "ada" in world.members["sales"]
    assert not world.users["ada"].enabled


async def test_planning_an_undo_writes_nothing(desk: Desk, world: World, wire: Wire) -> None:
    (record,) = await desk.offboard(ADA, settings={"disable_sign_in": True})
    before = len(wire.writes)

    planned = await doors.Desk(desk.house).undo_plan(record.id, WHO)

    assert [change.change.what for change in planned.task("disable_sign_in").changes] == ["accountEnabled"]
    assert planned.task("disable_sign_in").changes[0].change.after is True
    assert len(wire.writes) == before


async def test_what_is_back_already_is_left_alone(desk: Desk, world: World, wire: Wire) -> None:
    (record,) = await desk.offboard(ADA, settings={"disable_sign_in": True})
    world.users["ada"].enabled = True
    before = len(wire.writes)

    result = await undone(desk, record.id)

    assert outcomes(result) == {"disable_sign_in": "already_in_place"}
    assert len(wire.writes) == before


async def test_what_somebody_changed_since_is_asked_about(desk: Desk, world: World) -> None:
    """The undo does not run over another person's work without a word."""
    (record,) = await desk.offboard(ADA, settings={"forward_mail": {"to": "manager", "keep_copy": True}})
    (again,) = await desk.offboard(ADA, settings={"forward_mail": {"to": "bob@contoso.example", "keep_copy": True}})
    assert again.state is State.COMPLETED

    with pytest.raises(Unusable, match="changed by somebody since") as caught:
        await undone(desk, record.id)
    kept = await undone(desk, record.id, decisions={"changed_since": "keep"})

    assert caught.value.code == "blocked"
    assert outcomes(kept) == {"forward_mail": "already_in_place"}


async def test_a_process_that_dies_during_an_undo_is_taken_over(desk: Desk, world: World) -> None:
    give_ada_everything(world)
    give_phone_license(world)
    (record,) = await desk.offboard(ADA, settings=EVERYTHING)
    undo = await doors.Desk(desk.house).undo(record.id, WHO)
    seen = 0

    def die(_: Event) -> None:
        nonlocal seen
        seen += 1
        if seen == 6:
            raise KilledError

    with pytest.raises((KilledError, BaseExceptionGroup)):
        await drive(desk.house, undo.id, owner="w1", look_again=SOON, tell=die)
    await drive(desk.house, undo.id, owner="w2", look_again=SOON)
    result = await desk.house.offboardings.get(undo.id)

    assert set(outcomes(result).values()) <= {"verified", "already_in_place"}
    assert len(world.mailboxes["ada"].rules) == 2


class KilledError(BaseException):
    """The process is gone."""


async def test_an_undo_counts_no_more_for_the_next_offboarding(desk: Desk, world: World) -> None:
    (record,) = await desk.offboard(ADA, settings={"disable_sign_in": True, "revoke_sessions": True})
    await undone(desk, record.id)

    (again,) = await desk.offboard(ADA, settings={"disable_sign_in": True, "revoke_sessions": True})

    assert outcomes(again)["disable_sign_in"] == "verified"


@pytest.mark.parametrize(
    ("settings", "tasks", "code"),
    [
        ({"revoke_sessions": True}, (), "nothing_to_undo"),
        ({"disable_sign_in": True}, ("remove_groups",), "unknown_task"),
    ],
)
async def test_what_cannot_be_undone_is_said(
    desk: Desk, world: World, settings: dict[str, object], tasks: tuple[str, ...], code: str
) -> None:
    (record,) = await desk.offboard(ADA, settings=settings)

    with pytest.raises(LeaverError) as caught:
        await undone(desk, record.id, tasks=tasks)

    assert caught.value.code == code


async def test_a_skipped_task_is_left_to_a_person(desk: Desk, world: World) -> None:
    (record,) = await desk.offboard(ADA, settings={"disable_sign_in": True})
    record.task("disable_sign_in").outcome = type(record.task("disable_sign_in").outcome)("failed")
    await desk.house.offboardings.save(record)

    result = await doors.Desk(desk.house).skip(record.id, "disable_sign_in", "Done in the admin center", WHO)

    assert result.state is State.FOLLOW_UP
    assert "Done in the admin center" in result.tasks[0].notes[-1].text


async def test_one_bad_user_does_not_hold_up_the_others(desk: Desk, world: World) -> None:
    request = doors.Request(desk.tenant, [ADA, "nobody@contoso.example"], {"disable_sign_in": True})

    good, bad = await doors.Desk(desk.house).queue(request, WHO)

    assert isinstance(good, Offboarding)
    assert isinstance(bad, LeaverError)
    assert [item.id for item in await desk.house.leases.due()] == [good.id]


async def test_the_same_request_with_the_same_key_is_accepted_once(desk: Desk, world: World) -> None:
    request = doors.Request(desk.tenant, [ADA], {"disable_sign_in": True}, idempotency_key="k1")
    other = doors.Request(desk.tenant, [ADA], {"revoke_sessions": True}, idempotency_key="k1")
    counter = doors.Desk(desk.house)

    (first,) = await counter.submit(request, WHO)
    (second,) = await counter.submit(request, WHO)

    assert first.id == second.id
    with pytest.raises(Unusable, match="key"):
        await counter.submit(other, WHO)


async def test_a_plan_that_is_not_the_confirmed_one_is_refused(desk: Desk, world: World) -> None:
    request = doors.Request(desk.tenant, [ADA], {"remove_groups": True})
    counter = doors.Desk(desk.house)
    seen = await counter.plan(request, WHO)
    world.add_group("sales", "ada", "bob")

    with pytest.raises(Unusable) as caught:
        await counter.submit(request, WHO, confirmed_digest=seen.digest)

    assert caught.value.code == "plan_changed"


async def test_somebody_who_was_deleted_by_others_cannot_be_put_back_and_is_named(desk: Desk, world: World) -> None:
    (record,) = await desk.offboard(ADA, settings={"disable_sign_in": True})
    world.users["ada"].deleted_at = datetime.now(UTC)
    world.deleted_users["ada"] = world.users.pop("ada")

    with pytest.raises(Unusable, match=r"was deleted on .*, and not by this offboarding") as refused:
        await doors.Desk(desk.house).undo_plan(record.id, WHO)

    assert refused.value.advice == "Restore the account, then undo."


async def test_what_was_undone_is_not_retried_but_offboarded_again(desk: Desk, world: World) -> None:
    (record,) = await desk.offboard(ADA, settings={"disable_sign_in": True})
    await undone(desk, record.id)

    with pytest.raises(Unusable, match="and was undone since") as refused:
        await doors.retry(desk.house, record.id, WHO)

    assert refused.value.advice == "Offboard the user again."


@pytest.mark.parametrize("another", [True, False], ids=["left to another process", "cancelled"])
async def test_an_undo_that_is_stopped_looks_calmly_for_what_it_put_back(
    desk: Desk, world: World, wire: Wire, behaviour: Behaviour, another: bool
) -> None:
    (record,) = await desk.offboard(ADA, settings={"disable_sign_in": True})
    undo = await doors.Desk(desk.house).undo(record.id, WHO)
    behaviour.read_after_write = 0.6
    stop = Stop()

    def stop_at_the_first_change(event: Event) -> None:
        if event.text.endswith("put back, checking"):
            stop.for_another() if another else stop.set()

    before = len(wire.calls)
    await drive(desk.house, undo.id, owner="w1", look_again=(0.2,), stop=stop, tell=stop_at_the_first_change)

    assert len(wire.calls) - before < 40
    result = await desk.house.offboardings.get(undo.id)
    if another:
        assert result.ended_at is None
        await drive(desk.house, undo.id, owner="w2", look_again=SOON)
        result = await desk.house.offboardings.get(undo.id)
    assert outcomes(result) == {"disable_sign_in": "verified"}
    assert world.users["ada"].enabled
