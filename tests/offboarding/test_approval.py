"""Nothing that needs a second person begins before one has agreed, whichever way it was accepted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leaver.domain.actor import Actor
from leaver.domain.errors import Denied, Unusable
from leaver.domain.offboarding import Offboarding
from leaver.offboarding import desk as doors
from leaver.offboarding.approval import ApprovalRule, note_of, save_rule
from leaver.offboarding.desk import Request
from leaver.offboarding.drive import drive
from leaver.store.audit import Wanted
from m365_simulator.world import World
from support import Desk, Wire

ADA = "ada@contoso.example"
TESS, PAT = Actor("Tess"), Actor("Pat")
SOON = (0.01, 0.02, 0.05)
ADMIN_ROLE = ("fe930be7-5e62-47db-91af-98c3a49a38b1", "User Administrator")


async def rule(desk: Desk, *, permanent: bool = False, privileged: bool = False) -> None:
    """Switch it on."""
    await save_rule(desk.house.papers, desk.house.audit, ApprovalRule(permanent, privileged), Actor("boss"))


async def go_on(desk: Desk, record: Offboarding) -> Offboarding:
    """Drive once, and read what is kept."""
    await drive(desk.house, record.id, owner="w1", look_again=SOON)
    return await desk.house.offboardings.get(record.id)


async def ask(desk: Desk, settings: dict[str, Any], actor: Actor = TESS, at: datetime | None = None) -> Offboarding:
    """As the API and the portal do."""
    request = Request(desk.tenant, [ADA], settings, at=at)
    (record,) = await doors.Desk(desk.house).submit(request, actor)
    return record


async def approve(desk: Desk, record: Offboarding, actor: Actor = PAT) -> Offboarding:
    """As somebody who may."""
    return await doors.Desk(desk.house).approve(record.id, actor, allowed=doors.anybody)


MEETING, DELETION, BLOCK = {"cancel_meetings": True}, {"delete_user": True}, {"disable_sign_in": True}


@pytest.mark.parametrize("privileged_user", [False, True])
@pytest.mark.parametrize("settings", [MEETING, DELETION, BLOCK])
@pytest.mark.parametrize("privileged", [False, True])
@pytest.mark.parametrize("permanent", [False, True])
async def test_what_waits_is_what_the_rule_says(
    desk: Desk, world: World, permanent: bool, privileged: bool, settings: dict[str, Any], privileged_user: bool
) -> None:
    world.add_meeting("ada", "Weekly", "bob@contoso.example")
    if privileged_user:
        world.add_role(*ADMIN_ROLE, "ada")
    await rule(desk, permanent=permanent, privileged=privileged)

    record = await ask(desk, settings)

    wanted = {"permanent"} if permanent and settings is not BLOCK else set()
    wanted |= {"privileged"} if privileged and privileged_user else set()
    assert set(record.approval.reasons if record.approval else ()) == wanted
    assert record.awaits_approval == bool(wanted)


async def test_nothing_is_changed_before_a_second_person_agrees(desk: Desk, world: World, wire: Wire) -> None:
    await rule(desk, permanent=True)
    record = await ask(desk, DELETION | BLOCK)
    waiting = await go_on(desk, record)
    due = await desk.house.leases.due()
    assert (waiting.started, due, wire.writes) == (False, [], [])
    assert waiting.state.value == "planned"

    await approve(desk, record)
    assert [item.id for item in await desk.house.leases.due()] == [record.id]
    done = await go_on(desk, record)

    assert done.state.value == "completed"
    assert done.approval is not None
    assert done.approval.decided_by == "Pat"
    whats = [entry["what"] async for entry in desk.house.audit.entries(Wanted(offboarding_id=record.id))]
    assert whats == ["offboarding.accepted", "offboarding.approved", "offboarding.ended"]


@pytest.mark.parametrize(
    "same",
    [Actor("Tess"), Actor("tess"), Actor("robot", "api", behind="Tess"), Actor("Tess", "api", behind="Pat")],
)
async def test_nobody_approves_what_they_asked_for(desk: Desk, world: World, same: Actor) -> None:
    await rule(desk, permanent=True)
    record = await ask(desk, DELETION)

    with pytest.raises(Denied) as refused:
        await approve(desk, record, same)

    assert refused.value.code == "second_person"
    assert (await desk.house.offboardings.get(record.id)).awaits_approval


async def test_a_token_is_the_person_who_made_it(desk: Desk, world: World) -> None:
    await rule(desk, permanent=True)
    record = await ask(desk, DELETION, Actor("robot", "api", behind="Pat"))

    with pytest.raises(Denied):
        await approve(desk, record, PAT)


async def test_a_refusal_ends_it_and_says_why(desk: Desk, world: World, wire: Wire) -> None:
    await rule(desk, permanent=True)
    record = await ask(desk, DELETION)
    at_the_desk = doors.Desk(desk.house)

    with pytest.raises(Unusable, match="why"):
        await at_the_desk.refuse(record.id, PAT, " ", allowed=doors.anybody)
    refused = await at_the_desk.refuse(record.id, PAT, "She stays.", allowed=doors.anybody)
    with pytest.raises(Unusable) as late:
        await approve(desk, record)

    assert refused.state.value == "cancelled"
    assert refused.approval is not None
    assert refused.approval.note == "She stays."
    assert late.value.code == "nothing_to_approve"
    assert wire.writes == []
    assert await desk.house.offboardings.awaiting() == 0


async def test_what_was_refused_and_is_retried_waits_again_and_the_retrier_cannot_approve(
    desk: Desk, world: World
) -> None:
    await rule(desk, permanent=True)
    record = await ask(desk, DELETION)
    await doors.Desk(desk.house).refuse(record.id, PAT, "Not yet.", allowed=doors.anybody)

    again = await doors.retry(desk.house, record.id, PAT)

    assert again.awaits_approval
    for somebody in (TESS, PAT):
        with pytest.raises(Denied):
            await approve(desk, again, somebody)
    assert not (await approve(desk, again, Actor("Kim"))).awaits_approval


async def test_who_became_privileged_meanwhile_waits_before_the_first_change(
    desk: Desk, world: World, wire: Wire
) -> None:
    await rule(desk, privileged=True)
    (record,) = await doors.Desk(desk.house).queue(Request(desk.tenant, [ADA], BLOCK), TESS)
    assert isinstance(record, Offboarding)
    assert not record.awaits_approval
    world.add_role(*ADMIN_ROLE, "ada")

    held = await go_on(desk, record)

    assert held.awaits_approval
    assert held.tasks  # with the plan of the day, for whoever decides
    assert wire.writes == []


async def test_what_was_confirmed_and_has_changed_asks_first_whoever_asked(
    desk: Desk, world: World, wire: Wire
) -> None:
    await rule(desk, privileged=True)
    record = await ask(desk, BLOCK, at=datetime.now(UTC) + timedelta(milliseconds=200))
    world.add_role(*ADMIN_ROLE, "ada")

    held = await go_on(desk, record)
    again = await doors.retry(desk.house, record.id, TESS, {"plan_changed": "accept"})

    assert held.state.value == "blocked"
    assert again.awaits_approval
    assert wire.writes == []


async def test_what_was_accepted_before_the_rule_waits_when_its_time_comes(
    desk: Desk, world: World, wire: Wire
) -> None:
    record = await ask(desk, DELETION)
    await rule(desk, permanent=True)

    held = await go_on(desk, record)
    assert held.awaits_approval
    assert wire.writes == []
    await approve(desk, record)

    assert (await go_on(desk, record)).state.value == "completed"


async def test_the_command_line_without_a_server_waits_too(desk: Desk, world: World, wire: Wire) -> None:
    await rule(desk, permanent=True)

    (record,) = await desk.offboard(ADA, settings=DELETION)

    assert record.awaits_approval
    assert wire.writes == []


async def test_an_undo_for_a_privileged_user_waits(desk: Desk, world: World) -> None:
    (done,) = await desk.offboard(ADA, settings=BLOCK)
    world.add_role(*ADMIN_ROLE, "ada")
    await rule(desk, permanent=True, privileged=True)

    undo = await doors.Desk(desk.house).undo(done.id, TESS)

    assert undo.awaits_approval
    assert (await go_on(desk, undo)).started is False
    await approve(desk, undo)
    assert (await go_on(desk, undo)).state.value == "completed"


async def test_what_waits_can_be_cancelled(desk: Desk, world: World) -> None:
    await rule(desk, permanent=True)
    record = await ask(desk, DELETION)

    await doors.Desk(desk.house).cancel(record.id, TESS)
    ended = await desk.house.offboardings.get(record.id)

    assert await desk.house.leases.due() == []
    assert ended.state.value == "cancelled"
    assert not ended.awaits_approval


async def test_two_who_decide_at_once_decide_once(desk: Desk, world: World) -> None:
    import asyncio

    await rule(desk, permanent=True)
    record = await ask(desk, DELETION)
    at_the_desk = doors.Desk(desk.house)

    answers = await asyncio.gather(
        at_the_desk.approve(record.id, PAT, allowed=doors.anybody),
        at_the_desk.refuse(record.id, Actor("Kim"), "No.", allowed=doors.anybody),
        return_exceptions=True,
    )

    assert sum(isinstance(answer, Unusable) for answer in answers) == 1


async def test_a_decision_that_the_approver_has_not_seen_needs_another_approval(desk: Desk, world: World) -> None:
    await rule(desk, permanent=True)
    record = await approve(desk, await ask(desk, DELETION))
    record.ended_at = datetime.now(UTC)
    await desk.house.offboardings.save(record)

    same = await doors.retry(desk.house, record.id, TESS)
    assert not same.awaits_approval
    same.ended_at = datetime.now(UTC)
    await desk.house.offboardings.save(same)
    other = await doors.retry(desk.house, record.id, TESS, {"plan_changed": "accept"})

    assert other.awaits_approval


async def test_a_rule_that_is_changed_is_in_the_audit_trail(desk: Desk) -> None:
    await rule(desk, permanent=True)
    await rule(desk, permanent=True)
    await rule(desk)

    found = [entry async for entry in desk.house.audit.entries() if entry["what"] == "approval_rule.changed"]

    assert [(entry["actor"], entry["after"]["permanent"]) for entry in found] == [("boss", True), ("boss", False)]


def test_a_note_is_a_sentence_and_no_document() -> None:
    assert note_of(f"  {'n' * 2000} ") == "n" * 2000

    with pytest.raises(Unusable, match="2,001 characters"):
        note_of("n" * 2001)
