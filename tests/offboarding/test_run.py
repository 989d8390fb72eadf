"""Whole offboardings: accepted, planned, carried out, verified."""

from __future__ import annotations

import pytest

from leaver.domain.errors import Unusable
from leaver.domain.outcome import State
from leaver.offboarding.see_through import carry_out
from leaver.offboarding.settle import Stop
from m365_simulator.faults import Behaviour, Fault
from m365_simulator.world import POWER_BI, World
from support import EVERYTHING, Desk, Wire, give_ada_everything, outcomes

ADA = "ada@contoso.example"
DONE = {"verified", "already_in_place", "not_applicable", "follow_up"}


async def test_everything_is_done_and_read_back(desk: Desk, world: World) -> None:
    give_ada_everything(world)

    (result,) = await desk.offboard(ADA, settings=EVERYTHING)

    assert {task: outcome for task, outcome in outcomes(result).items() if outcome != "verified"} == {}
    assert result.state is State.COMPLETED
    assert world.users["ada"].enabled is False
    assert world.mailboxes["ada"].kind == "SharedMailbox"
    assert world.users["ada"].licenses == []
    assert not any("ada" in members for members in world.members.values())


async def test_every_change_has_its_time_and_request_id(desk: Desk, world: World) -> None:
    give_ada_everything(world)

    (result,) = await desk.offboard(ADA, settings=EVERYTHING)

    changes = [change for task in result.tasks for change in task.changes]
    assert all(change.made_at and change.verified_at and change.request_ids for change in changes)


async def test_run_again_it_finds_nothing_left_to_do(desk: Desk, world: World, wire: Wire) -> None:
    give_ada_everything(world)
    await desk.offboard(ADA, settings=EVERYTHING)
    written = len(wire.writes)

    (again,) = await desk.offboard(ADA, settings=EVERYTHING)

    assert set(outcomes(again).values()) <= {"already_in_place", "not_applicable"}
    assert len(wire.writes) == written


async def test_run_again_after_a_deletion_it_says_that_nothing_is_left(desk: Desk, wire: Wire) -> None:
    wish = {"disable_sign_in": True, "delete_user": True}
    await desk.offboard("bob@contoso.example", settings=wish)
    written = len(wire.writes)

    with pytest.raises(Unusable, match=r"was deleted .* Nothing is left to delete"):
        await desk.offboard("bob@contoso.example", settings=wish)

    assert len(wire.writes) == written


async def test_a_plan_writes_nothing(desk: Desk, world: World, wire: Wire) -> None:
    give_ada_everything(world)

    planned = await desk.preview(ADA, settings=EVERYTHING)

    assert wire.writes == []
    assert planned.offboardings[0].state is State.PLANNED
    assert set(outcomes(planned.offboardings[0]).values()) == {"planned"}


async def test_what_others_change_between_the_plan_and_the_run_is_noticed(desk: Desk, world: World) -> None:
    """The run begins from what the plan saw; what is not so any more is found by reading back."""
    give_ada_everything(world)
    planned = await desk.preview(ADA, settings=EVERYTHING)
    world.members["sales"].discard("ada")
    world.users["ada"].enabled = False
    world.add_rule("ada", "Just now", forward_to=["someone@example.net"])

    (result,) = await carry_out(desk.house, planned, on_event=lambda _: None, look_again=desk.look_again)

    assert set(outcomes(result).values()) <= {"verified", "already_in_place"}
    assert not any("ada" in members for members in world.members.values())
    assert "Just now" not in {rule.name for rule in world.mailboxes["ada"].rules}
    assert "Just now" in str(result.task("remove_rules").as_json())


async def test_colleagues_keep_everything(desk: Desk, world: World) -> None:
    """A10: nobody but the leaver loses anything."""
    give_ada_everything(world)

    await desk.offboard(ADA, settings=EVERYTHING)

    for name in ("bob", "grace"):
        assert world.users[name].enabled
        assert len(world.users[name].licenses) == 1
    assert world.members["sales"] == {"bob"}


