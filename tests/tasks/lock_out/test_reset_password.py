from __future__ import annotations

import json
from datetime import timedelta

from leaver.domain.people import Leaver
from leaver.domain.plan import NotApplicable
from leaver.m365.tenant import Tenant
from leaver.tasks.lock_out.reset_password import ResetPassword
from leaver.tasks.task import Context
from m365_simulator.faults import Behaviour, Fault
from m365_simulator.world import World
from support import Wire
from tasks.contract import TaskContract
from tasks.planning import codes, plan_of


class TestResetPassword(TaskContract):
    task_type = ResetPassword
    undoable = False


async def reset(tenant: Tenant, ada: Leaver) -> None:
    task = ResetPassword(tenant, ada)
    for change in await task.pending():
        await task.apply(change)


async def test_the_account_gets_another_password(world: World, tenant: Tenant, ada: Leaver) -> None:
    before = world.users["ada"].password_sha256

    await reset(tenant, ada)

    assert world.users["ada"].password_sha256 != before


async def test_whoever_holds_the_password_cannot_set_their_own(world: World, tenant: Tenant, ada: Leaver) -> None:
    """B12."""
    await reset(tenant, ada)

    assert world.users["ada"].force_change is False


async def test_the_change_holds_no_secret(tenant: Tenant, ada: Leaver) -> None:
    """B11."""
    (change,) = await ResetPassword(tenant, ada).pending()

    assert (change.after, dict(change.ref)) == ("random, known to nobody", {})


async def test_a_password_that_is_refused_is_drawn_again(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour, wire: Wire
) -> None:
    """B10."""
    words = "The specified password does not comply with password complexity requirements."
    refusal = {"error": {"code": "Request_BadRequest", "message": words}}
    behaviour.faults.append(Fault("PATCH /users/", status=400, body=refusal))

    await reset(tenant, ada)

    assert world.users["ada"].password_sha256
    assert len(wire.writes) == 2


async def test_the_password_of_a_synced_account_is_reset_at_its_source_twice(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """B7."""
    user = world.users["ada"]
    user.synced, user.sam_account_name, user.on_premises_domain = True, "ada", "contoso.local"
    task = ResetPassword(tenant, ada)

    told = (await codes(task))["reset_password_in_active_directory"]

    assert await task.pending() == []
    assert "CONTOSO\\ada" in told
    assert "twice" in told


async def test_nothing_is_left_once_the_reset_at_its_source_has_been_synced(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """B7."""
    context = Context(asked_at=tenant.now())
    world.users["ada"].synced = True
    world.users["ada"].last_password_change = context.asked_at + timedelta(minutes=5)

    assert await plan_of(ResetPassword(tenant, ada, context=context)) == []


async def test_a_guest_has_no_password_here(world: World, tenant: Tenant, ada: Leaver) -> None:
    """B4."""
    world.users["ada"].user_type = "Guest"

    (item,) = await plan_of(ResetPassword(tenant, ada))

    assert isinstance(item, NotApplicable)


async def test_a_password_older_than_the_offboarding_is_reset(world: World, tenant: Tenant, ada: Leaver) -> None:
    context = Context(asked_at=tenant.now())
    world.users["ada"].last_password_change = context.asked_at - timedelta(seconds=10)

    assert await ResetPassword(tenant, ada, context=context).pending()


async def test_no_recorded_call_tells_the_password(tenant: Tenant, ada: Leaver, wire: Wire) -> None:
    """B11."""
    await reset(tenant, ada)

    (write,) = wire.writes
    told = json.dumps(write["parameters"]) if "parameters" in write else json.dumps(write)
    assert "passwordProfile" not in told or "***" in told
