from __future__ import annotations

import pytest

from leaver.domain.errors import Refused
from leaver.domain.people import Leaver
from leaver.domain.plan import NotApplicable
from leaver.m365.tenant import Tenant
from leaver.tasks.catalogue import task_named
from leaver.tasks.clear_out.unassign_phone_numbers import UnassignPhoneNumbers
from m365_simulator.faults import Behaviour
from m365_simulator.world import TEAMS_PHONE, LicenseState, World
from tasks.contract import TaskContract
from tasks.plans import Asked

NUMBER = "+12065550100"


class TestUnassignPhoneNumbers(TaskContract):
    task_type = UnassignPhoneNumbers

    def given(self, world: World) -> None:
        world.users["ada"].licenses.append(LicenseState(world.add_sku(TEAMS_PHONE).sku_id))
        world.add_number(NUMBER, "ada", location_id="11111111-2222-3333-4444-555555555555")
        world.add_number("+12065550101", "ada", kind="directRouting", category="private")


async def test_it_is_done_when_teams_has_done_it(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour
) -> None:
    """F26."""
    behaviour.number_operation_delay = 0.1
    world.add_number(NUMBER, "ada")
    world.add_number("+12065550101", "bob")

    await Asked(tenant, ada, UnassignPhoneNumbers).run()

    assert [number.assigned_to for number in world.numbers] == [None, "bob"]


async def test_what_teams_says_of_a_failure_is_kept(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour
) -> None:
    """F26."""
    behaviour.number_operation_fails = "The number is being ported."
    world.add_number(NUMBER, "ada")

    with pytest.raises(Refused, match="being ported"):
        await Asked(tenant, ada, UnassignPhoneNumbers).run()


async def test_a_number_of_active_directory_is_released_there(world: World, tenant: Tenant, ada: Leaver) -> None:
    world.add_number(NUMBER, "ada", source="onPremises")
    asked = Asked(tenant, ada, UnassignPhoneNumbers)

    assert await asked.changes() == []
    assert await asked.notes() == {"on_premises_number": "follow_up"}


async def test_it_does_not_apply_in_a_tenant_without_teams(world: World, tenant: Tenant, ada: Leaver) -> None:
    """F26."""
    world.teams = False

    (item,) = await Asked(tenant, ada, UnassignPhoneNumbers).plan()

    assert isinstance(item, NotApplicable)


async def test_a_number_that_nobody_can_see_is_left_to_a_person(world: World, tenant: Tenant, ada: Leaver) -> None:
    """F26: only the global cloud lets applications manage numbers; the license tells that there may be one."""
    world.teams = False
    world.users["ada"].licenses.append(LicenseState(world.add_sku(TEAMS_PHONE).sku_id))

    assert await Asked(tenant, ada, UnassignPhoneNumbers).notes() == {"no_number_management": "follow_up"}


async def test_a_number_is_not_called_unassigned_when_teams_stops_answering(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """F26."""
    world.add_number(NUMBER, "ada")
    task = await Asked(tenant, ada, UnassignPhoneNumbers).task()
    (change,) = await task.pending()
    world.teams = False

    with pytest.raises(Refused, match="nothing was unassigned"):
        await task.apply(change)


async def test_the_license_stays_until_the_number_is_free() -> None:
    """F26."""
    assert "unassign_phone_numbers" in task_named("remove_licenses").after
