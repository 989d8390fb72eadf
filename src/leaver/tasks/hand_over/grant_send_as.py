"""Grant Send As."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from leaver.domain.plan import Change, PlanItem
from leaver.m365.exchange.mailboxes import Mailbox
from leaver.tasks.colleagues import Recognised, Users, among, each, from_ticket, recognised, shown, ticket
from leaver.tasks.mailbox import EXCHANGE_ROLES, EXCHANGE_SCOPES, Absent, mailbox_or_reason
from leaver.tasks.task import Option, Section, Task


@dataclass(frozen=True)
class Senders:
    """Who may send as the mailbox today."""

    mailbox: Mailbox
    listed: Recognised


class GrantSendAs(Task[Senders | Absent]):
    """Let colleagues send as the leaver; full access alone does not allow it."""

    option = Option(
        "AccessSendAs",
        label="Let others send as the user",
        short="Send As",
        setting=Users,
        list_of="users",
        section=Section.MAILBOX,
        place=8,
        text="Mail they send looks as if it comes from the user.",
        noun="grant",
    )
    scopes = EXCHANGE_SCOPES
    roles = EXCHANGE_ROLES
    usual_seconds = 2.0

    async def inspect(self) -> Senders | Absent:
        """The explicit entries of the list, resolved to people."""
        mailbox = await mailbox_or_reason(self.tenant, self.leaver)
        if not isinstance(mailbox, Mailbox):
            return mailbox
        entries = await self.tenant.permissions.send_as(mailbox)
        return Senders(mailbox, await recognised(self.tenant, entries, each(self.context.people, self.setting.users)))

    def plan(self, facts: Senders | Absent) -> Iterable[PlanItem]:
        """One change for each colleague who may not yet."""
        if not isinstance(facts, Senders):
            yield facts
            return
        for colleague in each(self.context.people, self.setting.users):
            change = Change(
                f"Send As for {shown(colleague)}", after="granted", ref=ticket(colleague), lane=self.leaver.id
            )
            if not among(colleague, facts.listed, accepted=change.key in self.context.accepted):
                yield change

    async def apply(self, change: Change) -> None:
        """Let one colleague send as the leaver."""
        await self.tenant.permissions.grant_send_as(self.leaver, from_ticket(change.ref))

    async def undo(self, change: Change) -> None:
        """Take it away."""
        await self.tenant.permissions.revoke_send_as(self.leaver, from_ticket(change.ref))
