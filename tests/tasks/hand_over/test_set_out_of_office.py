from __future__ import annotations

import pytest

from leaver.domain.errors import Unusable
from leaver.domain.people import Leaver
from leaver.m365.exchange.auto_replies import plain
from leaver.m365.tenant import Tenant
from leaver.offboarding.settings import parse
from leaver.tasks.hand_over.set_out_of_office import SetOutOfOffice
from m365_simulator.world import AutoReply, World
from tasks.contract import TaskContract
from tasks.plans import Asked

HOLIDAY = "<html>\n<body>\nOn holiday\n</body>\n</html>\n"
GONE = {"internal": "Ada has left.\nWrite to Bob & Grace."}


class TestSetOutOfOffice(TaskContract):
    task_type = SetOutOfOffice
    setting = GONE

    def given(self, world: World) -> None:
        world.mailboxes["ada"].auto_reply = AutoReply("Enabled", HOLIDAY, HOLIDAY, "Known")

    def untouched(self, world: World) -> tuple[str, ...]:
        # Exchange wraps texts as it likes; senders read the words.
        reply = world.mailboxes["ada"].auto_reply
        return reply.state, plain(reply.internal), plain(reply.external), reply.audience


async def test_senders_outside_get_a_reply_too(world: World, tenant: Tenant, ada: Leaver) -> None:
    """F5."""
    world.mailboxes["ada"].auto_reply = AutoReply("Enabled", "", "", "None")

    await Asked(tenant, ada, SetOutOfOffice, GONE).run()

    reply = world.mailboxes["ada"].auto_reply
    assert reply.audience == "All"
    assert "Ada has left." in reply.external


async def test_senders_outside_can_get_a_text_of_their_own(world: World, tenant: Tenant, ada: Leaver) -> None:
    """F6."""
    await Asked(tenant, ada, SetOutOfOffice, GONE | {"external": "Write to us."}).run()

    reply = world.mailboxes["ada"].auto_reply
    assert "Write to us." in reply.external
    assert "Bob" not in reply.external


@pytest.mark.parametrize(("audience", "kept"), [("contacts_only", "Known"), ("none", "None")])
async def test_the_audience_is_as_chosen(world: World, tenant: Tenant, ada: Leaver, audience: str, kept: str) -> None:
    await Asked(tenant, ada, SetOutOfOffice, GONE | {"audience": audience}).run()

    assert world.mailboxes["ada"].auto_reply.audience == kept


async def test_html_is_sent_once_wrapped_without_scripts_and_closed(world: World, tenant: Tenant, ada: Leaver) -> None:
    """F7."""
    typed = "<html><body><p>Ada has <b>left<script>alert(1)</script></p></body></html>"

    await Asked(tenant, ada, SetOutOfOffice, {"internal": typed}).run()

    sent = world.mailboxes["ada"].auto_reply.internal
    assert "<p>Ada has <b>left</b></p>" in sent
    assert sent.count("<body") <= 1


async def test_the_reply_that_exchange_wrapped_in_html_is_recognised(world: World, tenant: Tenant, ada: Leaver) -> None:
    """F7."""
    asked = Asked(tenant, ada, SetOutOfOffice, GONE)
    await asked.run()

    assert await asked.plan() == []


async def test_it_waits_for_the_rules_that_carry_replies(world: World, tenant: Tenant, ada: Leaver) -> None:
    """F8."""
    assert "remove_rules" in SetOutOfOffice.follows


@pytest.mark.parametrize("text", ["", "   ", "<p>&nbsp;</p>", "<script>alert(1)</script><p></p>"])
def test_a_message_without_a_word_is_refused(text: str) -> None:
    with pytest.raises(Unusable, match="empty"):
        parse({"set_out_of_office": {"internal": text}})


async def test_a_user_without_a_mailbox_is_no_failure(world: World, tenant: Tenant, ada: Leaver) -> None:
    """A18."""
    del world.mailboxes["ada"]

    notes = await Asked(tenant, ada, SetOutOfOffice, GONE).notes()

    assert notes == {"no_mailbox": "not_applicable"}
