"""Facts that Microsoft leaves open: the simulator can do either, and a whole offboarding ends well with both."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from conftest import CLIENT_ID
from leaver.domain.errors import SignInRefused
from leaver.domain.people import TenantName
from leaver.offboarding.readiness import Answer, check
from leaver.wiring import House
from m365_simulator.faults import Behaviour, Fault
from m365_simulator.world import EXCHANGE_P2, Grant, World
from support import EVERYTHING, Desk, Wire, give_ada_everything, is_write, outcomes

ADA = "ada@contoso.example"
EITHER: dict[str, tuple[Any, ...]] = {
    "already_shared_warning": (False,),
    "calendar_preview": ("object", "nothing"),
    "calendar_user": ("object",),
    "clock_skew": (400.0, -400.0),
    "conversion_delay": (0.05,),
    "dynamic_group_status": (400,),
    "empty_statistics": ("warning",),
    "exchange_anchor": ("required",),
    "exchange_busy_status": (503, 400),
    "exchange_concurrency": (2,),
    "exchange_no_role": ("json",),
    "group_license_delay": (0.05,),
    "missing_entry": ("error",),
    "no_drive_error": ("bad_request",),
    "not_a_member_status": (400,),
    "number_operation_delay": (0.3,),
    "privileged_methods": ("refuse",),
    "read_after_write": (0.05,),
    "remove_license_atomic": (False,),
    "restore_mailbox_delay": (0.05,),
    "retry_after_date": (True,),
    "sharepoint_merge_status": (200,),
    "sharepoint_update_delay": (0.05,),
    "synced_disable": ("accept",),
    "synced_send_on_behalf": ("refuse",),
    "token_lifetime": (301,),
    "trustee_by_upn": (False,),
}
TOLD_APART = {
    "conversion_needs_license",
    "customers_status",
    "faults",
    "latency",
    "not_consented_code",
    "number_operation_fails",
    "revoke_moves_time",
    "sharepoint_locked_status",
    "sharepoint_needs_license",
    "sharepoint_tenant_access",
    "throttling",
    "throttling_scale",
}
"""Switches whose other side changes how the offboarding ends; each has tests of its own, here or with its task."""


def test_every_switch_of_the_simulator_is_tried_on_both_sides() -> None:
    assert EITHER.keys() | TOLD_APART == {each.name for each in fields(Behaviour)}


@pytest.mark.parametrize(("switch", "value"), [(name, value) for name, values in EITHER.items() for value in values])
async def test_an_offboarding_ends_well_whichever_it_is(
    desk: Desk, world: World, wire: Wire, behaviour: Behaviour, switch: str, value: Any
) -> None:
    give_ada_everything(world)
    world.add_group("dynamic", "ada", dynamic_rule='(user.department -eq "Sales")')
    if switch == "exchange_concurrency":
        behaviour.latency["exchange"] = 5
    setattr(behaviour, switch, value)

    (first,) = await desk.offboard(ADA, settings=EVERYTHING)
    said = {task.task: (task.outcome.value, task.error and task.error.message) for task in first.tasks}
    assert {name: told for name, told in said.items() if told[0] != "verified"} == {
        "remove_groups": ("follow_up", None)
    }

    written = len(wire.writes)
    (again,) = await desk.offboard(ADA, settings=EVERYTHING)
    assert set(outcomes(again).values()) <= {"already_in_place", "not_applicable", "follow_up", "verified"}
    repeated = [call["cmdlet"] or call["path"] for call in wire.writes[written:]]
    assert [what for what in repeated if what != "Remove-CalendarEvents"] == []


@pytest.mark.parametrize("status", [403, 423])
async def test_a_locked_onedrive_is_an_error_in_words(
    desk: Desk, world: World, behaviour: Behaviour, status: int
) -> None:
    behaviour.sharepoint_locked_status = status
    drive = world.users["ada"].drive
    assert drive is not None
    drive.locked = "NoAccess"

    planned = await desk.preview(ADA, settings={"grant_onedrive_access": ["manager"]})

    (task,) = planned.offboardings[0].tasks
    assert task.error is not None
    assert "lock" in f"{task.error.message} {task.error.advice}".lower()


async def test_a_colleague_without_a_sharepoint_plan_is_known_where_sharepoint_asks_for_none(
    desk: Desk, world: World, behaviour: Behaviour
) -> None:
    behaviour.sharepoint_needs_license = False
    world.users["grace"].licenses = []

    (offboarding,) = await desk.offboard(ADA, settings={"grant_onedrive_access": ["manager"]})

    assert outcomes(offboarding) == {"grant_onedrive_access": "verified"}


@pytest.mark.parametrize("code", [7000229, 700016])
async def test_a_tenant_that_was_never_consented_says_what_to_do(
    desk: Desk, world: World, behaviour: Behaviour, code: int
) -> None:
    behaviour.not_consented_code = code
    world.grants.clear()

    with pytest.raises(SignInRefused) as refused:
        await desk.preview(ADA, settings={"disable_sign_in": True})

    assert refused.value.code == f"AADSTS{code}"
    assert "consent" in refused.value.advice


@pytest.mark.parametrize("form", ["bytes", "json"])
async def test_an_app_without_the_exchange_role_is_told_so_whatever_the_answer_looks_like(
    house: House, contoso: TenantName, world: World, behaviour: Behaviour, form: str
) -> None:
    """H20 and H21: a 403 may be a run of NUL bytes."""
    behaviour.exchange_no_role = form
    world.grants[CLIENT_ID] = Grant(roles=frozenset())

    result = await check(house, contoso)

    probe = next(each for each in result.probes if each.service == "exchange")
    assert (probe.works, "Exchange Administrator" in (probe.error.advice if probe.error else "")) == (Answer.NO, True)


@pytest.mark.parametrize("needed", [True, False])
async def test_an_unlicensed_mailbox_is_not_converted_whether_or_not_exchange_would(
    desk: Desk, world: World, wire: Wire, behaviour: Behaviour, needed: bool
) -> None:
    """A2: the documented rule counts, not what a service lets pass."""
    behaviour.conversion_needs_license = needed
    world.users["ada"].licenses = []

    planned = await desk.preview(ADA, settings={"convert_to_shared": True})

    assert planned.blocked
    assert wire.writes == []


async def test_customers_come_from_the_contracts_where_the_relationships_are_refused(
    house: House, world: World, behaviour: Behaviour, cloud: Any
) -> None:
    other = cloud.add_world("fabrikam.example", "Fabrikam")
    cloud.partner_tenant = world.id
    listed = await house.doorway(world.id).organization.customers()

    behaviour.customers_status = 403

    assert await house.doorway(world.id).organization.customers() == listed
    assert other.id in {each.id for each in listed}


@pytest.mark.parametrize("scale", [0.01, 0.02])
async def test_a_tenant_at_its_limits_is_waited_for_and_nothing_is_called_a_failure(
    desk: Desk, world: World, wire: Wire, behaviour: Behaviour, scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H22: throttling is waited out, call by call; the simulator's clock goes on instead of ours."""
    give_ada_everything(world)
    state = wire.app.state.simulator
    behaviour.throttling_scale = state.buckets.scale = scale

    async def wait(seconds: float) -> None:
        state.advance(seconds)

    monkeypatch.setattr(desk.house.http, "_sleep", wait)
    (offboarding,) = await desk.offboard(
        ADA, settings={name: value for name, value in EVERYTHING.items() if name != "reset_password"}
    )

    assert any(call["status"] == 429 for call in wire.calls)
    assert set(outcomes(offboarding).values()) == {"verified"}


