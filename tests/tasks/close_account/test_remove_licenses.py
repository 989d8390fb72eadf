from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from leaver.domain.errors import NotYet
from leaver.domain.people import Leaver
from leaver.domain.plan import Awaiting
from leaver.m365.tenant import Tenant
from leaver.tasks.close_account.remove_licenses import RemoveLicenses
from leaver.tasks.task import Context
from m365_simulator.faults import Behaviour
from m365_simulator.world import E3, GB, POWER_BI, TEAMS_PHONE, LicenseState, World
from support import Wire
from tasks.contract import TaskContract
from tasks.planning import apply_all, codes, kinds, plan_of


class TestRemoveLicenses(TaskContract):
    task_type = RemoveLicenses

    def given(self, world: World) -> None:
        world.mailboxes["ada"].kind = "SharedMailbox"
        world.add_sku(POWER_BI)
        world.users["ada"].licenses[0].disabled_plans = ["57ff2da0-773e-42df-b2af-ffb7a2317929"]
        world.add_group("power-bi", "ada", "bob", license_skus=[POWER_BI])

    def untouched(self, world: World) -> Any:
        states = [(held.sku_id, held.by_group, held.disabled_plans) for held in world.users["ada"].licenses]
        return sorted(states, key=str), copy.deepcopy(world.members), copy.deepcopy(world.users["bob"])


def shared(world: World) -> None:
    world.mailboxes["ada"].kind = "SharedMailbox"


def deciding(**decisions: str) -> Context:
    return Context(decisions=decisions)


def choosing(*names: str) -> Context:
    return Context(chosen=frozenset({"remove_licenses", *names}))


def held(world: World, alias: str = "ada") -> set[str]:
    return {state.sku_id for state in world.users[alias].licenses}


async def test_no_license_goes_while_the_mailbox_is_being_converted(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour, wire: Wire
) -> None:
    """A1, A2."""
    task = RemoveLicenses(tenant, ada, context=choosing("convert_to_shared"))
    (change,) = await task.pending()

    with pytest.raises(NotYet):
        await task.apply(change)

    assert held(world) == {E3}
    assert wire.writes == []