async def test_one_failing_task_does_not_stop_the_others(desk: Desk, world: World, behaviour: Behaviour) -> None:
    give_ada_everything(world)
    behaviour.faults.append(Fault(match="Set-MailboxAutoReplyConfiguration", status=403, times=99))

    (result,) = await desk.offboard(ADA, settings=EVERYTHING)

    assert outcomes(result)["set_out_of_office"] == "failed"
    assert result.task("set_out_of_office").error is not None
    assert outcomes(result)["remove_groups"] == "verified"
    assert result.state is State.FAILED


async def test_licenses_stay_when_the_conversion_fails(desk: Desk, world: World, behaviour: Behaviour) -> None:
    """A1, A2: no license goes before the mailbox has been read back as shared."""
    behaviour.faults.append(Fault(match="^Set-Mailbox ", status=403, times=99))

    (result,) = await desk.offboard(ADA, settings={"convert_to_shared": True, "remove_licenses": True})

    assert outcomes(result) == {"convert_to_shared": "failed", "remove_licenses": "blocked"}
    assert world.users["ada"].licenses


async def test_licenses_wait_for_a_slow_conversion(desk: Desk, world: World, behaviour: Behaviour) -> None:
    """A1: the conversion is accepted at once and seen later; the license goes after that, in the same run."""
    behaviour.conversion_delay = 0.5

    (result,) = await desk.offboard(ADA, settings={"convert_to_shared": True, "remove_licenses": True})

    assert outcomes(result) == {"convert_to_shared": "verified", "remove_licenses": "verified"}
    assert world.mailboxes["ada"].kind == "SharedMailbox"


async def test_a_blocker_stops_before_the_first_change(desk: Desk, world: World, wire: Wire) -> None:
    world.mailboxes["ada"].size = 62 * 1024**3

    with pytest.raises(Unusable, match="blocker"):
        await desk.offboard(ADA, settings=EVERYTHING)

    assert wire.writes == []


async def test_a_decided_blocker_lets_the_run_go_on(desk: Desk, world: World) -> None:
    """A11: over 50 GB; the technician decides to keep the license."""
    world.mailboxes["ada"].size = 62 * 1024**3

    (result,) = await desk.offboard(ADA, settings=EVERYTHING, decisions={"mailbox_over_50_gb": "keep_exchange_license"})

    assert set(outcomes(result).values()) <= DONE
    assert world.users["ada"].licenses


async def test_reads_that_lag_behind_are_waited_for(desk: Desk, world: World, behaviour: Behaviour) -> None:
    give_ada_everything(world)
    behaviour.read_after_write = 0.3

    (result,) = await desk.offboard(ADA, settings=EVERYTHING)

    assert {task: outcome for task, outcome in outcomes(result).items() if outcome != "verified"} == {}


async def test_a_stop_finishes_what_runs_and_starts_nothing_more(desk: Desk, world: World) -> None:
    give_ada_everything(world)
    stop = Stop()
    stop.set()

    (result,) = await desk.offboard(ADA, settings=EVERYTHING, stop=stop)

    assert set(outcomes(result).values()) == {"cancelled"}
    assert result.state is State.CANCELLED
    assert world.users["ada"].enabled


async def test_two_at_once_on_one_user_are_refused(desk: Desk, world: World) -> None:
    """H16: one active run per user."""
    first = await desk.preview(ADA, settings={"hide_from_gal": True})
    await desk.house.offboardings.add(first.offboardings[0])
    with pytest.raises(Unusable, match="is under way"):
        await desk.offboard(ADA, settings={"hide_from_gal": True})


async def test_the_record_is_read_back_as_it_was_kept(desk: Desk, world: World) -> None:
    give_ada_everything(world)

    (result,) = await desk.offboard(ADA, settings=EVERYTHING)

    assert (await desk.house.offboardings.get(result.id)).to_store() == result.to_store()