async def test_a_lost_answer_to_any_write_is_made_good(desk: Desk, world: World, wire: Wire) -> None:
    """H3: every kind of write is lost once; what it did is read back, and nothing is done twice that must not be."""
    give_ada_everything(world)
    (rehearsed,) = await desk.offboard(ADA, settings={"disable_sign_in": True})
    assert outcomes(rehearsed) == {"disable_sign_in": "verified"}
    wire.app.state.simulator.behaviour.faults += [
        Fault(match, after_effect=True, drop=True)
        for match in (
            "DELETE /users/.*/authentication",
            "DELETE /groups/.*/members",
            "DELETE /groups/.*/owners",
            "POST /users/.*/revokeSignInSessions",
            "POST /users/.*/assignLicense",
            "^Set-Mailbox ",
            "^Remove-InboxRule",
            "^Remove-MailboxPermission",
            "^Add-MailboxPermission",
            "^Add-RecipientPermission",
            "^Remove-DistributionGroupMember",
            "^Remove-MobileDevice",
            "POST .*ProcessQuery",
        )
    ]

    (offboarding,) = await desk.offboard(ADA, settings=EVERYTHING)

    assert {
        name: end for name, end in outcomes(offboarding).items() if end not in ("verified", "already_in_place")
    } == {}
    cancelled = [call for call in wire.calls if call["cmdlet"] == "Remove-CalendarEvents" and is_write(call)]
    assert len(cancelled) == 1


async def test_an_answer_in_capital_ids_is_about_the_same_person(desk: Desk, world: World) -> None:
    """Ids have no case: a user asked for in capitals is the same one."""
    world.users["ada"].licenses = [type(world.users["ada"].licenses[0])(EXCHANGE_P2)]

    (offboarding,) = await desk.offboard(world.users["ada"].id.upper(), settings={"disable_sign_in": True})

    assert (outcomes(offboarding), world.users["ada"].enabled) == ({"disable_sign_in": "verified"}, False)
