from __future__ import annotations

import pytest

from leaver.domain.errors import Forbidden, OnPremises
from leaver.domain.people import Leaver
from leaver.m365.tenant import Tenant
from leaver.tasks.lock_out.disable_sign_in import DisableSignIn
from leaver.tasks.task import Context
from m365_simulator.faults import Behaviour
from m365_simulator.world import GLOBAL_ADMIN, USER_ADMIN, Grant, World
from tasks.contract import TaskContract
from tasks.planning import codes, kinds


class TestDisableSignIn(TaskContract):
    task_type = DisableSignIn


def sync(world: World) -> None:
    ada = world.users["ada"]
    ada.synced, ada.sam_account_name, ada.on_premises_domain = True, "ada", "contoso.local"


async def test_a_colleague_can_still_sign_in(world: World, tenant: Tenant, ada: Leaver) -> None:
    task = DisableSignIn(tenant, ada)

    for change in await task.pending():
        await task.apply(change)

    assert world.users["bob"].enabled
    assert not world.users["ada"].enabled


async def test_a_synced_account_is_disabled_in_the_cloud_and_at_its_source(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour
) -> None:
    """B5, B6."""
    sync(world)
    behaviour.synced_disable = "accept"
    task = DisableSignIn(tenant, ada)

    for change in await task.pending():
        await task.apply(change)

    told = await codes(DisableSignIn(tenant.fresh(), ada))
    assert not world.users["ada"].enabled
    assert "CONTOSO\\ada" in told["disable_in_active_directory"]


async def test_the_cloud_block_that_microsoft_refuses_is_marked_as_left_to_active_directory(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """B5."""
    sync(world)
    task = DisableSignIn(tenant, ada)
    (change,) = await task.pending()

    with pytest.raises(OnPremises):
        await task.apply(change)

    assert change.ref["on_premises"] is True


async def test_the_role_of_a_privileged_account_is_named_with_the_one_that_the_app_needs(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """B8."""
    world.add_role(USER_ADMIN, "User Administrator", "ada")

    told = await codes(DisableSignIn(tenant, ada))

    assert "User Administrator" in told["privileged_user"]
    assert "Privileged Authentication Administrator" in told["privileged_user"]


@pytest.mark.parametrize("as_what", ["members", "owners"])
async def test_a_role_assignable_group_makes_privileged(
    world: World, tenant: Tenant, ada: Leaver, as_what: str
) -> None:
    """B8."""
    group = world.add_group("admins", role_assignable=True)
    getattr(group, as_what).add("ada")

    assert "Admins" in (await codes(DisableSignIn(tenant, ada)))["privileged_user"]


async def test_an_administrator_is_refused_to_an_app_without_the_role(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """B8."""
    world.add_role(GLOBAL_ADMIN, "Global Administrator", "ada", "bob")
    for app in world.grants:
        world.grants[app] = Grant(roles=frozenset({USER_ADMIN}))
    task = DisableSignIn(tenant, ada)
    (change,) = await task.pending()

    with pytest.raises(Forbidden):
        await task.apply(change)


async def test_roles_that_cannot_be_read_do_not_hold_up_the_lock_out(world: World, tenant: Tenant, ada: Leaver) -> None:
    for app in world.grants:
        world.grants[app] = Grant(permissions=frozenset({"User.Read.All", "User.EnableDisableAccount.All"}))
    task = DisableSignIn(tenant, ada)

    for change in await task.pending():
        await task.apply(change)

    assert not world.users["ada"].enabled


async def test_the_last_global_administrator_is_not_locked_out(world: World, tenant: Tenant, ada: Leaver) -> None:
    world.add_role(GLOBAL_ADMIN, "Global Administrator", "ada", "bob")
    world.users["bob"].enabled = False
    task = DisableSignIn(tenant, ada)

    assert (await kinds(task))["last_global_administrator"] == "blocker"
    assert await task.pending() == []


async def test_another_global_administrator_is_enough(world: World, tenant: Tenant, ada: Leaver) -> None:
    world.add_role(GLOBAL_ADMIN, "Global Administrator", "ada", "bob")

    assert "last_global_administrator" not in await codes(DisableSignIn(tenant, ada))


async def test_a_guest_keeps_the_account_at_home(world: World, tenant: Tenant, ada: Leaver) -> None:
    """B4."""
    world.users["ada"].user_type = "Guest"

    assert "home tenant" in (await codes(DisableSignIn(tenant, ada)))["guest_home_account"]


async def test_nobody_is_told_that_access_is_gone_when_sessions_stay(tenant: Tenant, ada: Leaver) -> None:
    """B1."""
    both = Context(chosen=frozenset({"disable_sign_in", "revoke_sessions"}))

    assert "sessions_live_on" in await codes(DisableSignIn(tenant, ada))
    assert "sessions_live_on" not in await codes(DisableSignIn(tenant, ada, context=both))
