from __future__ import annotations

from leaver.domain.people import Leaver
from leaver.m365.tenant import Tenant
from leaver.tasks.hand_over.disable_forwarding import DisableForwarding
from m365_simulator.world import World
from tasks.contract import TaskContract
from tasks.plans import Asked


class TestDisableForwarding(TaskContract):
    task_type = DisableForwarding

    def given(self, world: World) -> None:
        world.mailboxes["ada"].forwarding_address = "bob"
        world.mailboxes["ada"].forwarding_smtp = "ada@private.example"
        world.mailboxes["ada"].deliver_and_forward = True


async def test_both_kinds_of_forward_end(world: World, tenant: Tenant, ada: Leaver) -> None:
    """F13, F14."""
    mailbox = world.mailboxes["ada"]
    mailbox.forwarding_address, mailbox.forwarding_smtp = "bob", "ada@private.example"

    await Asked(tenant, ada, DisableForwarding).run()

    now = world.mailboxes["ada"]
    assert (now.forwarding_address, now.forwarding_smtp) == (None, None)


async def test_a_mailbox_that_forwards_nothing_is_left_alone(world: World, tenant: Tenant, ada: Leaver) -> None:
    assert await Asked(tenant, ada, DisableForwarding).plan() == []


async def test_a_rule_that_goes_on_forwarding_is_named(world: World, tenant: Tenant, ada: Leaver) -> None:
    """F11, F13."""
    world.add_rule("ada", "To my other address", hidden=True, redirect_to=["ada@private.example"])

    asked = Asked(tenant, ada, DisableForwarding)

    assert await asked.notes() == {"rule_still_forwards": "warning"}
    assert "To my other address" in await asked.texts()


async def test_a_rule_that_another_task_removes_is_not_warned_of(world: World, tenant: Tenant, ada: Leaver) -> None:
    world.add_rule("ada", "To my other address", redirect_to=["ada@private.example"])

    notes = await Asked(tenant, ada, DisableForwarding, chosen=["remove_rules"]).notes()

    assert notes == {}


async def test_a_user_without_a_mailbox_is_no_failure(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A18."""
    del world.mailboxes["ada"]

    notes = await Asked(tenant, ada, DisableForwarding).notes()

    assert notes == {"no_mailbox": "not_applicable"}
