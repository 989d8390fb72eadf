from __future__ import annotations

import pytest

from leaver.domain.people import Leaver
from leaver.domain.plan import Change
from leaver.m365.tenant import Tenant
from leaver.tasks.hand_over.forward_mail import ForwardMail
from m365_simulator.world import World
from tasks.contract import TaskContract
from tasks.plans import Asked

TO_BOB = {"to": "bob@contoso.example"}


class TestForwardMail(TaskContract):
    task_type = ForwardMail
    setting = TO_BOB

    def given(self, world: World) -> None:
        world.mailboxes["ada"].forwarding_smtp = "ada@private.example"


async def test_mail_goes_to_the_colleague_and_a_copy_stays(world: World, tenant: Tenant, ada: Leaver) -> None:
    await Asked(tenant, ada, ForwardMail, TO_BOB).run()

    assert world.mailboxes["ada"].forwarding_address == "bob"
    assert world.mailboxes["ada"].deliver_and_forward


async def test_no_copy_stays_if_none_is_wanted(world: World, tenant: Tenant, ada: Leaver) -> None:
    world.mailboxes["ada"].deliver_and_forward = True

    await Asked(tenant, ada, ForwardMail, TO_BOB | {"keep_copy": False}).run()

    assert not world.mailboxes["ada"].deliver_and_forward


async def test_the_manager_can_be_named_as_such(world: World, tenant: Tenant, ada: Leaver) -> None:
    await Asked(tenant, ada, ForwardMail, {"to": "manager"}).run()

    assert world.mailboxes["ada"].forwarding_address == "grace"


async def test_an_old_forward_to_a_private_address_is_cleared(world: World, tenant: Tenant, ada: Leaver) -> None:
    """F13, F14."""
    world.mailboxes["ada"].forwarding_smtp = "ada@private.example"

    await Asked(tenant, ada, ForwardMail, TO_BOB).run()

    assert world.mailboxes["ada"].forwarding_smtp is None


async def test_the_plan_shows_where_mail_went_before(world: World, tenant: Tenant, ada: Leaver) -> None:
    """F13."""
    world.mailboxes["ada"].forwarding_smtp = "ada@private.example"
    world.mailboxes["ada"].forwarding_address = "grace"

    (change,) = [item for item in await Asked(tenant, ada, ForwardMail, TO_BOB).plan() if isinstance(item, Change)]

    assert change.before == {
        "inside": "grace@contoso.example",
        "outside": "ada@private.example",
        "keeps_copy": False,
    }


async def test_a_forward_that_is_set_beside_an_ignored_outside_address_is_not_taken_for_done(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """F14."""
    mailbox = world.mailboxes["ada"]
    mailbox.forwarding_address, mailbox.forwarding_smtp, mailbox.deliver_and_forward = "bob", "x@private.example", True

    changes = await Asked(tenant, ada, ForwardMail, TO_BOB).changes()

    assert changes == ["forwarding"]


async def test_a_forward_that_is_there_is_recognised_by_the_name_that_exchange_stores(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """F18."""
    world.mailboxes["ada"].forwarding_address = "bob"
    world.mailboxes["ada"].deliver_and_forward = True

    changes = await Asked(tenant, ada, ForwardMail, TO_BOB).changes()

    assert changes == []


async def test_undo_brings_both_kinds_of_forward_back(world: World, tenant: Tenant, ada: Leaver) -> None:
    """H25."""
    mailbox = world.mailboxes["ada"]
    mailbox.forwarding_address, mailbox.forwarding_smtp = "grace", "ada@private.example"
    asked = Asked(tenant, ada, ForwardMail, TO_BOB)
    await asked.run()

    await asked.undo()

    assert (mailbox.forwarding_address, mailbox.forwarding_smtp) == ("grace", "ada@private.example")


async def test_a_colleague_without_a_mailbox_is_found_before_anything_changes(
    world: World, tenant: Tenant, ada: Leaver
) -> None:
    """A17."""
    world.add_user("carl", mailbox=False)

    notes = await Asked(tenant, ada, ForwardMail, {"to": "carl@contoso.example"}).notes()

    assert notes == {"forward_target_has_no_mailbox": "blocker"}


async def test_a_target_whose_mail_leaves_the_tenant_is_warned_of(world: World, tenant: Tenant, ada: Leaver) -> None:
    """F15."""
    world.add_user("carl")
    world.mailboxes["carl"].on_premises = True
    world.outbound_auto_forward = "Off"

    notes = await Asked(tenant, ada, ForwardMail, {"to": "carl@contoso.example"}).notes()

    assert notes == {"external_forwarding_blocked": "warning"}


async def test_a_user_without_a_mailbox_is_no_failure(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A18."""
    del world.mailboxes["ada"]

    notes = await Asked(tenant, ada, ForwardMail, TO_BOB).notes()

    assert notes == {"no_mailbox": "not_applicable"}


async def test_an_on_premises_mailbox_is_left_to_a_person(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A18."""
    world.mailboxes["ada"].on_premises = True

    notes = await Asked(tenant, ada, ForwardMail, TO_BOB).notes()

    assert notes == {"on_premises_mailbox": "follow_up"}


@pytest.mark.parametrize(("inside", "outside"), [("ada", None), (None, "ADA@contoso.example")])
async def test_mail_that_would_come_back_is_warned_of(
    world: World, tenant: Tenant, ada: Leaver, inside: str | None, outside: str | None
) -> None:
    """F19."""
    world.mailboxes["bob"].forwarding_address, world.mailboxes["bob"].forwarding_smtp = inside, outside

    assert await Asked(tenant, ada, ForwardMail, TO_BOB).notes() == {"forward_loop": "warning"}