async def test_several_users_at_once(desk: Desk, world: World) -> None:
    """H23: each has a result of their own."""
    settings = {"disable_sign_in": True, "remove_groups": True}
    world.add_group("sales", "ada", "bob", "grace")

    results = await desk.offboard(ADA, "bob@contoso.example", settings=settings)

    assert [result.user.upn for result in results] == [ADA, "bob@contoso.example"]
    assert world.members["sales"] == {"grace"}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "No task is chosen"),
        ({"disable_sign_in": False}, "No task is chosen"),
        ({"disable_signin": True}, "no task"),
        ({"disable_sign_in": "true"}, "true or false"),
        ({"delete_user": True, "convert_to_shared": True}, "cannot be combined"),
        ({"delete_user": True, "forward_mail": {"to": "manager"}}, "cannot be combined"),
        ({"forward_mail": {"to": "manager"}, "disable_forwarding": True}, "undo each other"),
        ({"forward_mail": True}, "needs more"),
        ({"forward_mail": {"to": ""}}, "forward_mail"),
        ({"forward_mail": {"to": "manager", "until": "May"}}, "until"),
        ({"forward_mail": {"to": "nobody@contoso.example"}}, "no colleague"),
        ({"forward_mail": {"to": ADA}}, "own successor"),
        ({"grant_send_as": []}, "empty"),
        ({"cancel_meetings": {"days": 0}}, "days"),
        (
            {
                "grant_mailbox_access": [
                    {"user": "bob@contoso.example", "automapping": True},
                    {"user": "bob@contoso.example", "automapping": False},
                ]
            },
            "both with and without",
        ),
    ],
)
async def test_bad_settings_are_refused_and_nothing_is_changed(
    desk: Desk, wire: Wire, settings: dict[str, object], reason: str
) -> None:
    """A15, E1, E4, E5, H1, H17, H18: a clear refusal, and no request that writes."""
    with pytest.raises(Unusable, match=reason):
        await desk.offboard(ADA, settings=settings)

    assert wire.writes == []


@pytest.mark.parametrize("user", ["nobody@contoso.example", "", "00000000-0000-0000-0000-000000000000"])
async def test_an_unknown_user_is_refused(desk: Desk, user: str) -> None:
    with pytest.raises(Unusable, match=r"no user|without a name"):
        await desk.offboard(user, settings={"disable_sign_in": True})


async def test_a_user_of_another_tenant_is_refused(desk: Desk, world: World, cloud: object) -> None:
    """H6: the wrong person is the worst failure."""
    other = cloud.add_world("fabrikam.example", "Fabrikam")  # type: ignore[attr-defined]
    other.add_user("eve", "Eve Other")

    with pytest.raises(Unusable, match="no user"):
        await desk.offboard(other.users["eve"].id, settings={"disable_sign_in": True})

    assert other.users["eve"].enabled


async def test_a_protected_account_is_refused(desk: Desk, world: World) -> None:
    known = await desk.house.tenants.find(world.domain)
    known.protected[world.users["ada"].id] = ADA
    await desk.house.tenants.save(known)

    with pytest.raises(Unusable, match="protected list"):
        await desk.offboard(ADA, settings={"disable_sign_in": True})


async def test_a_successor_who_leaves_in_the_same_request_is_refused(desk: Desk) -> None:
    """F19: nobody hands over to another leaver."""
    with pytest.raises(Unusable, match="offboarded in the same request"):
        await desk.offboard(ADA, "bob@contoso.example", settings={"forward_mail": {"to": "bob@contoso.example"}})


async def test_a_disabled_or_unlicensed_colleague_is_warned_of(desk: Desk, world: World) -> None:
    """A17, G5: the delegate must be able to use what they are given."""
    world.add_user("carol", "Carol Example", enabled=False, licenses=[])

    planned = await desk.preview(ADA, settings={"grant_send_as": ["carol@contoso.example"]})

    assert {note.code for note in planned.offboardings[0].notes} >= {"colleague_disabled", "colleague_unlicensed"}


