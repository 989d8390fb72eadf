from __future__ import annotations

from typing import Any

from leaver.domain.people import Leaver
from leaver.domain.plan import Change
from leaver.m365.tenant import Tenant
from leaver.tasks.clear_out.remove_rules import RemoveRules
from m365_simulator.faults import Behaviour
from m365_simulator.world import World
from support import Wire
from tasks.contract import TaskContract
from tasks.plans import Asked


def rules(world: World) -> list[str]:
    """The names of ada's rules."""
    return [rule.name for rule in world.mailboxes["ada"].rules]


class TestRemoveRules(TaskContract):
    task_type = RemoveRules

    def given(self, world: World) -> None:
        world.add_rule("ada", "Invoices", subject_contains=["invoice"], move_to_folder="Invoices")
        world.add_rule("ada", "Old", enabled=False, delete_message=True)
        world.add_rule("ada", "Junk E-mail Rule", hidden=True)

    def untouched(self, world: World) -> Any:
        # A rule that is made again gets another id, and a place at the end.
        return sorted((rule.name, rule.enabled, rule.subject_contains) for rule in world.mailboxes["ada"].rules)


async def test_a_hidden_rule_that_forwards_goes_too(world: World, tenant: Tenant, ada: Leaver) -> None:
    """F11."""
    world.add_rule("ada", "sync", hidden=True, redirect_to=["ada@private.example"])

    await Asked(tenant, ada, RemoveRules).run()

    assert rules(world) == []


async def test_the_rules_that_carry_replies_and_junk_filtering_stay(world: World, tenant: Tenant, ada: Leaver) -> None:
    """F8."""
    world.add_rule("ada", "Junk E-mail Rule", hidden=True)
    world.add_rule("ada", "microsoft.exchange.oof.InternalSenders.Global", hidden=True)
    world.add_rule("ada", "Mine")

    await Asked(tenant, ada, RemoveRules).run()

    assert rules(world) == ["Junk E-mail Rule", "microsoft.exchange.oof.InternalSenders.Global"]


async def test_each_call_goes_to_the_server_of_the_mailbox(
    world: World, tenant: Tenant, ada: Leaver, behaviour: Behaviour
) -> None:
    """F9, F10."""
    behaviour.exchange_anchor = "required"
    world.add_rule("ada", "Mine")

    await Asked(tenant, ada, RemoveRules).run()

    assert rules(world) == []


async def test_outlooks_own_rules_are_warned_of(world: World, tenant: Tenant, ada: Leaver) -> None:
    """F12."""
    world.add_rule("ada", "Mine")

    notes = await Asked(tenant, ada, RemoveRules).notes()

    assert notes == {"client_only_rules": "warning"}


async def test_undo_makes_a_forwarding_rule_again_as_it_was(world: World, tenant: Tenant, ada: Leaver) -> None:
    """H25."""
    world.add_rule("ada", "To Bob", forward_to=["bob@contoso.example"], subject_contains=["order"])
    asked = Asked(tenant, ada, RemoveRules)
    await asked.run()

    await asked.undo()

    (rule,) = world.mailboxes["ada"].rules
    assert (rule.name, rule.subject_contains, bool(rule.forward_to)) == ("To Bob", ["order"], True)


async def test_undoing_twice_makes_one_rule(world: World, tenant: Tenant, ada: Leaver, wire: Wire) -> None:
    world.add_rule("ada", "Invoices", subject_contains=["invoice"], move_to_folder="Invoices")
    asked = Asked(tenant, ada, RemoveRules)
    await asked.run()

    await asked.undo()
    await asked.undo()

    assert rules(world) == ["Invoices"]


async def test_a_user_without_a_mailbox_is_no_failure(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A18."""
    del world.mailboxes["ada"]

    notes = await Asked(tenant, ada, RemoveRules).notes()

    assert notes == {"no_mailbox": "not_applicable"}


async def test_rules_come_back_in_their_order(world: World, tenant: Tenant, ada: Leaver) -> None:
    """H25: which rule is asked first is part of what the rules do."""
    for name in ("First", "Second", "Third"):
        world.add_rule("ada", name, move_to_folder=name)
    for number, rule in enumerate(world.mailboxes["ada"].rules, 1):
        rule.priority = number
    asked = Asked(tenant, ada, RemoveRules)
    await asked.run()

    await asked.undo()

    rules = sorted(world.mailboxes["ada"].rules, key=lambda rule: rule.priority)
    assert [rule.name for rule in rules] == ["First", "Second", "Third"]


async def test_a_rule_is_known_again_although_its_place_has_shifted(tenant: Tenant, ada: Leaver) -> None:
    task = RemoveRules(tenant, ada)
    record = {"Name": "Invoices", "MoveToFolder": "Invoices", "Priority": 1}
    rule = Change("hidden inbox rule Invoices", before=record)

    assert task.same(Change("inbox rule Invoices", before={**record, "Priority": 7}), rule)
    assert not task.same(Change("inbox rule Invoices", before={**record, "MoveToFolder": "Archive"}), rule)


async def test_a_forward_that_goes_by_the_name_of_a_system_rule_is_no_system_rule(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """F11: whoever hides a forward gives it a name that clean-ups pass over."""
    world.add_rule("ada", "Junk E-mail Rule", hidden=True)
    world.add_rule("ada", "Junk E-Mail Rule ", hidden=True, redirect_to=["ada@private.example"])
    world.add_rule("ada", "Junk E-mail Rule 2", hidden=True)

    await Asked(tenant, ada, RemoveRules).run()

    assert rules(world) == ["Junk E-mail Rule"]


async def test_a_rule_without_a_name_is_shown_by_what_it_does_and_can_be_made_again(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """F11, H25."""
    world.add_rule("ada", "", hidden=True, forward_to=["ada@private.example"])
    asked = Asked(tenant, ada, RemoveRules)

    (what,) = await asked.changes()
    await asked.run()
    await asked.undo()

    assert what.endswith("inbox rule without a name (forwards to ada@private.example)")
    assert [(rule.name, rule.forward_to) for rule in world.mailboxes["ada"].rules] == [
        ("Rule without a name", ["ada@private.example"])
    ]
