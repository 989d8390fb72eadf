from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from leaver.domain.errors import Forbidden
from leaver.domain.people import Leaver
from leaver.domain.plan import Awaiting
from leaver.m365.tenant import Tenant
from leaver.tasks.close_account.delete_user import DeleteUser
from leaver.tasks.task import Context
from m365_simulator.world import EXCHANGE_ADMIN, GLOBAL_ADMIN, USER_ADMIN, Grant, World
from tasks.contract import TaskContract
from tasks.planning import apply_all, codes, kinds, plan_of


class TestDeleteUser(TaskContract):
    task_type = DeleteUser

    def given(self, world: World) -> None:
        world.add_group("sales", "ada", "bob")

    def untouched(self, world: World) -> Any:
        ada = world.users.get("ada")
        return (ada and ada.upn, sorted(world.users), {name: set(who) for name, who in world.members.items()})


async def test_a_deleted_user_leaves_nothing_to_do(world: World, tenant: Tenant, ada: Leaver) -> None:
    await apply_all(lambda: DeleteUser(tenant.fresh(), ada))

    assert await plan_of(DeleteUser(tenant.fresh(), ada)) == []
    assert "ada" in world.deleted_users


async def test_a_user_who_is_gone_but_not_listed_as_deleted_is_awaited(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    del world.users["ada"]

    (item,) = await plan_of(DeleteUser(tenant, ada))

    assert isinstance(item, Awaiting)


async def test_a_synced_user_is_deleted_at_the_source(world: World, tenant: Tenant, ada: Leaver) -> None:
    """G13."""
    world.users["ada"].synced = True
    task = DeleteUser(tenant, ada)

    assert await task.pending() == []
    assert (await kinds(task))["delete_in_active_directory"] == "follow_up"


async def test_the_role_that_a_privileged_user_asks_for_is_named(world: World, tenant: Tenant, ada: Leaver) -> None:
    """G13."""
    world.add_role(USER_ADMIN, "User Administrator", "ada")

    assert "Privileged Authentication" in (await codes(DeleteUser(tenant, ada)))["privileged_user"]


async def test_a_privileged_user_is_refused_to_an_app_without_the_role(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """G13."""
    world.add_role(GLOBAL_ADMIN, "Global Administrator", "ada", "bob")
    for app in world.grants:
        world.grants[app] = Grant(roles=frozenset({USER_ADMIN, EXCHANGE_ADMIN}))
    task = DeleteUser(tenant, ada)
    (change,) = await task.pending()

    with pytest.raises(Forbidden):
        await task.apply(change)


async def test_the_last_global_administrator_is_not_deleted(world: World, tenant: Tenant, ada: Leaver) -> None:
    world.add_role(GLOBAL_ADMIN, "Global Administrator", "ada")
    task = DeleteUser(tenant, ada)

    assert (await kinds(task))["last_global_administrator"] == "blocker"
    assert await task.pending() == []


def test_the_user_is_deleted_when_everything_else_has_ended_well() -> None:
    """G14."""
    assert DeleteUser.needs == ("*",)


async def test_the_dates_at_which_mailbox_and_onedrive_are_lost_are_told(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """G8, G15."""
    context = Context(asked_at=datetime(2026, 1, 1, tzinfo=UTC))

    told = await codes(DeleteUser(tenant, ada, context=context))

    assert "2026-01-31" in told["mailbox_deleted"]
    assert "2026-01-31" in told["onedrive_deleted"]
    assert "2026-05-04" in told["onedrive_deleted"]


async def test_without_a_manager_nobody_is_told_of_the_onedrive(world: World, tenant: Tenant, ada: Leaver) -> None:
    """G8."""
    with_manager = await codes(DeleteUser(tenant, ada))
    world.users["ada"].manager = None

    assert "no_manager" not in with_manager
    assert "no_manager" in await codes(DeleteUser(tenant.fresh(), ada))


async def test_a_mailbox_on_hold_becomes_an_inactive_one(world: World, tenant: Tenant, ada: Leaver) -> None:
    """G15."""
    world.mailboxes["ada"].litigation_hold = True

    told = await codes(DeleteUser(tenant, ada))

    assert "litigation hold" in told["inactive_mailbox"]
    assert "mailbox_deleted" not in told


async def test_the_addresses_are_recorded_for_a_restore(world: World, tenant: Tenant, ada: Leaver) -> None:
    """G16."""
    world.users["ada"].proxy_addresses.append("smtp:a.example@contoso.example")

    (change,) = await DeleteUser(tenant, ada).pending()

    assert change.before == ada.upn
    assert "smtp:a.example@contoso.example" in str(change.ref["addresses"])