async def test_a_deleted_user_is_told_apart_from_an_unknown_one(desk: Desk, world: World) -> None:
    """A16: the route back is printed; nothing is guessed."""
    await desk.offboard(ADA, settings={"delete_user": True})

    with pytest.raises(Unusable, match="was deleted"):
        await desk.offboard(ADA, settings={"convert_to_shared": True})


async def test_guests_and_odd_names_are_found(desk: Desk, world: World) -> None:
    """H9: `#EXT#`, an apostrophe and a plus sign."""
    world.add_user(
        "guest",
        upn="mia_fabrikam.example#EXT#@contoso.onmicrosoft.com",
        user_type="Guest",
        licenses=[],
        mailbox=False,
        drive=False,
    )
    world.add_user("odd", upn="o'neil+test@contoso.example")

    results = await desk.offboard(
        "mia_fabrikam.example#EXT#@contoso.onmicrosoft.com",
        "o'neil+test@contoso.example",
        settings={"disable_sign_in": True},
    )

    assert [result.state for result in results] == [State.COMPLETED, State.COMPLETED]
    assert not world.users["guest"].enabled
    assert not world.users["odd"].enabled


async def test_a_shared_mailbox_with_an_open_account_is_warned_of(desk: Desk) -> None:
    """A14: the old password would still open it."""
    planned = await desk.preview(ADA, settings={"convert_to_shared": True})

    assert "sign_in_stays_open" in {note.code for note in planned.offboardings[0].notes}


async def test_licenses_are_not_taken_from_a_mailbox_that_forwards(desk: Desk) -> None:
    """F17: the forward would stop with the license."""
    planned = await desk.preview(ADA, settings={"forward_mail": {"to": "manager"}, "remove_licenses": True})

    assert planned.blocked


async def test_the_state_follows_from_the_outcomes(desk: Desk, world: World, behaviour: Behaviour) -> None:
    """H4: nothing is called completed while a task failed."""
    behaviour.faults.append(Fault(match="revokeSignInSessions", status=403, times=None))

    (result,) = await desk.offboard(ADA, settings={"disable_sign_in": True, "revoke_sessions": True})

    assert result.state is State.FAILED
    assert outcomes(result) == {"disable_sign_in": "verified", "revoke_sessions": "failed"}


async def test_throttling_is_waited_for(desk: Desk, world: World, behaviour: Behaviour) -> None:
    """H22: too many requests is no failure."""
    behaviour.faults.append(Fault(match="PATCH /users", status=429, headers={"Retry-After": "1"}, times=2))

    (result,) = await desk.offboard(ADA, settings={"disable_sign_in": True})

    assert result.state is State.COMPLETED


async def test_a_lost_answer_is_read_back(desk: Desk, world: World, behaviour: Behaviour) -> None:
    """H3: the change was made and its answer lost; the run ends, and ends well."""
    behaviour.faults.append(Fault(match="revokeSignInSessions", after_effect=True, drop=True))

    (result,) = await desk.offboard(ADA, settings={"revoke_sessions": True})

    assert result.state is State.COMPLETED


async def test_the_new_password_is_nowhere(desk: Desk, world: World, wire: Wire) -> None:
    """B11: the records hold no password; what was sent is not kept."""
    give_ada_everything(world)

    (result,) = await desk.offboard(ADA, settings=EVERYTHING)

    kept = str(result.to_store())
    assert "passwordProfile" not in kept
    assert "not-a-real-secret" not in kept


async def test_a_mail_enabled_licensing_group_takes_its_license_along(desk: Desk, world: World) -> None:
    """A6: left through Exchange, waited for, read back."""
    world.add_group("mail-licensing", "ada", kind="mail_security", license_skus=[POWER_BI])

    (result,) = await desk.offboard(ADA, settings={"convert_to_shared": True, "remove_licenses": True})

    assert outcomes(result)["remove_licenses"] == "verified"
    assert world.users["ada"].licenses == []
