"""The leaver's mailbox, or why there is none to work on: the same answer from every task that needs one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from leaver.domain.errors import NotSubscribed
from leaver.domain.people import Leaver
from leaver.domain.plan import NotApplicable, Note, follow_up
from leaver.m365.exchange.mailboxes import Mailbox
from leaver.m365.tenant import Tenant

Read = TypeVar("Read")
Otherwise = TypeVar("Otherwise")

Absent = NotApplicable | Note
"""Why a task has nothing to work on, in the words of the plan."""

NO_EXCHANGE = NotApplicable("no_exchange", "The tenant has no Exchange Online, so there is nothing to remove.")
EXCHANGE_ROLES = ("Exchange Administrator",)
EXCHANGE_SCOPES = ("User.Read.All", "Exchange.ManageAsApp")


async def mailbox_or_reason(tenant: Tenant, leaver: Leaver) -> Mailbox | Absent:
    """The mailbox in Exchange Online; otherwise what the plan says instead."""
    mailbox = await in_exchange(tenant, tenant.mailboxes.get(leaver), None)
    if mailbox is not None:
        return mailbox
    if await in_exchange(tenant, tenant.mailboxes.on_premises(leaver), False):
        return follow_up(
            "on_premises_mailbox",
            f"The mailbox of {leaver.display_name} is in the on-premises Exchange; the cloud cannot change it. "
            "Do this in the on-premises Exchange admin center.",
        )
    return NotApplicable("no_mailbox", f"{leaver.display_name} has no mailbox in Exchange Online.")


async def in_exchange(tenant: Tenant, reading: Awaitable[Read], nothing: Otherwise) -> Read | Otherwise:
    """What Exchange says; `nothing` in a tenant that has no Exchange Online at all.

    Entra says so, and says the same where Exchange was only switched off for applications; so the products are asked.
    """
    try:
        return await reading
    except NotSubscribed:
        if any(sku.gives_mailbox for sku in await tenant.licenses.skus()):
            raise
        return nothing


async def mailbox_beside(tenant: Tenant, leaver: Leaver, reading: Awaitable[Read]) -> tuple[Mailbox, Read] | Absent:
    """The mailbox, and what is read beside it; an error of that reading counts only where there is a mailbox."""
    mailbox, read = await asyncio.gather(mailbox_or_reason(tenant, leaver), reading, return_exceptions=True)
    if isinstance(mailbox, BaseException):
        raise mailbox
    if not isinstance(mailbox, Mailbox):
        return mailbox
    if isinstance(read, BaseException):
        raise read
    return mailbox, read
