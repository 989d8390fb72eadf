from __future__ import annotations

from typing import Any

import pytest

from conftest import CLIENT_ID
from leaver.domain.errors import Forbidden
from leaver.domain.people import Leaver
from leaver.m365.tenant import Tenant
from leaver.tasks.clear_out.remove_groups import RemoveGroups
from m365_simulator.faults import Behaviour, Fault
from m365_simulator.login.tokens import permissions_in_token
from m365_simulator.world import E3, Grant, World
from support import Desk, Wire
from tasks.contract import TaskContract
from tasks.plans import Asked

KINDS = ("security", "microsoft365", "distribution", "mail_security")


class TestRemoveGroups(TaskContract):
    task_type = RemoveGroups

    def given(self, world: World) -> None:
        for kind in KINDS:
            world.add_group(kind, "ada", "bob", owners=["ada", "bob"], kind=kind)


class TestRemoveLastOwner(TaskContract):
    task_type = RemoveGroups
    decisions = {"last_owner": "manager"}  # noqa: RUF012

    def given(self, world: World) -> None:
        world.add_group("project", "ada", "bob", owners=["ada"], kind="microsoft365")
        world.add_group("list", "ada", "bob", owners=["ada"], kind="distribution")


@pytest.mark.parametrize("kind", KINDS)
async def test_colleagues_stay_in_the_group(world: World, tenant: Tenant, ada: Leaver, kind: str) -> None:
    """D1."""
    world.add_group("sales", "ada", "bob", kind=kind, owners=["bob"])

    await Asked(tenant, ada, RemoveGroups).run()

    assert world.members["sales"] == {"bob"}


async def test_each_kind_of_group_is_changed_by_the_service_that_manages_it(
    world: World, tenant: Tenant, ada: Leaver, wire: Wire
) -> None:
    """D1."""
    for kind in KINDS:
        world.add_group(kind, "ada", "bob", kind=kind, owners=["bob"])

    await Asked(tenant, ada, RemoveGroups).run()

    ways = [call["cmdlet"] or call["method"] for call in wire.writes]
    assert sorted(ways) == ["DELETE", "DELETE", "Remove-DistributionGroupMember", "Remove-DistributionGroupMember"]


async def test_leaving_a_group_never_deletes_the_person(world: World, tenant: Tenant, ada: Leaver, wire: Wire) -> None:
    """D10."""
    world.add_group("sales", "ada", owners=["ada", "bob"])

    await Asked(tenant, ada, RemoveGroups).run()

    deletes = [call["path"] for call in wire.writes if call["method"] == "DELETE"]
    assert all(path.endswith("/$ref") for path in deletes)
    assert "ada" in world.users


async def test_a_dynamic_group_is_named_with_its_rule(world: World, tenant: Tenant, ada: Leaver) -> None:
    """D2."""
    world.add_group("everyone", "ada", dynamic_rule='user.department -eq "Sales"')
    asked = Asked(tenant, ada, RemoveGroups)

    assert await asked.changes() == []
    assert await asked.notes() == {"dynamic_group": "follow_up"}
    assert 'user.department -eq "Sales"' in await asked.texts()


@pytest.mark.parametrize("kind", ["security", "distribution", "mail_security"])
async def test_a_synced_group_is_left_to_active_directory(world: World, tenant: Tenant, ada: Leaver, kind: str) -> None:
    """D3."""
    world.add_group("old-files", "ada", kind=kind, synced=True)
    asked = Asked(tenant, ada, RemoveGroups)

    assert await asked.changes() == []
    assert await asked.notes() == {"synced_group": "follow_up"}
    assert "Old Files" in await asked.texts()


async def test_a_role_assignable_group_is_left_with_a_warning(world: World, tenant: Tenant, ada: Leaver) -> None:
    """D4."""
    world.add_group("helpdesk", "ada", role_assignable=True)
    asked = Asked(tenant, ada, RemoveGroups)

    assert await asked.notes() == {"role_assignable_group": "warning"}
    await asked.run()
    assert world.members["helpdesk"] == set()


async def test_a_role_assignable_group_that_may_not_be_changed_is_left_to_a_person(world: World, desk: Desk) -> None:
    """D4: flagged as relevant for security, and not a failure that nobody can do anything about."""
    everything = permissions_in_token(frozenset("*"), "graph")
    less = frozenset(everything) - {"RoleManagement.ReadWrite.Directory"} | {"Exchange.ManageAsApp"}
    world.grants[CLIENT_ID] = Grant(permissions=less)
    world.add_group("helpdesk", "ada", role_assignable=True)
    world.add_group("sales", "ada", "bob")

    (record,) = await desk.offboard("ada@contoso.example", settings={"remove_groups": True})

    task = record.tasks[0]
    assert (task.outcome.value, world.members["helpdesk"], world.members["sales"]) == ("follow_up", {"ada"}, {"bob"})
    assert "matters for security" in next(note.text for note in task.notes if note.code == "left_to_administrator")


