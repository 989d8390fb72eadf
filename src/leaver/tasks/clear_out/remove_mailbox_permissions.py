"""Remove the leaver's rights on other mailboxes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from leaver.domain.errors import Refused, SignInRefused
from leaver.domain.plan import Change, Json, NotApplicable, PlanItem, follow_up, info
from leaver.domain.rights import FULL_ACCESS, Looked
from leaver.m365.exchange.distribution_groups import ManagedGroup
from leaver.m365.exchange.mailboxes import Mailbox, Recipient
from leaver.tasks.colleagues import from_ticket
from leaver.tasks.how_far import how_far
from leaver.tasks.mailbox import EXCHANGE_ROLES, EXCHANGE_SCOPES, NO_EXCHANGE, in_exchange
from leaver.tasks.task import Option, Section, Task

_SEND_AS, _SEND_ON_BEHALF = "Send As", "Send on Behalf"
_OF_GROUP = "Send on Behalf of a group"
OfGroups = tuple[ManagedGroup, ...] | None


@dataclass(frozen=True)
class Rights:
    """Where the leaver has rights, the own mailbox left out."""

    full_access: tuple[Mailbox, ...]
    send_as: tuple[Recipient, ...]
    send_on_behalf: tuple[Mailbox, ...]
    looked: Looked | None = None
    """How far the look for full access went; the other two rights Exchange looks up itself."""
    groups: OfGroups = ()
    """Distribution lists that the leaver may send on behalf of; None where Exchange does not say."""
    other_groups: OfGroups = ()
    """The same for dynamic lists and Microsoft 365 groups, which are left to a person."""
    unclear: tuple[Mailbox, ...] = ()
    """Mailboxes that somebody of the leaver's name can open."""


class RemoveMailboxPermissions(Task[Rights | NotApplicable]):
    """Remove full access, Send As and Send on Behalf that the leaver has on mailboxes and groups of others.

    Exchange does not show whether a mailbox opened by itself in Outlook; undo grants full access the usual way, with
    automapping.
    """

    option = Option(
        "removePermissions",
        label="Remove from other mailboxes",
        short="Other mailboxes",
        section=Section.MAILBOX,
        place=11,
        text="Takes away the user's access to shared mailboxes and colleagues' mail.",
        noun="right",
    )
    scopes = EXCHANGE_SCOPES
    roles = EXCHANGE_ROLES
    usual_seconds = 3.0

    async def inspect(self) -> Rights | NotApplicable:
        """Three reverse look-ups. The one for full access looks through the tenant or its index, then at its hits."""
        return await in_exchange(self.tenant, self._rights(), NO_EXCHANGE)

    def plan(self, facts: Rights | NotApplicable) -> Iterable[PlanItem]:
        """One change for each right; those on one mailbox one after the other."""
        if isinstance(facts, NotApplicable):
            yield facts
            return
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
        for mailbox in facts.unclear:
            yield follow_up(
                "ambiguous_full_access",
                f"{self.leaver.display_name}, or somebody else of that name, has full access to "
                f"{mailbox.display_name or mailbox.upn}: look with Get-MailboxPermission whose it is, and remove it in "
                "the Exchange admin center (Recipients > Mailboxes > Delegation).",
            )
        for group in sorted(facts.groups or (), key=lambda each: (each.display_name, each.id)):
            yield self._of_group(group)
        for group in facts.other_groups or ():
            yield follow_up(
                "send_on_behalf_of_group",
                f"{self.leaver.display_name} may send on behalf of {group.display_name}: end that (Exchange admin "
                "center > Recipients > Groups > the group > Settings > Delegates).",
            )
        if facts.groups is None or facts.other_groups is None:
            yield info(
                "send_on_behalf_of_groups_unread",
                f"Whether {self.leaver.display_name} may send on behalf of groups could not be read; see Exchange "
                "admin center > Recipients > Groups > the group > Settings > Delegates.",
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
            case "Send on Behalf of a group":
                await self.tenant.distribution_groups.remove_send_on_behalf(mailbox.id, self.leaver)
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
            case "Send on Behalf of a group":
                await self.tenant.distribution_groups.add_send_on_behalf(mailbox.id, self.leaver)
            case _:
                await self.tenant.mailboxes.add_send_on_behalf(mailbox, self.leaver)

    async def _rights(self) -> Rights:
        rights = self.tenant.rights
        full_access, send_as, (on_behalf, groups, other_groups) = await asyncio.gather(
            rights.full_access_of(self.leaver), rights.send_as_of(self.leaver), self._send_on_behalf()
        )
        looked = rights.looked(FULL_ACCESS, self.leaver)
        others = _others(self.leaver.id, full_access), send_as, _others(self.leaver.id, on_behalf)
        return Rights(*others, looked, groups, other_groups, rights.unclear(self.leaver))

    def _of_group(self, group: ManagedGroup) -> PlanItem:
        if group.synced:
            return follow_up(
                "synced_group",
                f"{self.leaver.display_name} may send on behalf of {group.display_name}, which is synced from Active "
                "Directory and cannot be changed in the cloud: end that in the on-premises Exchange (publicDelegates).",
            )
        ref: dict[str, Json] = {"right": _OF_GROUP, "id": group.id, "upn": "", "name": group.display_name}
        return Change(f"{_SEND_ON_BEHALF}: {group.display_name}", before="granted", ref=ref, lane=group.id)

    async def _send_on_behalf(self) -> tuple[tuple[Mailbox, ...], OfGroups, OfGroups]:
        own = await self.tenant.mailboxes.get(self.leaver)
        name = own.distinguished_name if own else await self._distinguished_name()
        groups = self.tenant.distribution_groups
        return await asyncio.gather(
            self.tenant.rights.send_on_behalf_of(name),
            _if_readable(groups.sent_on_behalf_of, name),
            _if_readable(groups.others_sent_on_behalf_of, name),
        )

    async def _distinguished_name(self) -> str:
        """Of somebody whom Exchange knows without a mailbox in the cloud."""
        known = await self.tenant.mailboxes.recipient(self.leaver.id)
        return known.distinguished_name if known else ""


async def _if_readable(read: Callable[[str], Awaitable[tuple[ManagedGroup, ...]]], name: str) -> OfGroups:
    """Nothing known, where Exchange refuses the question: the rights on mailboxes do not hang on it."""
    try:
        return await read(name)
    except SignInRefused:
        raise
    except Refused:
        return None


def _others(own_id: str, mailboxes: Iterable[Mailbox]) -> tuple[Mailbox, ...]:
    return tuple(mailbox for mailbox in mailboxes if mailbox.id != own_id)