async def test_the_license_goes_once_the_mailbox_reads_as_shared(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A1."""
    context = choosing("convert_to_shared")
    task = RemoveLicenses(tenant, ada, context=context)
    (change,) = await task.pending()
    shared(world)

    await task.apply(change)

    assert held(world) == set()


def test_a_conversion_that_failed_holds_the_licenses() -> None:
    """A2."""
    assert RemoveLicenses.needs == ("convert_to_shared",)


async def test_a_user_mailbox_is_not_lost_without_a_decision(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A2."""
    task = RemoveLicenses(tenant, ada)

    assert (await kinds(task))["mailbox_would_be_lost"] == "blocker"
    assert await task.pending() == []


async def test_a_mailbox_that_somebody_decided_to_lose_is_no_obstacle(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """A2."""
    context = deciding(mailbox_would_be_lost="lose_mailbox")

    await apply_all(lambda: RemoveLicenses(tenant.fresh(), ada, context=context))

    assert held(world) == set()


async def test_keeping_the_exchange_license_removes_the_others(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A2, A11, A12."""
    world.users["ada"].licenses.append(LicenseState(world.add_sku(POWER_BI).sku_id))
    context = deciding(mailbox_would_be_lost="keep_exchange_license")

    await apply_all(lambda: RemoveLicenses(tenant.fresh(), ada, context=context))

    assert held(world) == {E3}
    assert await RemoveLicenses(tenant.fresh(), ada, context=context).pending() == []


async def test_the_evidence_names_the_products(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A3."""
    shared(world)

    (change,) = await RemoveLicenses(tenant, ada).pending()

    assert change.what == "licenses Microsoft 365 E3"
    assert (change.before, change.after) == (["Microsoft 365 E3"], [])


async def test_an_inherited_license_goes_by_leaving_the_group(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A4, A5."""
    shared(world)
    world.users["ada"].licenses.clear()
    world.add_group("licensed", "ada", "bob", license_skus=[E3])

    await apply_all(lambda: RemoveLicenses(tenant.fresh(), ada))

    assert world.members["licensed"] == {"bob"}
    assert held(world) == set()


async def test_the_group_that_gives_the_mailbox_is_not_left_before_the_conversion(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """A5."""
    world.users["ada"].licenses.clear()
    world.add_group("licensed", "ada", license_skus=[E3])
    task = RemoveLicenses(tenant, ada, context=choosing("convert_to_shared"))
    (change,) = await task.pending()

    with pytest.raises(NotYet):
        await task.apply(change)

    assert world.members["licensed"] == {"ada"}


async def test_a_mail_enabled_licensing_group_is_left_through_exchange(
    world: World, tenant: Tenant, ada: Leaver, wire: Wire
) -> None:
    """A6."""
    shared(world)
    world.users["ada"].licenses.clear()
    world.add_group("licensed", "ada", "bob", kind="mail_security", license_skus=[POWER_BI])

    await apply_all(lambda: RemoveLicenses(tenant.fresh(), ada))

    assert world.members["licensed"] == {"bob"}
    assert [call["cmdlet"] for call in wire.writes] == ["Remove-DistributionGroupMember"]


async def test_a_dynamic_licensing_group_is_left_to_a_person_with_its_rule(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """A7."""
    shared(world)
    world.users["ada"].licenses.clear()
    world.add_group("sales", "ada", license_skus=[POWER_BI], dynamic_rule='user.department -eq "Sales"')
    task = RemoveLicenses(tenant, ada)

    assert await task.pending() == []
    assert 'user.department -eq "Sales"' in (await codes(task))["dynamic_licensing_group"]
    assert (await kinds(task))["dynamic_licensing_group"] == "follow_up"


async def test_a_synced_licensing_group_is_left_to_active_directory(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A7."""
    shared(world)
    world.users["ada"].licenses.clear()
    world.add_group("sales", "ada", license_skus=[POWER_BI], synced=True)
    task = RemoveLicenses(tenant, ada)

    assert await task.pending() == []
    assert "Sales in Active Directory" in (await codes(task))["synced_licensing_group"]


async def test_only_direct_licenses_are_sent_in_one_call(world: World, tenant: Tenant, ada: Leaver, wire: Wire) -> None:
    """A8, A9."""
    shared(world)
    world.users["ada"].licenses.append(LicenseState(world.add_sku(TEAMS_PHONE).sku_id))
    world.add_group("power-bi", "ada", license_skus=[POWER_BI])

    await apply_all(lambda: RemoveLicenses(tenant.fresh(), ada))

    assert [call["path"].rsplit("/", 1)[-1] for call in wire.writes].count("assignLicense") == 1
    assert held(world) == set()


async def test_products_that_depend_on_each_other_go_together(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A9."""
    shared(world)
    phone = world.add_sku(TEAMS_PHONE)
    phone.depends_on = {phone.plans[0][0]: ["57ff2da0-773e-42df-b2af-ffb7a2317929"]}
    world.users["ada"].licenses.append(LicenseState(TEAMS_PHONE))

    await apply_all(lambda: RemoveLicenses(tenant.fresh(), ada))

    assert held(world) == set()


async def test_a_direct_license_waits_for_the_inherited_one_that_depends_on_it(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """A9."""
    shared(world)
    phone = world.add_sku(TEAMS_PHONE)
    phone.depends_on = {phone.plans[0][0]: ["57ff2da0-773e-42df-b2af-ffb7a2317929"]}
    world.add_group("phones", "ada", license_skus=[TEAMS_PHONE])
    task = RemoveLicenses(tenant, ada)
    direct, leaving = await task.pending()

    with pytest.raises(NotYet):
        await task.apply(direct)
    await task.apply(leaving)
    await task.apply(direct)

    assert held(world) == set()


async def test_a_license_that_microsoft_is_still_taking_away_is_awaited(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour
) -> None:
    """A9."""
    shared(world)
    behaviour.group_license_delay = 60
    world.users["ada"].licenses.clear()
    world.add_group("power-bi", "ada", license_skus=[POWER_BI])

    await apply_all(lambda: RemoveLicenses(tenant.fresh(), ada))

    (item,) = await plan_of(RemoveLicenses(tenant.fresh(), ada))
    assert isinstance(item, Awaiting)
    assert "Fabric" in item.text


async def test_a_licensing_error_is_told_by_its_name(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A9."""
    shared(world)
    group = world.add_group("power-bi", license_skus=[POWER_BI])
    stuck = LicenseState(POWER_BI, by_group=group.id, state="Error", error="DependencyViolation")
    world.users["ada"].licenses = [stuck]
    task = RemoveLicenses(tenant, ada)

    assert "DependencyViolation" in (await codes(task))["license_error"]
    assert (await kinds(task))["license_error"] == "follow_up"


async def test_a_colleague_keeps_their_licenses(world: World, tenant: Tenant, ada: Leaver, wire: Wire) -> None:
    """A10."""
    shared(world)
    world.add_group("power-bi", "ada", "bob", license_skus=[POWER_BI])

    await apply_all(lambda: RemoveLicenses(tenant.fresh(), ada))

    assert held(world, "bob") == {E3, POWER_BI}
    assert all(ada.id in str(call) for call in wire.writes)


@pytest.mark.parametrize("choice", ["convert_anyway", "keep_exchange_license", "keep_user_mailbox"])
async def test_a_mailbox_above_50_gb_needs_a_decision(world: World, tenant: Tenant, ada: Leaver, choice: str) -> None:
    """A11."""
    shared(world)
    world.mailboxes["ada"].size = 60 * GB
    undecided = RemoveLicenses(tenant, ada)
    decided = RemoveLicenses(tenant, ada, context=deciding(mailbox_over_50_gb=choice))

    assert (await kinds(undecided))["mailbox_over_50_gb"] == "blocker"
    assert await undecided.pending() == []
    assert bool(await decided.pending()) is (choice == "convert_anyway")


async def test_all_licenses_stay_when_the_user_mailbox_stays(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A11."""
    world.mailboxes["ada"].size = 60 * GB
    world.add_group("power-bi", "ada", license_skus=[POWER_BI])
    chosen = frozenset({"convert_to_shared"})
    context = Context(decisions={"mailbox_over_50_gb": "keep_user_mailbox"}, chosen=chosen)
    task = RemoveLicenses(tenant, ada, context=context)

    assert await task.pending() == []
    assert "user_mailbox_kept" in await codes(task)


async def test_a_shared_mailbox_of_50_gb_needs_no_decision(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A11."""
    shared(world)
    world.mailboxes["ada"].size = 50 * GB

    assert await RemoveLicenses(tenant, ada).pending()


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("mailbox_has_archive", {"archive": True}),
        ("mailbox_on_hold", {"litigation_hold": True}),
        ("mailbox_on_hold", {"in_place_holds": ["UniH1"]}),
    ],
)
async def test_an_archive_or_a_hold_needs_a_decision(
    world: World, tenant: Tenant, ada: Leaver, code: str, what: dict[str, Any]
) -> None:
    """A12."""
    shared(world)
    for name, value in what.items():
        setattr(world.mailboxes["ada"], name, value)
    undecided = RemoveLicenses(tenant, ada)

    assert await undecided.pending() == []
    assert "Plan 2" in (await codes(undecided))[code]
    assert await RemoveLicenses(tenant, ada, context=deciding(**{code: "remove_anyway"})).pending()
    assert not await RemoveLicenses(tenant, ada, context=deciding(**{code: "keep_exchange_license"})).pending()


async def test_a_decision_stays_in_the_plan_as_a_warning(world: World, tenant: Tenant, ada: Leaver) -> None:
    context = deciding(mailbox_would_be_lost="lose_mailbox")
    task = RemoveLicenses(tenant, ada, context=context)

    assert (await kinds(task))["mailbox_would_be_lost"] == "warning"


async def test_the_license_of_a_mailbox_on_hold_is_left_to_the_deletion(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """G15."""
    world.mailboxes["ada"].litigation_hold = True
    task = RemoveLicenses(tenant, ada, context=choosing("delete_user"))

    assert await task.pending() == []
    assert "exchange_license_left_to_deletion" in await codes(task)


async def test_without_a_mailbox_nothing_is_asked(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A18."""
    del world.mailboxes["ada"]

    await apply_all(lambda: RemoveLicenses(tenant.fresh(), ada))

    assert held(world) == set()


def test_numbers_go_before_the_license_that_they_need() -> None:
    """F26."""
    assert "unassign_phone_numbers" in RemoveLicenses.after


async def test_a_number_that_would_be_left_behind_is_warned_of(world: World, tenant: Tenant, ada: Leaver) -> None:
    """F26."""
    shared(world)
    world.users["ada"].licenses.append(LicenseState(world.add_sku(TEAMS_PHONE).sku_id))

    assert "phone_number_may_stay" in await codes(RemoveLicenses(tenant, ada))


async def test_the_date_at_which_the_onedrive_is_archived_is_told(world: World, tenant: Tenant, ada: Leaver) -> None:
    """G7."""
    shared(world)
    context = Context(asked_at=datetime(2026, 1, 1, tzinfo=UTC))

    assert "2026-04-04" in (await codes(RemoveLicenses(tenant, ada, context=context)))["onedrive_unlicensed"]


async def test_freed_seats_are_said_to_be_billed(world: World, tenant: Tenant, ada: Leaver) -> None:
    """I4."""
    shared(world)

    assert "Microsoft 365 E3" in (await codes(RemoveLicenses(tenant, ada)))["seats_still_billed"]
