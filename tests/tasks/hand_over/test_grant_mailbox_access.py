from __future__ import annotations

import pytest

from leaver.domain.errors import Unusable
from leaver.domain.people import Leaver
from leaver.m365.tenant import Tenant
from leaver.offboarding.settings import parse
from leaver.tasks.hand_over.grant_mailbox_access import GrantMailboxAccess
from m365_simulator.world import FullAccess, World
from tasks.contract import TaskContract
from tasks.plans import Asked


class TestGrantMailboxAccess(TaskContract):
    task_type = GrantMailboxAccess
    setting = [{"user": "bob@contoso.example", "automapping": False}, "manager"]  # noqa: RUF012

    def given(self, world: World) -> None:
        world.mailboxes["ada"].full_access.append(FullAccess("NT AUTHORITY\\SELF"))


def given_access(world: World) -> dict[str, bool]:
    """Who can open ada's mailbox, and whether it appears by itself."""
    return {entry.user: entry.automapping for entry in world.mailboxes["ada"].full_access}


@pytest.mark.parametrize("automapping", [True, False])
async def test_automapping_is_as_chosen(world: World, tenant: Tenant, ada: Leaver, automapping: bool) -> None:
    """E3."""
    grants = [{"user": "bob@contoso.example", "automapping": automapping}]

    await Asked(tenant, ada, GrantMailboxAccess, grants).run()

    assert given_access(world) == {"bob": automapping}


async def test_access_that_is_there_stays_as_it_is_and_the_plan_says_so(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """E3."""
    world.give_full_access("ada", "bob", automapping=False)
    asked = Asked(tenant, ada, GrantMailboxAccess, ["bob@contoso.example"])

    assert await asked.changes() == []
    assert await asked.notes() == {"automapping_unknown": "info"}


async def test_one_person_under_two_names_gets_one_grant(world: World, tenant: Tenant, ada: Leaver) -> None:
    """E4."""
    changes = await Asked(tenant, ada, GrantMailboxAccess, ["manager", "grace@contoso.example"]).changes()

    assert changes == ["full access for Grace Example (grace@contoso.example)"]


async def test_one_person_under_two_names_cannot_have_it_both_ways(world: World, tenant: Tenant, ada: Leaver) -> None:
    """E4."""
    grants = ["manager", {"user": "grace@contoso.example", "automapping": False}]

    notes = await Asked(tenant, ada, GrantMailboxAccess, grants).notes()

    assert notes == {"automapping_both_ways": "blocker"}


@pytest.mark.parametrize("setting", [True, [], [""], ["  "], [{"user": None}], [{"rights": "x", "user": "bob"}]])
def test_a_grant_to_nobody_or_of_something_else_is_refused(setting: object) -> None:
    """E1, E5."""
    with pytest.raises(Unusable):
        parse({"grant_mailbox_access": setting})


async def test_the_leavers_id_is_the_only_one_that_is_written_to(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A10."""
    await Asked(tenant, ada, GrantMailboxAccess, ["bob@contoso.example"]).run()

    assert world.mailboxes["bob"].full_access == []


async def test_a_user_without_a_mailbox_is_no_failure(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A18."""
    del world.mailboxes["ada"]

    notes = await Asked(tenant, ada, GrantMailboxAccess, ["bob@contoso.example"]).notes()

    assert notes == {"no_mailbox": "not_applicable"}
