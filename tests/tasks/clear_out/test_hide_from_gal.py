from __future__ import annotations

from leaver.domain.people import Leaver
from leaver.m365.tenant import Tenant
from leaver.tasks.clear_out.hide_from_gal import HideFromGal
from m365_simulator.world import World
from support import Wire
from tasks.contract import TaskContract
from tasks.plans import Asked


class TestHideFromGal(TaskContract):
    task_type = HideFromGal


async def test_it_is_done_when_the_mailbox_reads_back_as_hidden(world: World, tenant: Tenant, ada: Leaver) -> None:
    """F1."""
    asked = Asked(tenant, ada, HideFromGal)
    await asked.run()

    assert world.mailboxes["ada"].hidden
    assert await asked.plan() == []


async def test_a_synced_mailbox_is_hidden_in_active_directory(
    world: World, tenant: Tenant, ada: Leaver, wire: Wire
) -> None:
    """F3."""
    world.users["ada"].synced = True
    asked = Asked(tenant, ada, HideFromGal)

    assert await asked.notes() == {"hide_on_premises": "follow_up"}
    assert "msExchHideFromAddressLists" in await asked.texts()
    assert await asked.changes() == []


async def test_a_synced_mailbox_that_is_hidden_needs_nothing(world: World, tenant: Tenant, ada: Leaver) -> None:
    """F3."""
    world.users["ada"].synced = True
    world.mailboxes["ada"].hidden = True

    assert await Asked(tenant, ada, HideFromGal).plan() == []


async def test_a_user_without_a_mailbox_is_no_failure(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A18."""
    del world.mailboxes["ada"]

    notes = await Asked(tenant, ada, HideFromGal).notes()

    assert notes == {"no_mailbox": "not_applicable"}
