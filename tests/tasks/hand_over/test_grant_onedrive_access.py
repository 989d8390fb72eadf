from __future__ import annotations

import pytest

from leaver.domain.errors import Refused
from leaver.domain.people import Leaver
from leaver.m365.tenant import Tenant
from leaver.tasks.hand_over.grant_onedrive_access import GrantOneDriveAccess
from m365_simulator.faults import Behaviour
from m365_simulator.world import POWER_BI, World
from support import Wire
from tasks.contract import TaskContract
from tasks.plans import Asked

TO_BOB = ["bob@contoso.example"]


def admins(world: World) -> list[str]:
    """The UPNs of those who administer ada's OneDrive."""
    drive = world.users["ada"].drive
    assert drive is not None
    return [login.rpartition("|")[2] for login in drive.admins]


class TestGrantOneDriveAccess(TaskContract):
    task_type = GrantOneDriveAccess
    setting = ["bob@contoso.example", "manager"]  # noqa: RUF012

    def given(self, world: World) -> None:
        # The site knows its owner; the simulator notes that at the first look otherwise.
        drive = world.users["ada"].drive
        assert drive is not None
        drive.ensured = {drive.admins[0]: 3}

    def untouched(self, world: World) -> list[str]:
        return admins(world)


async def test_the_grant_is_read_back(world: World, tenant: Tenant, ada: Leaver) -> None:
    """G2."""
    asked = Asked(tenant, ada, GrantOneDriveAccess, TO_BOB)

    await asked.run()

    assert admins(world) == ["ada@contoso.example", "bob@contoso.example"]
    assert await asked.plan() == []


@pytest.mark.parametrize("said", ["not_found", "bad_request"])
async def test_a_user_who_has_no_onedrive_is_no_failure(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour, said: str
) -> None:
    """G3."""
    world.users["ada"].drive = None
    behaviour.no_drive_error = said

    notes = await Asked(tenant, ada, GrantOneDriveAccess, TO_BOB).notes()

    assert notes == {"no_onedrive": "not_applicable"}


async def test_the_site_address_is_the_one_that_graph_gives(
    world: World, tenant: Tenant, ada: Leaver, wire: Wire
) -> None:
    """G4."""
    drive = world.users["ada"].drive
    assert drive is not None
    drive.site_url = "https://renamedco-my.sharepoint.com/personal/ada_byron"

    await Asked(tenant, ada, GrantOneDriveAccess, TO_BOB).run()

    assert "bob@contoso.example" in admins(world)


async def test_with_only_a_secret_the_plan_says_why_it_cannot_work_before_anything_changes(
    world: World, tenant_by_secret: Tenant, ada: Leaver, wire: Wire
) -> None:
    """G1."""
    asked = Asked(tenant_by_secret, ada, GrantOneDriveAccess, TO_BOB)

    assert await asked.notes() == {"sharepoint_needs_certificate": "blocker"}
    assert "certificate" in await asked.texts()
    assert wire.writes == []


async def test_with_only_a_secret_the_task_can_be_left_to_a_person(
    world: World, tenant_by_secret: Tenant, ada: Leaver
) -> None:
    """G1."""
    decisions = {"sharepoint_needs_certificate": "skip"}

    notes = await Asked(tenant_by_secret, ada, GrantOneDriveAccess, TO_BOB, decisions=decisions).notes()

    assert notes == {"sharepoint_needs_certificate": "follow_up"}


async def test_a_colleague_whom_sharepoint_does_not_know_is_named(world: World, tenant: Tenant, ada: Leaver) -> None:
    """G5."""
    world.add_user("carl", licenses=[POWER_BI], drive=False)

    with pytest.raises(Refused, match=r"carl@contoso\.example"):
        await Asked(tenant, ada, GrantOneDriveAccess, ["carl@contoso.example"]).run()
