from __future__ import annotations

from leaver.domain.people import Leaver
from leaver.m365.tenant import Tenant
from leaver.tasks.hand_over.grant_send_as import GrantSendAs
from m365_simulator.world import World
from tasks.contract import TaskContract
from tasks.plans import Asked


class TestGrantSendAs(TaskContract):
    task_type = GrantSendAs
    setting = ["bob@contoso.example", "manager"]  # noqa: RUF012


async def test_those_who_may_already_keep_it(world: World, tenant: Tenant, ada: Leaver) -> None:
    """E11."""
    world.mailboxes["ada"].send_as.append("grace")

    await Asked(tenant, ada, GrantSendAs, ["bob@contoso.example"]).run()

    assert world.mailboxes["ada"].send_as == ["grace", "bob"]


async def test_somebody_who_may_already_is_recognised(world: World, tenant: Tenant, ada: Leaver) -> None:
    world.mailboxes["ada"].send_as.append("bob")

    assert await Asked(tenant, ada, GrantSendAs, ["bob@contoso.example"]).plan() == []


async def test_a_user_without_a_mailbox_is_no_failure(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A18."""
    del world.mailboxes["ada"]

    notes = await Asked(tenant, ada, GrantSendAs, ["bob@contoso.example"]).notes()

    assert notes == {"no_mailbox": "not_applicable"}
