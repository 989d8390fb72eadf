"""What goes wrong elsewhere, where it takes the whole desk to show that it does not here (docs/field-failures.md)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from conftest import CLIENT_ID
from leaver.cli.when import moment_of
from leaver.domain.errors import SignInRefused, Unusable
from leaver.domain.offboarding import Offboarding, TaskRecord
from leaver.domain.people import TenantName
from leaver.offboarding import report
from leaver.offboarding.readiness import Answer, check
from leaver.wiring import House
from m365_simulator.faults import Behaviour, Fault
from m365_simulator.world import GLOBAL_ADMIN, Grant, World
from support import EVERYTHING, Desk, Wire, give_ada_everything, is_write, outcomes

ADA = "ada@contoso.example"


def task(offboarding: Offboarding, name: str) -> TaskRecord:
    return next(each for each in offboarding.tasks if each.task == name)


async def test_memberships_are_on_record_from_before_the_account_was_disabled(desk: Desk, world: World) -> None:
    """B13 and H25: Teams drops disabled accounts from its rosters, so the inventory is older than the block."""
    world.add_group("sales", "ada", "bob")
    (offboarding,) = await desk.offboard(ADA, settings={"disable_sign_in": True, "remove_groups": True})

    facts = task(offboarding, "remove_groups").facts_before

    assert isinstance(facts, dict)
    assert [group["display_name"] for group in facts["groups"]] == ["Sales"]


async def test_who_owns_a_group_is_decided_from_what_was_read_not_from_what_an_error_says(
    desk: Desk, world: World, behaviour: Behaviour
) -> None:
    """D8 and D6: a misleading message makes nobody the last owner; what it refused is tried again."""
    world.add_group("team", "bob", owners=["ada", "bob"], kind="microsoft365")
    text = "The group must have at least one owner, hence this owner cannot be removed."
    refusal = {"error": {"code": "Request_BadRequest", "message": text}}
    behaviour.faults.append(Fault("DELETE /groups/.*/owners/", status=400, body=refusal))

    (offboarding,) = await desk.offboard(ADA, settings={"remove_groups": True})

    groups = task(offboarding, "remove_groups")
    assert (groups.outcome.value, groups.notes) == ("verified", [])
    assert world.groups["team"].owners == {"bob"}


async def test_every_task_that_was_chosen_tells_how_it_ended(desk: Desk, world: World) -> None:
    """D14: no task ends without a word, also where there is nothing at all to do."""
    world.add_user("mia", "Mia Guest", user_type="Guest", licenses=(), mailbox=False, drive=False, manager="grace")

    (offboarding,) = await desk.offboard("mia@contoso.example", settings=EVERYTHING)

    assert set(outcomes(offboarding)) == set(EVERYTHING)
    assert set(outcomes(offboarding).values()) <= {"verified", "already_in_place", "not_applicable", "follow_up"}
    silent = [each.task for each in offboarding.tasks if each.outcome.value == "not_applicable" and not each.notes]
    assert silent == []


async def test_full_access_alone_lets_nobody_answer_as_the_leaver(desk: Desk, world: World) -> None:
    """E6: Send As is a choice of its own."""
    await desk.offboard(ADA, settings={"grant_mailbox_access": ["bob@contoso.example"]})
    alone = list(world.mailboxes["ada"].send_as)

    await desk.offboard(ADA, settings={"grant_send_as": ["bob@contoso.example"]})

    assert (alone, world.mailboxes["ada"].send_as) == ([], ["bob"])


async def test_a_missing_role_of_exchange_is_named_before_the_first_run(
    house: House, contoso: TenantName, world: World
) -> None:
    """E14, H20 and H21: one real read for each service finds what a list of consents does not show."""
    world.grants[CLIENT_ID] = Grant(roles=frozenset())

    result = await check(house, contoso)

    exchange = next(probe for probe in result.probes if probe.service == "exchange")
    hide = next(each for each in result.tasks if each.task == "hide_from_gal")
    assert (exchange.works, hide.works) == (Answer.NO, Answer.NO)
    assert "Exchange Administrator" in {missing.name for missing in hide.missing}


async def test_the_words_of_the_service_and_its_request_id_are_kept(
    desk: Desk, world: World, behaviour: Behaviour
) -> None:
    """F2: a refusal with no reason is of no use to anybody."""
    words = "|Microsoft.Exchange.Data.PropertyValidationException|The property is in use by the planets."
    body = {"error": {"code": "BadRequest", "message": "Error executing cmdlet", "details": [{"message": words}]}}
    behaviour.faults.append(Fault("Set-Mailbox", status=400, body=body, times=None))

    (offboarding,) = await desk.offboard(ADA, settings={"hide_from_gal": True})

    error = task(offboarding, "hide_from_gal").error
    assert error is not None
    assert "The property is in use by the planets." in error.message
    assert error.request_id


async def test_what_a_sync_may_turn_back_is_to_be_looked_at_after_it(desk: Desk, world: World) -> None:
    """F4 and B5: some values are written here and drift later."""
    world.users["ada"].synced = True

    (offboarding,) = await desk.offboard(ADA, settings={"disable_sign_in": True, "convert_to_shared": True})

    said = {note.code: note.text for each in offboarding.tasks for note in each.notes if note.kind.value == "follow_up"}
    assert "next sync" in said["disable_in_active_directory"]
    assert "again in a few days" in said["set_type_on_premises"]


async def test_mail_is_forwarded_to_one_person_only(desk: Desk, wire: Wire) -> None:
    """F16: a mailbox has one forward; several are refused, not cut down to one."""
    with pytest.raises(Unusable):
        await desk.preview(ADA, settings={"forward_mail": {"to": ["bob@contoso.example", "grace@contoso.example"]}})

    assert wire.writes == []


async def test_a_list_of_users_does_not_stop_at_a_page(house: House, world: World) -> None:
    """H7: lists stop at 999 users elsewhere."""
    for number in range(2100):
        world.add_user(f"person-{number}", f"Person {number}", mailbox=False, drive=False)

    rows = [row.id async for row in house.doorway(world.id).users.all_users()]

    assert len(set(rows)) == len(rows) == 2103


async def test_the_person_is_named_by_id_in_every_write(desk: Desk, world: World, wire: Wire) -> None:
    """H8: the UPN need not be the address, and either may be somebody else's tomorrow."""
    give_ada_everything(world)
    ada = world.users["ada"]
    ada.upn, ada.mail = "x4711@contoso.example", "ada@contoso.example"
    ada.proxy_addresses = ["SMTP:ada@contoso.example"]

    settings = {name: value for name, value in EVERYTHING.items() if name != "grant_onedrive_access"}
    (offboarding,) = await desk.offboard(ada.id, settings=settings)

    assert set(outcomes(offboarding).values()) == {"verified"}
    named = [call for call in wire.calls if is_write(call) and ada.upn in f"{call['path']} {call['parameters']}"]
    assert {call["cmdlet"] for call in named} <= {
        "Remove-MailboxFolderPermission"
    }  # the contract wants addresses there


