from __future__ import annotations

import pytest

from leaver.domain.errors import NotFound
from leaver.domain.people import Leaver
from leaver.m365.tenant import Tenant
from leaver.tasks.close_account.clear_immutable_id import ClearImmutableId
from m365_simulator.world import World
from support import Wire
from tasks.contract import TaskContract
from tasks.planning import codes, kinds, plan_of


class TestClearImmutableId(TaskContract):
    task_type = ClearImmutableId

    def given(self, world: World) -> None:
        world.users["ada"].immutable_id = "b2xkLWFuY2hvcg=="


async def test_a_synced_account_must_first_be_let_go_by_active_directory(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """G11."""
    world.users["ada"].immutable_id = "b2xkLWFuY2hvcg=="
    world.users["ada"].synced = True
    task = ClearImmutableId(tenant, ada)

    assert await task.pending() == []
    assert (await kinds(task))["still_synced"] == "follow_up"
    assert ada.upn in (await codes(task))["still_synced"]


async def test_an_account_without_one_needs_nothing(tenant: Tenant, ada: Leaver) -> None:
    assert await plan_of(ClearImmutableId(tenant, ada)) == []


async def test_a_deleted_account_is_never_restored_for_it(
    world: World, tenant: Tenant, ada: Leaver, wire: Wire
) -> None:
    """G12: a sync may have deleted it between the plan and the change."""
    world.users["ada"].immutable_id = "b2xkLWFuY2hvcg=="
    task = ClearImmutableId(tenant, ada)
    changes = await task.pending()
    world.deleted_users["ada"] = world.users.pop("ada")

    for change in changes:
        with pytest.raises(NotFound):
            await task.apply(change)

    assert changes
    assert not any("restore" in str(call["path"]) for call in wire.calls)
    assert "ada" in world.deleted_users
