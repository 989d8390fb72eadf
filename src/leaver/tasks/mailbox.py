"""The leaver's mailbox, or why there is none to work on: the same answer from every task that needs one."""

from __future__ import annotations

from leaver.domain.people import Leaver
from leaver.domain.plan import NotApplicable, Note, follow_up
from leaver.m365.exchange.mailboxes import Mailbox
from leaver.m365.tenant import Tenant

Absent = NotApplicable | Note
"""Why a task has nothing to work on, in the words of the plan."""

EXCHANGE_ROLES = ("Exchange Administrator",)
EXCHANGE_SCOPES = ("User.Read.All", "Exchange.ManageAsApp")


async def mailbox_or_reason(tenant: Tenant, leaver: Leaver) -> Mailbox | Absent:
    """The mailbox in Exchange Online; otherwise what the plan says instead."""
    mailbox = await tenant.mailboxes.get(leaver)
    if mailbox is not None:
        return mailbox
    if await tenant.mailboxes.on_premises(leaver):
        return follow_up(
            "on_premises_mailbox",
            f"The mailbox of {leaver.display_name} is in the on-premises Exchange; the cloud cannot change it. "
            "Do this in the on-premises Exchange admin center.",
        )
    return NotApplicable("no_mailbox", f"{leaver.display_name} has no mailbox in Exchange Online.")