async def test_plan_and_evidence_name_the_person_the_address_and_the_tenant(desk: Desk, world: World) -> None:
    """H13: nobody has to guess who is meant."""
    (offboarding,) = await desk.offboard(ADA, settings={"disable_sign_in": True})

    page, shown = report.page(offboarding), report.evidence(offboarding)

    assert all(word in page for word in ("Ada Example", ADA, "Contoso", "contoso.example"))
    assert shown["offboardings"][0]["user"]["display_name"] == "Ada Example"
    assert shown["tenant"]["domain"] == "contoso.example"


@pytest.mark.parametrize(
    "written",
    ["tomorrow", "2026-13-01T10:00Z", "1767225600", "2030-01-01T10:00", "2020-01-01T10:00Z", "2030-03-31T02:30 CET"],
)
def test_a_time_without_a_zone_in_the_past_or_none_at_all_is_refused(written: str) -> None:
    """H15 and H14: nothing runs at a time that nobody meant."""
    with pytest.raises(Unusable):
        moment_of(written)


def test_a_time_is_kept_in_utc_with_the_zone_it_was_given_in() -> None:
    """H15."""
    in_a_year = (datetime.now(UTC) + timedelta(days=365)).replace(month=1, day=15)

    moment, zone = moment_of(f"{in_a_year:%Y-%m-%d}T17:00 Europe/Amsterdam")

    assert moment is not None
    assert (moment.hour, moment.tzinfo, zone) == (16, UTC, "Europe/Amsterdam")


async def test_the_evidence_of_many_changes_is_whole(desk: Desk, world: World) -> None:
    """H19: nothing is cut."""
    for number in range(150):
        world.add_group(f"group-{number:03}", "ada", "bob")

    (offboarding,) = await desk.offboard(ADA, settings={"remove_groups": True})
    kept = await desk.house.offboardings.get(offboarding.id)

    shown = report.evidence(kept)["offboardings"][0]["tasks"][0]["changes"]
    assert len({change["what"] for change in shown}) == 150
    assert "Group-149" in report.page(kept) or "Group 149" in report.page(kept)


async def test_a_tenant_that_refuses_the_sign_in_is_said_once_and_not_for_every_task(
    desk: Desk, world: World, wire: Wire
) -> None:
    """H21: one sentence in place of forty red lines."""
    world.grants.clear()

    with pytest.raises(SignInRefused, match="never consented"):
        await desk.preview(ADA, settings=EVERYTHING)

    assert wire.writes == []


async def test_roles_are_named_although_they_are_not_removed(desk: Desk, world: World) -> None:
    """I1: what no task looks at must at least be told."""
    world.add_role(GLOBAL_ADMIN, "Global Administrator", "ada", "bob")

    planned = await desk.preview(ADA, settings={"disable_sign_in": True})

    notes = {note.code: note.text for note in planned.offboardings[0].tasks[0].notes}
    assert "Global Administrator" in notes["privileged_user"]