async def test_a_plain_group_that_may_not_be_changed_is_a_failure(world: World, desk: Desk) -> None:
    """D15: a missing permission is not taken for a special kind of group."""
    world.grants[CLIENT_ID] = Grant(
        permissions=frozenset({"User.Read.All", "GroupMember.Read.All", "Exchange.ManageAsApp"})
    )
    world.add_group("sales", "ada", "bob")

    (record,) = await desk.offboard("ada@contoso.example", settings={"remove_groups": True})

    assert (record.tasks[0].outcome.value, world.members["sales"]) == ("failed", {"ada", "bob"})


async def test_an_access_package_is_named_that_would_bring_memberships_back(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """D18: entitlement management owns some memberships."""
    world.access_packages += [("ada", "Sales tools"), ("bob", "Finance tools")]
    asked = Asked(tenant, ada, RemoveGroups)

    assert await asked.notes() == {"access_package": "follow_up"}
    assert "the access package Sales tools," in await asked.texts()


async def test_access_packages_that_may_not_be_read_stop_nothing(world: World, tenant: Tenant, ada: Leaver) -> None:
    """D18: most tenants have no license for them."""
    world.premium = False
    world.add_group("sales", "ada", "bob")

    await Asked(tenant, ada, RemoveGroups).run()

    assert world.members["sales"] == {"bob"}


async def test_a_restricted_group_is_left_to_its_administrator(world: World, tenant: Tenant, ada: Leaver) -> None:
    """B8."""
    world.add_group("board", "ada", management_restricted=True)

    notes = await Asked(tenant, ada, RemoveGroups).notes()

    assert notes == {"management_restricted_group": "follow_up"}


@pytest.mark.parametrize("kind", ["microsoft365", "distribution"])
async def test_the_last_owner_is_asked_who_takes_over(world: World, tenant: Tenant, ada: Leaver, kind: str) -> None:
    """D5."""
    world.add_group("project", "bob", owners=["ada"], kind=kind)
    asked = Asked(tenant, ada, RemoveGroups)

    (note,) = await asked.plan()

    assert getattr(note, "code", "") == "last_owner"
    assert getattr(note, "choices", ()) == ("manager", "bob@contoso.example", "leave")


async def test_nothing_of_a_team_changes_while_its_last_owner_has_no_successor(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """D5, D7."""
    world.add_group("project", "ada", "bob", owners=["ada"], kind="microsoft365")
    asked = Asked(tenant, ada, RemoveGroups, decisions={"last_owner": "leave"})

    assert await asked.changes() == []
    assert await asked.notes() == {"last_owner": "follow_up"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("choice", ["last_owner", "last_owner:Project"])
async def test_the_successor_owns_the_group_before_the_last_owner_goes(
    world: World, tenant: Tenant, ada: Leaver, kind: str, choice: str
) -> None:
    """D5."""
    world.add_group("project", "ada", "bob", owners=["ada"], kind=kind)
    asked = Asked(tenant, ada, RemoveGroups, decisions={choice: "bob@contoso.example"})

    changes = await asked.run()

    assert [change.what for change in changes] == [
        "owner of group Project: Bob Example (bob@contoso.example)",
        "owner of group Project",
        "group Project",
    ]
    assert (world.groups["project"].owners, world.groups["project"].members) == ({"bob"}, {"bob"})
    assert await asked.plan() == []


@pytest.mark.parametrize(
    ("choice", "why"), [("ada@contoso.example", "oneself"), ("guest@contoso.example", "a guest"), ("nobody", "unknown")]
)
async def test_a_successor_who_cannot_own_a_group_is_not_accepted(
    world: World, tenant: Tenant, ada: Leaver, choice: str, why: str
) -> None:
    """D5."""
    world.add_user("guest", user_type="Guest")
    world.add_group("project", "ada", owners=["ada"], kind="microsoft365")
    asked = Asked(tenant, ada, RemoveGroups, decisions={"last_owner": choice})

    assert await asked.changes() == []
    assert f"{choice} cannot take over" in await asked.texts()


async def test_an_application_does_not_count_as_another_owner(world: World, tenant: Tenant, ada: Leaver) -> None:
    """D6."""
    world.add_group("project", "ada", owners=["ada"], kind="microsoft365", service_principal_owners=1)

    notes = await Asked(tenant, ada, RemoveGroups).notes()

    assert notes == {"last_owner": "follow_up"}


async def test_ownership_ends_before_membership(world: World, tenant: Tenant, ada: Leaver) -> None:
    """D7."""
    world.add_group("team", "ada", "bob", owners=["ada", "bob"], kind="microsoft365")

    changes = await Asked(tenant, ada, RemoveGroups).run()

    assert [change.what for change in changes] == ["owner of group Team", "group Team"]
    assert len({change.lane for change in changes}) == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_groups_that_are_owned_but_not_joined_are_found(
    world: World, tenant: Tenant, ada: Leaver, kind: str
) -> None:
    """D9."""
    world.add_group("owned", "bob", owners=["ada", "bob"], kind=kind)

    await Asked(tenant, ada, RemoveGroups).run()

    assert world.groups["owned"].owners == {"bob"}


async def test_roles_are_no_groups(world: World, tenant: Tenant, ada: Leaver) -> None:
    """D11."""
    world.add_role("fe930be7-5e62-47db-91af-98c3a49a38b1", "User Administrator", "ada")

    assert await Asked(tenant, ada, RemoveGroups).plan() == []


@pytest.mark.parametrize("kind", ["security", "distribution"])
async def test_a_group_of_the_same_name_is_left_alone(world: World, tenant: Tenant, ada: Leaver, kind: str) -> None:
    """D12."""
    world.add_group("one", "ada", display_name="Sales", kind=kind, owners=["bob"])
    world.add_group("other", "bob", display_name="Sales", kind=kind, owners=["bob"])

    await Asked(tenant, ada, RemoveGroups).run()

    assert (world.members["one"], world.members["other"]) == (set(), {"bob"})


async def test_one_refused_group_does_not_hide_in_the_others(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour
) -> None:
    """D13, D15."""
    world.add_group("one", "ada")
    world.add_group("two", "ada")
    refused = world.groups["two"].id
    error = {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges."}}
    behaviour.faults.append(Fault(f"DELETE /groups/{refused}", status=403, body=error, times=None))
    asked = Asked(tenant, ada, RemoveGroups)
    task = await asked.task()

    for change in await task.pending():
        if change.ref["group"] == refused:
            with pytest.raises(Forbidden, match="Insufficient privileges"):
                await task.apply(change)
        else:
            await task.apply(change)

    assert await asked.changes() == ["group Two"]


async def test_more_groups_than_one_page_are_all_left(world: World, tenant: Tenant, ada: Leaver) -> None:
    """D16."""
    for number in range(1050):
        world.add_group(f"g{number}", "ada")

    assert len(await Asked(tenant, ada, RemoveGroups).changes()) == 1050


@pytest.mark.parametrize("status", [404, 400])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_membership_that_is_gone_already_is_no_failure(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour, kind: str, status: int
) -> None:
    """D17."""
    behaviour.not_a_member_status = status
    world.add_group("sales", "ada", "bob", kind=kind, owners=["bob"])
    task = await Asked(tenant, ada, RemoveGroups).task()
    (change,) = await task.pending()
    world.groups["sales"].members.discard("ada")

    await task.apply(change)

    assert world.members["sales"] == {"bob"}


def licensing(world: World, kind: str = "security") -> None:
    world.users["ada"].licenses = []
    world.add_group("e3", "ada", license_skus=[E3], kind=kind, owners=["bob"])


async def test_a_licensing_group_is_left_to_the_task_that_removes_licenses(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """A5."""
    licensing(world)
    asked = Asked(tenant, ada, RemoveGroups, chosen=["remove_licenses"])

    assert await asked.changes() == []
    assert await asked.notes() == {"licensing_group": "info"}


async def test_a_licensing_group_that_no_task_leaves_is_said(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A5, D14."""
    licensing(world)
    asked = Asked(tenant, ada, RemoveGroups)

    assert await asked.changes() == []
    assert await asked.notes() == {"licensing_group": "follow_up"}


async def test_owning_a_team_that_assigns_licenses_is_not_ended_here(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A5, D7."""
    licensing(world, "microsoft365")
    world.groups["e3"].owners.add("ada")

    changes: list[Any] = await Asked(tenant, ada, RemoveGroups).changes()

    assert changes == []


async def test_a_user_without_a_mailbox_leaves_groups_all_the_same(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A18."""
    del world.mailboxes["ada"]
    world.add_group("sales", "ada", "bob")

    await Asked(tenant, ada, RemoveGroups).run()

    assert world.members["sales"] == {"bob"}


async def test_a_dynamic_list_that_the_leaver_manages_is_named_to_a_person(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour
) -> None:
    """D9, D2: Graph does not know of it, and nobody would look there."""
    body = {"value": [{"Guid": "44444444-0000-0000-0000-000000000001", "DisplayName": "Everybody"}]}
    behaviour.faults.append(Fault("Get-DynamicDistributionGroup", status=200, body=body))
    asked = Asked(tenant, ada, RemoveGroups)

    assert await asked.notes() == {"dynamic_list_manager": "follow_up"}
