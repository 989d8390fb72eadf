"""Grant Send on Behalf."""

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
    """Who may send on behalf of the mailbox today."""

    mailbox: Mailbox
    listed: Recognised


class GrantSendOnBehalf(Task[Senders | Absent]):
    """Let colleagues send on behalf of the leaver; those who may already keep it."""

    option = Option(
        "AccessSendOnBehalf",
        label="Let others send on behalf",
        short="Send on behalf",
        setting=Users,
        list_of="users",
        section=Section.MAILBOX,
        place=9,
        text="Mail they send says that it was sent on behalf of the user.",
        noun="grant",
    )
    scopes = EXCHANGE_SCOPES
    roles = EXCHANGE_ROLES
    usual_seconds = 2.0

    async def inspect(self) -> Senders | Absent:
        """The mailbox's own list, resolved to people: Exchange gives it as names."""
        mailbox = await mailbox_or_reason(self.tenant, self.leaver)
        if not isinstance(mailbox, Mailbox):
            return mailbox
        return Senders(mailbox, await recognised(self.tenant, mailbox.send_on_behalf))

    def plan(self, facts: Senders | Absent) -> Iterable[PlanItem]:
        """One change for each colleague who may not yet."""
        if not isinstance(facts, Senders):
            yield facts
            return
        for colleague in each(self.context.people, self.setting.users):
            change = Change(
                f"Send on Behalf for {shown(colleague)}", after="granted", ref=ticket(colleague), lane=self.leaver.id
            )
            if not among(colleague, facts.listed, accepted=change.key in self.context.accepted):
                yield change

    async def apply(self, change: Change) -> None:
        """Add one colleague to the list."""
        await self.tenant.mailboxes.add_send_on_behalf(self.leaver, from_ticket(change.ref))

    async def undo(self, change: Change) -> None:
        """Take the colleague from the list."""
        await self.tenant.mailboxes.remove_send_on_behalf(self.leaver, from_ticket(change.ref))
