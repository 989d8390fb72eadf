from __future__ import annotations

import pytest

from leaver.domain.people import Leaver
from leaver.m365.tenant import Tenant
from leaver.tasks.clear_out.remove_calendar_permissions import RemoveCalendarPermissions
from m365_simulator.faults import Behaviour
from m365_simulator.world import World
from tasks.contract import TaskContract
from tasks.plans import Asked


def holders(world: World, mailbox: str = "bob") -> list[str]:
    """Who has rights on a calendar."""
    return [entry.user for entry in world.mailboxes[mailbox].calendar_permissions]


class TestRemoveCalendarPermissions(TaskContract):
    task_type = RemoveCalendarPermissions

    def given(self, world: World) -> None:
        world.give_calendar("bob", "ada", "Editor")
        world.mailboxes["grace"].calendar_name = "Kalender"
        world.give_calendar("grace", "ada", "Reviewer")


async def test_colleagues_and_everybody_keep_their_rights(world: World, tenant: Tenant, ada: Leaver) -> None:
    world.give_calendar("bob", "ada")
    world.give_calendar("bob", "grace")

    await Asked(tenant, ada, RemoveCalendarPermissions).run()

    assert holders(world) == ["Default", "grace"]


async def test_a_calendar_in_another_language_is_found(world: World, tenant: Tenant, ada: Leaver) -> None:
    world.mailboxes["bob"].calendar_name = "Kalender"
    world.give_calendar("bob", "ada")

    await Asked(tenant, ada, RemoveCalendarPermissions).run()

    assert holders(world) == ["Default"]


async def test_a_name_that_two_people_have_is_left_to_a_person(world: World, tenant: Tenant, ada: Leaver) -> None:
    """E9."""
    world.add_user("ada2", "Ada Example")
    world.give_calendar("bob", "ada2")
    asked = Asked(tenant, ada, RemoveCalendarPermissions)

    assert await asked.changes() == []
    assert (await asked.notes())["ambiguous_calendar_right"] == "follow_up"


async def test_a_namesake_is_told_apart_where_exchange_shows_the_address(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour
) -> None:
    """E9."""
    behaviour.calendar_user = "object"
    world.add_user("ada2", "Ada Example")
    world.give_calendar("bob", "ada2")
    world.give_calendar("bob", "ada")

    await Asked(tenant, ada, RemoveCalendarPermissions).run()

    assert holders(world) == ["Default", "ada2"]


async def test_the_delegates_of_others_are_never_reset(world: World, tenant: Tenant, ada: Leaver) -> None:
    """E12."""
    world.give_calendar("bob", "grace", "Editor", "Delegate")
    world.give_calendar("bob", "ada", "Editor", "Delegate")

    await Asked(tenant, ada, RemoveCalendarPermissions).run()

    assert world.mailboxes["bob"].calendar_permissions[-1].rights == ["Editor", "Delegate"]


async def test_the_plan_says_that_rooms_are_not_looked_at(world: World, tenant: Tenant, ada: Leaver) -> None:
    """E13."""
    assert await Asked(tenant, ada, RemoveCalendarPermissions).notes() == {"room_delegates_not_covered": "info"}


@pytest.mark.parametrize("user", ["name", "object"])
async def test_a_right_that_is_gone_already_is_no_failure(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour, user: str
) -> None:
    """E10."""
    behaviour.calendar_user = user
    world.give_calendar("bob", "ada")
    task = await Asked(tenant, ada, RemoveCalendarPermissions).task()
    (change,) = await task.pending()
    world.mailboxes["bob"].calendar_permissions.pop()

    await task.apply(change)

    assert holders(world) == ["Default"]
