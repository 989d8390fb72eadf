from __future__ import annotations

import asyncio

import pytest

from leaver.domain.errors import NotYet
from leaver.domain.people import Leaver
from leaver.m365.tenant import Tenant
from leaver.tasks.hand_over.convert_to_shared import ConvertToShared
from m365_simulator.faults import Behaviour
from m365_simulator.world import GB, World
from tasks.contract import TaskContract
from tasks.plans import Asked


class TestConvertToShared(TaskContract):
    task_type = ConvertToShared


async def test_it_is_not_done_before_the_type_reads_back(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour
) -> None:
    """A1."""
    behaviour.conversion_delay = 0.2
    asked = Asked(tenant, ada, ConvertToShared)
    await asked.run()

    assert await asked.changes() == ["mailbox type"]
    await asyncio.sleep(0.25)
    assert await asked.changes() == []


async def test_a_mailbox_that_is_shared_already_is_left_alone(world: World, tenant: Tenant, ada: Leaver) -> None:
    world.mailboxes["ada"].kind = "SharedMailbox"
    world.users["ada"].licenses = []

    assert await Asked(tenant, ada, ConvertToShared).plan() == []


async def test_an_unlicensed_user_mailbox_must_be_licensed_first(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A2."""
    world.users["ada"].licenses = []
    asked = Asked(tenant, ada, ConvertToShared)

    assert await asked.notes() == {"mailbox_without_license": "blocker"}
    assert "Assign an Exchange Online license" in await asked.texts()


async def test_an_unlicensed_user_mailbox_can_be_left_to_a_person(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A2."""
    world.users["ada"].licenses = []

    notes = await Asked(tenant, ada, ConvertToShared, decisions={"mailbox_without_license": "skip"}).notes()

    assert notes == {"mailbox_without_license": "follow_up"}


async def test_a_user_whose_mailbox_is_gone_is_told_the_way_back(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A2, A16, A18."""
    del world.mailboxes["ada"]
    asked = Asked(tenant, ada, ConvertToShared)

    assert await asked.notes() == {"no_mailbox": "not_applicable"}
    assert "assign it again" in await asked.texts()


async def test_a_large_mailbox_keeps_its_type_if_that_was_decided(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A11."""
    world.mailboxes["ada"].size = 51 * GB

    notes = await Asked(
        tenant, ada, ConvertToShared, decisions={"mailbox_over_50_gb": "keep_user_mailbox"}, chosen=["remove_licenses"]
    ).notes()

    assert notes == {"mailbox_over_50_gb": "not_applicable"}


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("size", 51 * GB, "51.0 GB"),
        ("archive", True, "archive"),
        ("litigation_hold", True, "litigation hold"),
        ("in_place_holds", ["UniH1"], "eDiscovery hold"),
    ],
)
async def test_a_mailbox_that_needs_a_license_as_a_shared_one_too_is_warned_of(
    world: World, tenant: Tenant, ada: Leaver, field: str, value: object, word: str
) -> None:
    """A11, A12."""
    setattr(world.mailboxes["ada"], field, value)
    asked = Asked(tenant, ada, ConvertToShared)

    assert await asked.notes() == {"shared_mailbox_needs_license": "warning"}
    assert word in await asked.texts()


async def test_a_synced_users_mailbox_is_also_to_be_set_on_premises(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A13."""
    world.users["ada"].synced = True
    asked = Asked(tenant, ada, ConvertToShared)

    assert await asked.changes() == ["mailbox type"]
    assert await asked.notes() == {"set_type_on_premises": "follow_up"}


@pytest.mark.parametrize("kind", ["RoomMailbox", "EquipmentMailbox"])
async def test_a_room_is_not_converted(world: World, tenant: Tenant, ada: Leaver, kind: str) -> None:
    world.mailboxes["ada"].kind = kind

    notes = await Asked(tenant, ada, ConvertToShared).notes()

    assert notes == {"not_a_user_mailbox": "not_applicable"}


async def test_an_on_premises_mailbox_is_left_to_a_person(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A18."""
    world.mailboxes["ada"].on_premises = True

    notes = await Asked(tenant, ada, ConvertToShared).notes()

    assert notes == {"on_premises_mailbox": "follow_up"}


async def test_phones_are_removed_before_the_conversion() -> None:
    """F21."""
    assert "remove_mobile_devices" in ConvertToShared.follows


async def test_undo_waits_for_the_license(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A2."""
    asked = Asked(tenant, ada, ConvertToShared)
    await asked.run()
    world.users["ada"].licenses = []

    with pytest.raises(NotYet, match="license"):
        await asked.undo()
