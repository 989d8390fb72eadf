"""Disable forwarding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from leaver.domain.plan import Change, PlanItem, warning
from leaver.m365.exchange.inbox_rules import InboxRule
from leaver.m365.exchange.mailboxes import Mailbox, Recipient
from leaver.tasks.forwarding import as_recorded, recorded
from leaver.tasks.mailbox import EXCHANGE_ROLES, EXCHANGE_SCOPES, Absent, mailbox_or_reason
from leaver.tasks.task import Option, Section, Task


@dataclass(frozen=True)
class Forwarding:
    """Where the mail goes today."""

    mailbox: Mailbox
    inside: Recipient | None
    """What `ForwardingAddress`, which Exchange gives as a name, stands for; None if it is empty or not unique."""
    rules: tuple[InboxRule, ...] = ()
    """Inbox rules that send mail on and that no chosen task removes."""


class DisableForwarding(Task[Forwarding | Absent]):
    """End any forwarding of the mailbox, inside and outside; rules that forward are named, not removed."""

    option = Option(
        "disableForwarding",
        label="Disable forwarding",
        short="Forwarding",
        section=Section.MAILBOX,
        place=5,
        text="Ends all forwarding of the mailbox, inside and outside the tenant.",
    )
    scopes = EXCHANGE_SCOPES
    roles = EXCHANGE_ROLES
    follows = ("remove_rules",)
    usual_seconds = 2.0

    async def inspect(self) -> Forwarding | Absent:
        """The mailbox, its forward resolved to a recipient, and the rules that forward besides."""
        mailbox = await mailbox_or_reason(self.tenant, self.leaver)
        if not isinstance(mailbox, Mailbox):
            return mailbox
        address = mailbox.forwarding_address
        inside = await self.tenant.mailboxes.recipient(address) if address else None
        kept = () if "remove_rules" in self.context.chosen else await self.tenant.inbox_rules.list(self.leaver)
        return Forwarding(mailbox, inside, tuple(rule for rule in kept if rule.forwards and rule.enabled))

    def plan(self, facts: Forwarding | Absent) -> Iterable[PlanItem]:
        """One change if anything is forwarded, and a warning for each rule that would go on forwarding."""
        if not isinstance(facts, Forwarding):
            yield facts
            return
        for rule in facts.rules:
            yield warning(
                "rule_still_forwards",
                f"The inbox rule {rule.called} forwards to {', '.join(rule.forwards)} and stays. "
                "Choose “Remove mailbox rules” to end that too.",
            )
        if (before := as_recorded(facts.mailbox, facts.inside)) is not None:
            yield Change("forwarding", before=before, after=None)

    async def apply(self, change: Change) -> None:
        """Clear both kinds of forward."""
        await self.tenant.mailboxes.set_forwarding(self.leaver)

    async def undo(self, change: Change) -> None:
        """Forward as before."""
        await self.tenant.mailboxes.set_forwarding(self.leaver, **recorded(change))
