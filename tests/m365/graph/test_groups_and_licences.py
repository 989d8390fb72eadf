"""Groups, licenses, numbers, drives and the tenant itself, against the simulator."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leaver.domain.errors import OnPremises, Refused
from leaver.domain.people import Leaver
from leaver.m365.graph.drives import Drive
from leaver.m365.graph.groups import GroupKind
from leaver.m365.graph.phone_numbers import PhoneNumber
from leaver.m365.tenant import Tenant
from m365_simulator.faults import Behaviour
from m365_simulator.world import E3, EXCHANGE_P2, POWER_BI, TEAMS_PHONE, Cloud, LicenseState, World


async def test_groups_say_which_service_manages_them(world: World, tenant: Tenant, ada: Leaver) -> None:
    for kind in ("security", "microsoft365", "distribution", "mail_security"):
        world.add_group(kind, "ada", kind=kind)
    world.add_group("dynamic", "ada", dynamic_rule="user.department -eq 'Sales'")
    world.add_group("synced", "ada", synced=True)
    world.add_group("others", "bob")

    groups = {group.display_name: group for group in await tenant.groups.memberships(ada.id)}

    assert set(groups) == {"Security", "Microsoft365", "Distribution", "Mail Security", "Dynamic", "Synced"}
    assert groups["Security"].kind is GroupKind.SECURITY
    assert groups["Microsoft365"].kind is GroupKind.MICROSOFT_365
    assert groups["Distribution"].kind is GroupKind.DISTRIBUTION_LIST
    assert groups["Mail Security"].kind is GroupKind.MAIL_ENABLED_SECURITY
    assert [name for name, group in groups.items() if group.through_exchange] == ["Distribution", "Mail Security"]
    assert groups["Dynamic"].dynamic
    assert groups["Synced"].synced


async def test_a_member_is_removed_and_put_back_as_often_as_you_like(world: World, tenant: Tenant, ada: Leaver) -> None:
    group = world.add_group("sales", "ada", "bob", owners=["ada", "bob"])

    for _ in range(2):
        await tenant.groups.remove_owner(group.id, ada.id)
        await tenant.groups.remove_member(group.id, ada.id)
    assert (group.members, group.owners) == ({"bob"}, {"bob"})
    assert "ada" in world.users
    assert not await tenant.groups.is_member(group.id, ada.id)

    for _ in range(2):
        await tenant.groups.add_member(group.id, ada.id)
        await tenant.groups.add_owner(group.id, ada.id)
    assert (group.members, group.owners) == ({"ada", "bob"}, {"ada", "bob"})
    assert await tenant.fresh().groups.is_member(group.id, ada.id)


@pytest.mark.parametrize("form", ["404", "400"])
async def test_both_ways_of_saying_not_a_member_are_fine(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour, form: str
) -> None:
    if hasattr(behaviour, "not_a_member"):
        behaviour.not_a_member = int(form)
    group = world.add_group("sales", "bob")

    await tenant.groups.remove_member(group.id, ada.id)

    assert group.members == {"bob"}


async def test_a_synced_group_can_only_be_changed_on_premises(world: World, tenant: Tenant, ada: Leaver) -> None:
    group = world.add_group("synced", "ada", synced=True)

    with pytest.raises(OnPremises):
        await tenant.groups.remove_member(group.id, ada.id)


async def test_a_successor_is_chosen_among_enabled_members(world: World, tenant: Tenant, ada: Leaver) -> None:
    world.add_user("off", enabled=False)
    world.add_user("visitor", user_type="Guest")
    group = world.add_group("team", "ada", "bob", "off", "visitor", owners=["ada"], kind="microsoft365")

    assert {each.upn for each in await tenant.groups.candidates(group.id)} == {ada.upn, "bob@contoso.example"}
    await tenant.groups.add_owner(group.id, world.users["bob"].id)
    await tenant.groups.remove_owner(group.id, ada.id)
    assert group.owners == {"bob"}
    await tenant.groups.add_owner(group.id, ada.id)
    await tenant.groups.remove_successor(group.id, world.users["bob"].id)
    assert group.owners == {"ada"}


async def test_the_last_owner_stays(world: World, tenant: Tenant, ada: Leaver) -> None:
    group = world.add_group("team", "ada", owners=["ada"], kind="microsoft365")

    with pytest.raises(Refused):
        await tenant.groups.remove_owner(group.id, ada.id)

    assert [owner.id for owner in await tenant.groups.owners(group.id)] == [ada.id]
    assert [owned.id for owned in await tenant.groups.ownerships(ada.id)] == [group.id]


async def test_more_groups_than_one_page_are_all_seen(world: World, tenant: Tenant, ada: Leaver) -> None:
    for number in range(1100):
        world.add_group(f"group{number}", "ada")

    assert len(await tenant.groups.memberships(ada.id)) == 1100


async def test_licenses_are_removed_and_given_back(world: World, tenant: Tenant, ada: Leaver) -> None:
    await tenant.licenses.assign(ada.id, [(POWER_BI, ["2049e525-b859-401b-b2a0-e0a31c4b1fe4"])]) if False else None
    world.add_sku(POWER_BI)
    await tenant.licenses.assign(ada.id, [(POWER_BI, [])])
    assert {state.sku_id for state in world.users["ada"].licenses} == {E3, POWER_BI}

    await tenant.licenses.remove(ada.id, [E3, POWER_BI, EXCHANGE_P2][:2])
    assert world.users["ada"].licenses == []
    await tenant.licenses.remove(ada.id, [E3])

    await tenant.licenses.reprocess(ada.id)


async def test_a_product_tells_whether_it_has_a_mailbox(world: World, tenant: Tenant) -> None:
    world.add_sku(POWER_BI)

    skus = {sku.sku_id: sku for sku in await tenant.licenses.skus()}

    assert (skus[E3].gives_mailbox, skus[POWER_BI].gives_mailbox) == (True, False)
    assert (skus[E3].part_number, skus[E3].enabled, skus[E3].consumed) == ("ENTERPRISEPACK", 25, 3)


async def test_a_number_is_taken_and_given_back(world: World, tenant: Tenant, ada: Leaver) -> None:
    world.users["ada"].licenses.append(LicenseState(world.add_sku(TEAMS_PHONE).sku_id))
    held = world.add_number("+31201234567", "ada")
    other = world.add_number("+31207654321", "bob")

    numbers = await tenant.phone_numbers.of(ada.id)
    assert numbers == (PhoneNumber("+31201234567", "callingPlan"),)
    await tenant.phone_numbers.unassign(numbers[0])
    await tenant.phone_numbers.unassign(numbers[0])
    await tenant.phone_numbers.unassign(replace(numbers[0], number="+31207654321"))
    assert (held.assigned_to, other.assigned_to) == (None, "bob")
    assert await tenant.fresh().phone_numbers.of(ada.id) == ()

    await tenant.phone_numbers.assign(numbers[0], ada.id)
    assert held.assigned_to == "ada"


async def test_a_tenant_without_teams_shows_no_numbers(world: World, tenant: Tenant, ada: Leaver) -> None:
    world.teams = False

    assert await tenant.phone_numbers.of(ada.id) is None


async def test_a_onedrive_is_where_microsoft_says(world: World, tenant: Tenant, ada: Leaver) -> None:
    world.users["bob"].drive = None

    drive = await tenant.drives.of(ada.id)

    assert isinstance(drive, Drive)
    assert drive.site_url.endswith("-my/personal/ada_contoso_example")
    assert await tenant.drives.of(world.users["bob"].id) is None


async def test_the_tenant_knows_its_domains(world: World, tenant: Tenant) -> None:
    found = await tenant.organization.get()

    assert (found.id, found.name, found.synced) == (world.id, "Contoso", False)
    assert (found.default_domain, found.initial_domain) == ("contoso.example", "contoso.onmicrosoft.com")
    assert set(found.domains) == {"contoso.example", "contoso.onmicrosoft.com"}


async def test_a_partner_sees_its_customers(cloud: Cloud, world: World, tenant: Tenant) -> None:
    cloud.partner_tenant = world.id
    fabrikam = cloud.add_world("fabrikam.example", "Fabrikam")
    adatum = cloud.add_world("adatum.example", "Adatum")

    customers = await tenant.organization.customers()

    assert [(each.id, each.name) for each in customers] == [(adatum.id, "Adatum"), (fabrikam.id, "Fabrikam")]
    assert all(each.domain for each in customers)
