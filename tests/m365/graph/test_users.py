"""Users, against the simulator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from leaver.domain.errors import Forbidden, NotFound
from leaver.domain.people import Colleague, Leaver
from leaver.m365.tenant import Tenant
from m365_simulator.world import E3, POWER_BI, AuthMethod, World


async def test_a_user_is_read_with_all_that_tasks_want_to_know(world: World, tenant: Tenant, ada: Leaver) -> None:
    user = world.users["ada"]
    user.synced, user.sam_account_name, user.on_premises_domain = True, "ada", "contoso.local"
    group = world.add_group("licensed", "ada", license_skus=[POWER_BI])

    found = await tenant.users.get(ada.id)

    assert (found.id, found.upn, found.display_name) == (ada.id, ada.upn, ada.display_name)
    assert (found.account_enabled, found.is_guest, found.synced, found.ad_name) == (True, False, True, "CONTOSO\\ada")
    assert {(state.sku_id, state.by_group) for state in found.license_states} == {(E3, ""), (POWER_BI, group.id)}
    assert set(found.assigned_sku_ids) == {E3, POWER_BI}
    assert found.proxy_addresses == (f"SMTP:{ada.upn}",)
    assert found.sessions_valid_from == user.sessions_valid_from


async def test_a_user_is_found_by_upn_with_awkward_characters(world: World, tenant: Tenant) -> None:
    upn = "d'arcy+x_fabrikam.example#EXT#@contoso.onmicrosoft.com"
    guest = world.add_user("guest", upn=upn, user_type="Guest", licenses=(), mailbox=False, drive=False)

    assert (await tenant.users.get(upn)).id == guest.id
    assert (await tenant.users.colleague(upn)).guest


async def test_an_unknown_user_is_not_found(tenant: Tenant) -> None:
    with pytest.raises(NotFound):
        await tenant.users.get("nobody@contoso.example")


async def test_users_are_found_by_the_beginning_of_a_word(tenant: Tenant, ada: Leaver) -> None:
    assert [user.id for user in await tenant.users.find("ada")] == [ada.id]
    assert len(await tenant.users.find("exam", limit=2)) == 2


async def test_a_quote_in_a_search_does_no_harm(tenant: Tenant) -> None:
    found = await tenant.users.find('"ada\\')

    assert [user.display_name for user in found] == ["Ada Example"]


async def test_everybody_is_listed_page_by_page(world: World, tenant: Tenant) -> None:
    for number in range(250):
        world.add_user(f"extra{number}", mailbox=False, drive=False, licenses=())

    sizes, after, seen = [], "", set[str]()
    while True:
        rows, after = await tenant.users.page(after=after)
        sizes.append(len(rows))
        seen |= {row.id for row in rows}
        if not after:
            break

    assert (sizes, len(seen)) == ([100, 100, 53], 253)
    assert {row.id async for row in tenant.users.all_users()} == seen


async def test_a_search_has_pages_too(world: World, tenant: Tenant) -> None:
    for number in range(150):
        world.add_user(f"extra{number}", f"Zoe Number{number}", mailbox=False, drive=False, licenses=())

    first, after = await tenant.users.page(search="zoe")
    second, end = await tenant.users.page(search="zoe", after=after)

    assert (len(first), len(second), end) == (100, 50, "")
    assert all(row.display_name.startswith("Zoe") for row in (*first, *second))


async def test_the_manager_is_a_colleague_or_nobody(world: World, tenant: Tenant, ada: Leaver) -> None:
    grace, bob = world.users["grace"], world.users["bob"]

    assert await tenant.users.manager(ada.id) == Colleague(grace.id, grace.upn, grace.display_name, grace.mail or "")
    assert await tenant.users.manager(bob.id) is None


async def test_sign_in_is_blocked_and_properties_are_cleared(world: World, tenant: Tenant, ada: Leaver) -> None:
    user = world.users["ada"]
    user.immutable_id = "abc=="

    await tenant.users.update(ada.id, accountEnabled=False, onPremisesImmutableId=None)

    now = world.users["ada"]
    assert (now.enabled, now.immutable_id) == (False, None)
    assert (await tenant.fresh().users.get(ada.id)).account_enabled is False


async def test_password_and_sessions_leave_their_dates(world: World, tenant: Tenant, ada: Leaver) -> None:
    asked = tenant.now() - timedelta(seconds=2)

    await tenant.users.set_password(ada.id)
    await tenant.users.revoke_sessions(ada.id)

    user = await tenant.fresh().users.get(ada.id)
    assert world.users["ada"].password_sha256
    assert user.last_password_change is not None
    assert user.last_password_change >= asked
    assert user.sessions_valid_from is not None
    assert user.sessions_valid_from >= asked


async def test_a_deleted_user_can_be_found_and_restored(world: World, tenant: Tenant, ada: Leaver) -> None:
    await tenant.users.delete(ada.id)
    await tenant.fresh().users.delete(ada.id)

    gone = tenant.fresh()
    found = await gone.deleted_users.get(ada.id)
    assert found is not None
    assert (found.id, found.upn) == (ada.id, ada.upn)
    assert await gone.deleted_users.find(ada.upn.upper()) == found
    await gone.deleted_users.restore(ada.id)
    assert world.user_by_id(ada.id) is not None
    assert await tenant.fresh().deleted_users.get(ada.id) is None


async def test_methods_are_listed_without_the_password_and_removed(world: World, tenant: Tenant, ada: Leaver) -> None:
    world.add_method("ada", "phone", phone_type="mobile", display="+31 6")
    world.add_method("ada", "microsoftAuthenticator", display="Pixel")
    world.users["ada"].methods.append(AuthMethod("28c10230-6103-485e-b985-444c60001490", "password"))

    methods = await tenant.authentication_methods.list(ada.id)
    for method in methods:
        await tenant.authentication_methods.remove(ada.id, method)
        await tenant.authentication_methods.remove(ada.id, method)

    assert {(method.kind, method.phone_type) for method in methods} == {
        ("phone", "mobile"),
        ("microsoftAuthenticator", ""),
    }
    assert await tenant.fresh().authentication_methods.list(ada.id) == ()


async def test_roles_show_who_is_privileged(world: World, tenant: Tenant, ada: Leaver) -> None:
    world.add_role("62e90394-69f5-4237-9190-012177145e10", "Global Administrator", "ada", "bob")
    world.add_group("admins", "ada", role_assignable=True)

    roles = await tenant.roles.of(ada.id)

    assert [(role.name, role.template_id) for role in roles] == [
        ("Global Administrator", "62e90394-69f5-4237-9190-012177145e10")
    ]
    assert set(await tenant.roles.members(roles[0].template_id)) == {ada.id, world.users["bob"].id}
    assert await tenant.roles.members("29232cdf-9323-42fd-ade2-1d097af3e4de") == ()
    assert [group.display_name for group in await tenant.roles.role_assignable_groups(ada.id)] == ["Admins"]


async def test_the_last_sign_in_that_succeeded_counts(world: World, tenant: Tenant, ada: Leaver) -> None:
    world.users["ada"].last_sign_in = datetime(2026, 6, 2, 13, 22, tzinfo=UTC)

    found = await tenant.users.last_sign_in(ada.id)
    none = await tenant.users.last_sign_in(world.users["bob"].id)

    assert none is None
    assert found == datetime(2026, 6, 2, 13, 22, tzinfo=UTC)


async def test_the_last_sign_in_is_refused_without_a_premium_license(world: World, tenant: Tenant, ada: Leaver) -> None:
    world.premium = False

    with pytest.raises(Forbidden):
        await tenant.users.last_sign_in(ada.id)
