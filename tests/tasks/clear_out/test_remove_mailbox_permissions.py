from __future__ import annotations

import pytest

from leaver.domain.people import Leaver
from leaver.m365.tenant import Tenant
from leaver.tasks.clear_out.remove_mailbox_permissions import RemoveMailboxPermissions
from m365_simulator.faults import Behaviour, Fault
from m365_simulator.world import FullAccess, World
from support import Wire
from tasks.contract import TaskContract
from tasks.plans import Asked


class TestRemoveMailboxPermissions(TaskContract):
    task_type = RemoveMailboxPermissions

    def given(self, world: World) -> None:
        world.give_full_access("bob", "ada")
        world.mailboxes["bob"].send_as.append("ada")
        world.mailboxes["grace"].send_on_behalf.append("ada")


async def test_colleagues_keep_their_rights(world: World, tenant: Tenant, ada: Leaver) -> None:
    """E11."""
    mailbox = world.mailboxes["bob"]
    mailbox.full_access = [FullAccess("ada"), FullAccess("grace")]
    mailbox.send_as = ["grace", "ada"]
    mailbox.send_on_behalf = ["ada", "grace"]

    await Asked(tenant, ada, RemoveMailboxPermissions).run()

    assert [entry.user for entry in mailbox.full_access] == ["grace"]
    assert (mailbox.send_as, mailbox.send_on_behalf) == (["grace"], ["grace"])


async def test_rights_on_the_own_mailbox_are_not_the_leavers_rights_elsewhere(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    world.give_full_access("ada", "bob")
    world.mailboxes["ada"].full_access.append(FullAccess("NT AUTHORITY\\SELF"))

    assert await Asked(tenant, ada, RemoveMailboxPermissions).plan() == []


async def test_inherited_and_denied_entries_are_not_grants(world: World, tenant: Tenant, ada: Leaver) -> None:
    world.mailboxes["bob"].full_access = [FullAccess("ada", inherited=True), FullAccess("ada", deny=True)]

    assert await Asked(tenant, ada, RemoveMailboxPermissions).plan() == []


async def test_send_as_is_found_although_exchange_does_not_look_it_up_by_upn(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour
) -> None:
    """E8."""
    behaviour.trustee_by_upn = False
    world.mailboxes["bob"].send_as.append("ada")

    assert await Asked(tenant, ada, RemoveMailboxPermissions).changes() == ["Send As: Bob Example"]


async def test_the_second_look_asks_only_where_something_was_found(
    world: World, tenant: Tenant, ada: Leaver, wire: Wire
) -> None:
    """E7."""
    for number in range(30):
        world.add_user(f"u{number}", drive=False)
    world.give_full_access("bob", "ada")
    asked = Asked(tenant, ada, RemoveMailboxPermissions)
    await asked.plan()
    before = len([call for call in wire.calls if call["cmdlet"] == "Get-MailboxPermission"])

    await asked.plan()

    after = len([call for call in wire.calls if call["cmdlet"] == "Get-MailboxPermission"])
    assert (before, after - before) == (32, 1)


@pytest.mark.parametrize("answer", ["warning", "error"])
async def test_a_right_that_is_gone_already_is_no_failure(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour, answer: str
) -> None:
    """E10."""
    behaviour.missing_entry = answer
    world.give_full_access("bob", "ada")
    world.mailboxes["bob"].send_as.append("ada")
    task = await Asked(tenant, ada, RemoveMailboxPermissions).task()
    changes = await task.pending()
    world.mailboxes["bob"].full_access.clear()
    world.mailboxes["bob"].send_as.clear()

    for change in changes:
        await task.apply(change)

    assert len(changes) == 2


async def test_a_leaver_without_a_mailbox_can_still_have_rights(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A18."""
    del world.mailboxes["ada"]
    world.give_full_access("bob", "ada")

    assert await Asked(tenant, ada, RemoveMailboxPermissions).changes() == ["full access: Bob Example"]


async def test_send_on_behalf_of_a_distribution_list_ends_and_can_come_back(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """D9, E11: lists have delegates, too."""
    group = world.add_group("news", "bob", kind="distribution", send_on_behalf=["grace", "ada"])
    asked = Asked(tenant, ada, RemoveMailboxPermissions)

    assert await asked.changes() == ["Send on Behalf: News"]
    await asked.run()
    assert group.send_on_behalf == ["grace"]
    await asked.undo()

    assert group.send_on_behalf == ["grace", "ada"]


async def test_send_on_behalf_of_what_cannot_be_changed_here_is_left_to_a_person(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """D3, D9."""
    world.add_group("old", "bob", kind="distribution", send_on_behalf=["ada"], synced=True)
    world.add_group("team", "bob", kind="microsoft365", send_on_behalf=["ada"])
    asked = Asked(tenant, ada, RemoveMailboxPermissions)

    assert await asked.notes() == {"synced_group": "follow_up", "send_on_behalf_of_group": "follow_up"}
    assert await asked.changes() == []


async def test_rights_on_mailboxes_go_where_groups_may_not_be_read(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour
) -> None:
    """E14: what is not known is said."""
    said = "|System.Exception|The cmdlet is not present in the role definition of the current user."
    body = {"error": {"message": "Error executing cmdlet", "details": [{"message": said}]}}
    behaviour.faults.append(Fault("Get-UnifiedGroup", status=400, body=body, times=9))
    world.give_full_access("bob", "ada")
    asked = Asked(tenant, ada, RemoveMailboxPermissions)

    assert await asked.notes() == {"send_on_behalf_of_groups_unread": "info"}
    assert await asked.changes() == ["full access: Bob Example"]
