"""Remove the leaver's rights on other mailboxes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from leaver.domain.plan import Change, PlanItem
from leaver.domain.rights import FULL_ACCESS, Looked
from leaver.m365.exchange.mailboxes import Mailbox, Recipient
from leaver.tasks.colleagues import from_ticket
from leaver.tasks.how_far import how_far
from leaver.tasks.mailbox import EXCHANGE_ROLES, EXCHANGE_SCOPES
from leaver.tasks.task import Option, Section, Task

_SEND_AS, _SEND_ON_BEHALF = "Send As", "Send on Behalf"


@dataclass(frozen=True)
class Rights:
    """Where the leaver has rights, the own mailbox left out."""

    full_access: tuple[Mailbox, ...]
    send_as: tuple[Recipient, ...]
    send_on_behalf: tuple[Mailbox, ...]
    looked: Looked | None = None
    """How far the look for full access went; the other two rights Exchange looks up itself."""


class RemoveMailboxPermissions(Task[Rights]):
    """Remove full access, Send As and Send on Behalf that the leaver has on mailboxes and groups of others.

    Exchange does not show whether a mailbox opened by itself in Outlook; undo grants full access the usual way, with
    automapping.
    """

    option = Option(
        "removePermissions",
        label="Remove from other mailboxes",
        section=Section.MAILBOX,
        place=11,
        text="Takes away the user's access to shared mailboxes and colleagues' mail.",
    )
    scopes = EXCHANGE_SCOPES
    roles = EXCHANGE_ROLES
    usual_seconds = 3.0

    async def inspect(self) -> Rights:
        """Three reverse look-ups. The one for full access looks through the tenant or its index, then at its hits."""
        rights = self.tenant.rights
        full_access, send_as, on_behalf = await asyncio.gather(
            rights.full_access_of(self.leaver), rights.send_as_of(self.leaver), self._send_on_behalf()
        )
        looked = rights.looked(FULL_ACCESS, self.leaver)
        return Rights(_others(self.leaver.id, full_access), send_as, _others(self.leaver.id, on_behalf), looked)

    def plan(self, facts: Rights) -> Iterable[PlanItem]:
        """One change for each right; those on one mailbox one after the other."""
        held: tuple[tuple[str, Iterable[Mailbox | Recipient]], ...] = (
            (FULL_ACCESS, facts.full_access),
            (_SEND_AS, facts.send_as),
            (_SEND_ON_BEHALF, facts.send_on_behalf),
        )
        for right, mailboxes in held:
            for mailbox in sorted(mailboxes, key=lambda each: (each.display_name, each.id)):
                yield Change(
                    f"{right}: {mailbox.display_name or mailbox.id}",
                    before="granted",
                    ref={"right": right, "id": mailbox.id, "upn": mailbox.upn, "name": mailbox.display_name},
                    lane=mailbox.id,
                )
        yield from how_far(facts.looked, "Full access")

    async def apply(self, change: Change) -> None:
        """Take one right away."""
        mailbox = from_ticket(change.ref)
        match change.ref["right"]:
            case "full access":
                await self.tenant.permissions.revoke_full_access(mailbox, self.leaver)
            case "Send As":
                await self.tenant.permissions.revoke_send_as(mailbox, self.leaver)
            case _:
                await self.tenant.mailboxes.remove_send_on_behalf(mailbox, self.leaver)

    async def undo(self, change: Change) -> None:
        """Give it back."""
        mailbox = from_ticket(change.ref)
        match change.ref["right"]:
            case "full access":
                await self.tenant.permissions.grant_full_access(mailbox, self.leaver, automapping=True)
                self.tenant.rights.expect(FULL_ACCESS, self.leaver, mailbox.id)
            case "Send As":
                await self.tenant.permissions.grant_send_as(mailbox, self.leaver)
            case _:
                await self.tenant.mailboxes.add_send_on_behalf(mailbox, self.leaver)

    async def _send_on_behalf(self) -> tuple[Mailbox, ...]:
        own = await self.tenant.mailboxes.get(self.leaver)
        return await self.tenant.rights.send_on_behalf_of(own.distinguished_name) if own is not None else ()


def _others(own_id: str, mailboxes: Iterable[Mailbox]) -> tuple[Mailbox, ...]:
    return tuple(mailbox for mailbox in mailboxes if mailbox.id != own_id)
