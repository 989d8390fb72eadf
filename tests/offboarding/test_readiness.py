"""The readiness check: says what would work, grants nothing, changes nothing."""

from __future__ import annotations

import pytest

from leaver.domain.people import TenantName
from leaver.offboarding.readiness import Answer, Readiness, check
from leaver.wiring import House
from m365_simulator.world import Cloud, Grant, World
from support import Wire

NARROW = frozenset({"User.Read.All", "User.EnableDisableAccount.All", "RoleManagement.Read.Directory"})


def task(result: Readiness, name: str) -> Answer:
    return next(item.works for item in result.tasks if item.task == name)


async def test_with_every_permission_every_task_would_work(house: House, contoso: TenantName) -> None:
    result = await check(house, contoso)

    assert [(item.task, item.missing, item.reasons) for item in result.tasks if item.works is not Answer.YES] == []


async def test_it_writes_nothing(house: House, contoso: TenantName, wire: Wire) -> None:
    await check(house, contoso)

    assert wire.writes == []


@pytest.fixture
def narrow(cloud: Cloud, world: World) -> None:
    """The application may read users and block sign-in, and nothing else."""
    for client_id in cloud.apps:
        world.grants[client_id] = Grant(NARROW, frozenset())


async def test_a_missing_permission_is_named_with_the_place_to_grant_it(
    house: House, contoso: TenantName, narrow: None
) -> None:
    result = await check(house, contoso)

    assert task(result, "disable_sign_in") is Answer.YES
    assert task(result, "revoke_sessions") is Answer.NO
    missing = {item.name: item.where for item in result.missing}
    assert "Microsoft Graph > Application permissions" in missing["User.RevokeSessions.All"]
