from __future__ import annotations

import pytest

from leaver.domain.errors import LeaverError
from leaver.domain.people import Leaver
from leaver.m365.tenant import Tenant
from leaver.tasks.clear_out.disable_onedrive_sharing import DisableOneDriveSharing
from m365_simulator.faults import Behaviour
from m365_simulator.world import World
from support import Wire
from tasks.contract import TaskContract
from tasks.plans import Asked


class TestDisableOneDriveSharing(TaskContract):
    task_type = DisableOneDriveSharing


@pytest.mark.parametrize("capability", [1, 2, 3])
async def test_undo_brings_back_what_was_allowed(world: World, tenant: Tenant, ada: Leaver, capability: int) -> None:
    drive = world.users["ada"].drive
    assert drive is not None
    drive.sharing = capability
    asked = Asked(tenant, ada, DisableOneDriveSharing)
    await asked.run()
    off = drive.sharing

    await asked.undo()

    assert (off, drive.sharing) == (0, capability)


async def test_a_onedrive_that_is_not_shared_is_left_alone(world: World, tenant: Tenant, ada: Leaver) -> None:
    drive = world.users["ada"].drive
    assert drive is not None
    drive.sharing = 0

    assert await Asked(tenant, ada, DisableOneDriveSharing).plan() == []


async def test_a_user_who_has_no_onedrive_is_no_failure(world: World, tenant: Tenant, ada: Leaver) -> None:
    """G3."""
    world.users["ada"].drive = None

    notes = await Asked(tenant, ada, DisableOneDriveSharing).notes()

    assert notes == {"no_onedrive": "not_applicable"}


async def test_colleagues_get_access_before_sharing_ends() -> None:
    """G9."""
    assert "grant_onedrive_access" in DisableOneDriveSharing.follows


async def test_a_refusal_inside_a_successful_answer_is_an_error(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour
) -> None:
    """G1."""
    behaviour.sharepoint_tenant_access = "refuse"

    with pytest.raises(LeaverError):
        await Asked(tenant, ada, DisableOneDriveSharing).run()


async def test_with_only_a_secret_the_plan_says_why_it_cannot_work_before_anything_changes(
    world: World, tenant_by_secret: Tenant, ada: Leaver, wire: Wire
) -> None:
    """G1."""
    asked = Asked(tenant_by_secret, ada, DisableOneDriveSharing)

    assert await asked.notes() == {"sharepoint_needs_certificate": "blocker"}
    assert wire.writes == []


async def test_with_only_a_secret_the_task_can_be_left_to_a_person(
    world: World, tenant_by_secret: Tenant, ada: Leaver
) -> None:
    """G1."""
    asked = Asked(tenant_by_secret, ada, DisableOneDriveSharing, decisions={"sharepoint_needs_certificate": "skip"})

    assert await asked.notes() == {"sharepoint_needs_certificate": "follow_up"}
