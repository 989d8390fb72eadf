"""Forward mail."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import Field

from leaver.domain.people import Colleague
from leaver.domain.plan import Change, PlanItem, blocker, warning
from leaver.m365.exchange.mailboxes import Mailbox, Recipient
from leaver.tasks.colleagues import shown
from leaver.tasks.forwarding import as_recorded, recorded
from leaver.tasks.mailbox import EXCHANGE_ROLES, EXCHANGE_SCOPES, Absent, mailbox_beside
from leaver.tasks.task import Option, Person, Section, Setting, Task

_LEADS_OUTSIDE = ("MailUser", "MailContact", "GuestMailUser")


class ForwardMailSetting(Setting):
    """To whom, and whether the mailbox keeps a copy. A mailbox forwards to one recipient only."""

    to: Person = Field(title="Forward to")
    keep_copy: bool = Field(default=True, title="Keep a copy", description="Mail also stays in the old mailbox.")


@dataclass(frozen=True)
class Forwarding:
    """Where the mail goes today, and the recipient that it shall go to."""

    mailbox: Mailbox
    inside: tuple[Recipient, ...]
    """Whom `ForwardingAddress`, which Exchange gives as a name, can stand for: several, if the name is not unique."""
    target: Recipient | None
    outbound: str = ""
    """What the outbound spam policy says of automatic forwarding, where the target leads outside."""
    comes_back: bool = False
    """Whether the target's mailbox forwards to the leaver's."""


class ForwardMail(Task[Forwarding | Absent]):
    """Forward all mail to a colleague; a former forward, inside or outside, is cleared with it."""

    option = Option(
        "forward",
        label="Forward new mail",
        short="Forward mail",
        setting=ForwardMailSetting,
        section=Section.MAILBOX,
        place=4,
        text="To one colleague. A forwarding that is there is replaced.",
    )
    scopes = EXCHANGE_SCOPES
    roles = EXCHANGE_ROLES
    follows = ("remove_rules",)
    usual_seconds = 2.0

    @property
    def _to(self) -> Colleague:
        return self.context.people[self.setting.to]

    async def inspect(self) -> Forwarding | Absent:
        """The mailbox, its forward resolved to a recipient, and the new target."""
        mailboxes = self.tenant.mailboxes
        theirs = asyncio.gather(mailboxes.recipient(self._to.id), mailboxes.get(self._to))
        found = await mailbox_beside(self.tenant, self.leaver, theirs)
        if not isinstance(found, tuple):
            return found
        mailbox, (target, onward) = found
        address = mailbox.forwarding_address
        inside = await self.tenant.mailboxes.recipients(address) if address else ()
        outside = target is not None and target.kind in _LEADS_OUTSIDE
        outbound = await self.tenant.mail_flow.outbound_forwarding() if outside else ""
        comes_back = onward is not None and await self._comes_back(onward, mailbox)
        return Forwarding(mailbox, inside, target, outbound, comes_back)

    def plan(self, facts: Forwarding | Absent) -> Iterable[PlanItem]:
        """One change, unless mail goes to the colleague, and there only, already."""
        if not isinstance(facts, Forwarding):
            yield facts
            return
        if facts.target is None:
            yield blocker("forward_target_has_no_mailbox", f"{shown(self._to)} has no mailbox to forward to.")
            return
        if facts.target.kind in _LEADS_OUTSIDE and facts.outbound != "On":
            yield warning(
                "external_forwarding_blocked",
                f"{shown(self._to)} gets mail outside the tenant, and the outbound spam policy "
                f"({facts.outbound or 'unreadable'}) does not allow automatic forwarding: forwarded mail will bounce.",
            )
        if facts.comes_back:
            yield warning(
                "forward_loop",
                f"The mailbox of {shown(self._to)} forwards to {self.leaver.display_name}, so mail would go round: "
                "choose somebody else, or end that forward first.",
            )
        wanted = {"inside": facts.target.smtp or self._to.upn, "outside": None, "keeps_copy": self.setting.keep_copy}
        before = as_recorded(facts.mailbox, facts.inside[0] if len(facts.inside) == 1 else None)
        change = Change("forwarding", before=before, after=wanted, ref={"to": self._to.id})
        if not self._in_place(facts, accepted=change.key in self.context.accepted):
            yield change

    async def apply(self, change: Change) -> None:
        """Forward by object id, and clear the outside address that Exchange would keep and ignore."""
        await self.tenant.mailboxes.set_forwarding(
            self.leaver, address=str(change.ref["to"]), smtp=None, keep_copy=self.setting.keep_copy
        )

    async def undo(self, change: Change) -> None:
        """Forward as before; what was forwarded meanwhile stays forwarded."""
        await self.tenant.mailboxes.set_forwarding(self.leaver, **recorded(change))

    async def _comes_back(self, theirs: Mailbox, own: Mailbox) -> bool:
        onward = await self.tenant.mailboxes.recipients(theirs.forwarding_address) if theirs.forwarding_address else ()
        addresses = {address.casefold() for address in (own.primary_smtp, own.upn) if address}
        return any(each.id == own.id for each in onward) or theirs.forwarding_smtp.casefold() in addresses

    def _in_place(self, facts: Forwarding, *, accepted: bool) -> bool:
        mailbox = facts.mailbox
        if facts.inside and facts.target is not None:
            possible = {recipient.id for recipient in facts.inside}
            # A name that several have means the colleague once Exchange has accepted the colleague.
            there = facts.target.id in possible and (len(possible) == 1 or accepted)
        else:
            names = (self._to.id, self._to.upn, self._to.mail)
            there = (mailbox.forwarding_address or "").casefold() in {name.casefold() for name in names if name}
        return there and not mailbox.forwarding_smtp and mailbox.deliver_and_forward == self.setting.keep_copy
