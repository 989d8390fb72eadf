from __future__ import annotations

import pytest

from leaver.domain.errors import NotYet
from leaver.domain.people import Leaver
from leaver.m365.tenant import Tenant
from leaver.tasks.lock_out.remove_mfa_methods import RemoveMfaMethods
from m365_simulator.world import USER_ADMIN, World
from tasks.contract import TaskContract
from tasks.planning import apply_all, codes, kinds


class TestRemoveMfaMethods(TaskContract):
    task_type = RemoveMfaMethods
    undoable = False

    def given(self, world: World) -> None:
        world.add_method("ada", "microsoftAuthenticator", display="Ada's iPhone", default=True)
        world.add_method("ada", "phone", phone_type="mobile")
        world.add_method("ada", "phone", phone_type="alternateMobile")
        world.add_method("ada", "fido2")
        world.add_method("ada", "softwareOath")
        world.add_method("ada", "email")
        world.add_method("bob", "fido2")


async def test_the_default_method_is_refused_while_there_are_others(world: World, tenant: Tenant, ada: Leaver) -> None:
    """C1."""
    world.add_method("ada", "microsoftAuthenticator", default=True)
    world.add_method("ada", "fido2")
    task = RemoveMfaMethods(tenant, ada)
    default, other = await task.pending()

    with pytest.raises(NotYet):
        await task.apply(default)
    await task.apply(other)
    await task.apply(default)

    assert world.users["ada"].methods == []


async def test_the_alternate_phone_goes_before_the_mobile_one(world: World, tenant: Tenant, ada: Leaver) -> None:
    """C2."""
    world.add_method("ada", "phone", phone_type="mobile")
    world.add_method("ada", "phone", phone_type="alternateMobile")

    first, second = await RemoveMfaMethods(tenant, ada).pending()

    assert [first.ref["phone_type"], second.ref["phone_type"]] == ["alternateMobile", "mobile"]
    assert first.lane == second.lane != ""


async def test_a_kind_that_nobody_knows_is_left_to_a_person(world: World, tenant: Tenant, ada: Leaver) -> None:
    """C3."""
    world.add_method("ada", "brainWave")
    task = RemoveMfaMethods(tenant, ada)

    assert (await kinds(task))["unknown_mfa_method"] == "follow_up"
    assert "brainWave" in (await codes(task))["unknown_mfa_method"]
    assert await task.pending() == []


async def test_forty_methods_go_each_with_a_change_of_its_own(world: World, tenant: Tenant, ada: Leaver) -> None:
    """C4."""
    for _ in range(40):
        world.add_method("ada", "windowsHelloForBusiness")

    made = await apply_all(lambda: RemoveMfaMethods(tenant.fresh(), ada))

    assert len(made) == 40
    assert world.users["ada"].methods == []


async def test_the_role_that_a_privileged_account_asks_for_is_named(world: World, tenant: Tenant, ada: Leaver) -> None:
    """C5."""
    world.add_role(USER_ADMIN, "User Administrator", "ada")
    world.add_method("ada", "fido2")

    assert "Privileged Authentication" in (await codes(RemoveMfaMethods(tenant, ada)))["privileged_user"]


async def test_a_colleague_keeps_their_methods(world: World, tenant: Tenant, ada: Leaver) -> None:
    world.add_method("ada", "fido2")
    world.add_method("bob", "fido2")

    await apply_all(lambda: RemoveMfaMethods(tenant.fresh(), ada))

    assert len(world.users["bob"].methods) == 1


def test_methods_go_only_when_the_password_alone_no_longer_opens_the_account() -> None:
    assert {"disable_sign_in", "reset_password"} <= set(RemoveMfaMethods.follows)
