"""Tenants without Exchange Online: what has nothing to do with mail is still done."""

from __future__ import annotations

from m365_simulator.world import POWER_BI, World
from support import Desk, outcomes

ADA = "ada@contoso.example"


async def test_a_tenant_that_has_not_bought_exchange_has_no_mailboxes_and_is_left_all_the_same(
    desk: Desk, world: World
) -> None:
    """A18, D14: neither a blocker nor a failure."""
    world.exchange = False
    world.mailboxes.clear()
    world.skus.clear()
    world.add_sku(POWER_BI)
    for user in world.users.values():
        user.licenses.clear()
    world.add_group("sales", "ada", "bob")
    names = ("hide_from_gal", "remove_mailbox_permissions", "remove_calendar_permissions", "remove_groups")

    (record,) = await desk.offboard(ADA, settings={**dict.fromkeys(names, True), "remove_licenses": True})

    assert outcomes(record) == {
        "hide_from_gal": "not_applicable",
        "remove_mailbox_permissions": "not_applicable",
        "remove_calendar_permissions": "not_applicable",
        "remove_groups": "verified",
        "remove_licenses": "already_in_place",
    }


async def test_an_exchange_that_was_bought_and_gives_no_token_is_not_taken_for_none(desk: Desk, world: World) -> None:
    """H20: there are mailboxes, and nothing is known of them."""
    world.exchange = False

    planned = await desk.preview(ADA, settings={"hide_from_gal": True})

    (task,) = planned.offboardings[0].tasks
    assert (task.outcome.value, task.error and task.error.code) == ("blocked", "AADSTS650052")
