from __future__ import annotations

from datetime import timedelta

from leaver.domain.people import Leaver
from leaver.m365.tenant import Tenant
from leaver.tasks.lock_out.revoke_sessions import RevokeSessions
from leaver.tasks.task import Context
from m365_simulator.faults import Behaviour
from m365_simulator.world import World
from tasks.contract import TaskContract
from tasks.planning import apply_all, codes


class TestRevokeSessions(TaskContract):
    task_type = RevokeSessions
    undoable = False


def test_the_door_is_closed_before_sessions_are_revoked() -> None:
    """B2."""
    assert {"disable_sign_in", "reset_password"} <= set(RevokeSessions.follows)


async def test_an_accepted_call_alone_is_no_evidence(tenant: Tenant, ada: Leaver, behaviour: Behaviour) -> None:
    """B3."""
    behaviour.revoke_moves_time = False
    context = Context(asked_at=tenant.now())

    await apply_all(lambda: RevokeSessions(tenant.fresh(), ada, context=context))

    assert await RevokeSessions(tenant.fresh(), ada, context=context).pending()


async def test_the_hour_that_access_tokens_live_is_told(tenant: Tenant, ada: Leaver) -> None:
    """B1."""
    assert "an hour" in (await codes(RevokeSessions(tenant, ada)))["issued_access_tokens"]


async def test_a_guest_is_revoked_and_called_without_effect(world: World, tenant: Tenant, ada: Leaver) -> None:
    """B4."""
    world.users["ada"].user_type = "Guest"
    task = RevokeSessions(tenant, ada)

    assert "no effect" in (await codes(task))["guest_sessions"]
    assert await task.pending()


async def test_sessions_from_before_the_password_reset_are_revoked(world: World, tenant: Tenant, ada: Leaver) -> None:
    """B2."""
    context = Context(asked_at=tenant.now())
    user = world.users["ada"]
    user.sessions_valid_from = context.asked_at + timedelta(seconds=5)
    user.last_password_change = context.asked_at + timedelta(seconds=30)

    assert await RevokeSessions(tenant, ada, context=context).pending()


async def test_a_former_reset_does_not_ask_for_another_revocation(world: World, tenant: Tenant, ada: Leaver) -> None:
    context = Context(asked_at=tenant.now())
    world.users["ada"].sessions_valid_from = context.asked_at.replace(microsecond=0)

    assert await RevokeSessions(tenant, ada, context=context).pending() == []
