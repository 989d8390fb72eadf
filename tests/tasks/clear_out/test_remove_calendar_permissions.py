from __future__ import annotations

import pytest

from leaver.domain.people import Leaver
from leaver.m365.tenant import Tenant
from leaver.tasks.clear_out.remove_calendar_permissions import RemoveCalendarPermissions
from m365_simulator.faults import Behaviour, Fault
from m365_simulator.world import World
from support import Wire
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


async def test_a_right_of_a_namesake_stays_and_the_own_one_goes(world: World, tenant: Tenant, ada: Leaver) -> None:
    """E9: only a name is shown, and Exchange says whose it is when it is asked."""
    world.add_user("ada2", "Ada Example")
    world.give_calendar("bob", "ada2")
    world.give_calendar("grace", "ada")
    asked = Asked(tenant, ada, RemoveCalendarPermissions)

    assert await asked.changes() == ["calendar of Grace Example"]
    await asked.run()

    assert holders(world) == ["Default", "ada2"]


async def test_a_name_that_two_people_have_is_left_to_a_person_where_nobody_tells(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour
) -> None:
    """E9: and never removed by that name."""
    body = {"value": [{"User": "Default", "AccessRights": ["None"]}, {"User": "Ada Example", "AccessRights": "Owner"}]}
    world.add_user("ada2", "Ada Example")
    behaviour.faults.append(Fault("Get-MailboxFolderPermission", status=200, body=body, times=99))
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


@pytest.mark.parametrize("kind", ["RoomMailbox", "EquipmentMailbox"])
async def test_a_room_that_asks_the_leaver_is_named(world: World, tenant: Tenant, ada: Leaver, kind: str) -> None:
    """E13: room and equipment mailboxes still ask the leaver to approve bookings."""
    for alias in ("room", "other-room"):
        world.add_user(alias, alias.title())
        world.mailboxes[alias].kind = kind
    world.mailboxes["room"].resource_delegates = ["grace", "ada"]
    world.mailboxes["other-room"].resource_delegates = ["grace"]
    asked = Asked(tenant, ada, RemoveCalendarPermissions)

    assert await asked.notes() == {"room_delegate": "follow_up"}
    assert (await asked.texts()).startswith("Room asks Ada Example to approve bookings")


async def test_people_are_not_asked_whether_they_are_rooms(
    world: World, tenant: Tenant, ada: Leaver, wire: Wire
) -> None:
    """E13: only rooms and equipment are looked at, however many people there are."""
    world.mailboxes["bob"].resource_delegates = ["ada"]

    assert await Asked(tenant, ada, RemoveCalendarPermissions).notes() == {}
    assert not [call for call in wire.calls if call["cmdlet"] == "Get-CalendarProcessing"]


async def test_rooms_that_may_not_be_read_are_told_of(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour
) -> None:
    """E13: not looked at is not the same as nothing found."""
    world.add_user("room", "Room")
    world.mailboxes["room"].kind = "RoomMailbox"
    behaviour.faults.append(Fault("Get-CalendarProcessing", status=403, times=None))

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
