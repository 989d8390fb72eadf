"""The readiness check: says what would work, grants nothing, changes nothing."""

from __future__ import annotations

import pytest

from leaver.domain.people import TenantName
from leaver.offboarding.planner import Preview
from leaver.offboarding.readiness import Answer, Readiness, check
from leaver.wiring import House
from m365_simulator.world import Cloud, Grant, World
from support import EVERYTHING, Desk, Wire, give_ada_everything

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


def warned(preview: Preview) -> dict[str, str]:
    """What each task of the plan says of missing permissions."""
    tasks = preview.offboardings[0].tasks
    return {task.task: note.text for task in tasks for note in task.notes if note.code == "missing_permission"}


async def test_a_plan_warns_of_permissions_that_its_tasks_will_miss(
    desk: Desk, world: World, narrow: None, wire: Wire
) -> None:
    """C5 and B8: said before the first change, with the place to grant it."""
    settings = {"disable_sign_in": True, "revoke_sessions": True, "reset_password": True}

    said = warned(await desk.preview("ada@contoso.example", settings=settings))

    assert set(said) == {"revoke_sessions", "reset_password"}
    assert "does not hold User-PasswordProfile.ReadWrite.All, User Administrator" in said["reset_password"]
    assert "Roles & admins" in said["reset_password"]
    assert wire.writes == []


async def test_a_plan_does_not_warn_where_there_is_nothing_to_do(desk: Desk, world: World, narrow: None) -> None:
    world.users["ada"].immutable_id = None

    assert warned(await desk.preview("ada@contoso.example", settings={"clear_immutable_id": True})) == {}


async def test_a_plan_with_every_permission_warns_of_none(desk: Desk, world: World) -> None:
    give_ada_everything(world)

    assert warned(await desk.preview("ada@contoso.example", settings=EVERYTHING)) == {}


async def test_a_plan_asks_for_no_token_only_to_read_it(desk: Desk, wire: Wire) -> None:
    await desk.preview("ada@contoso.example", settings={"disable_sign_in": True})

    asked = [call["parameters"]["scope"] for call in wire.calls if call["service"] == "login"]
    assert len(asked) == 1


async def test_a_wider_permission_is_as_good(desk: Desk, cloud: Cloud, world: World) -> None:
    for client_id in cloud.apps:
        world.grants[client_id] = Grant(frozenset({"User.ReadWrite.All", "Directory.Read.All"}))

    settings = {"disable_sign_in": True, "revoke_sessions": True, "reset_password": True}
    assert warned(await desk.preview("ada@contoso.example", settings=settings)) == {}
