"""Remove the leaver's rights on other calendars."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from leaver.domain.plan import Change, Json, NotApplicable, PlanItem, follow_up, info
from leaver.domain.rights import CALENDAR, Looked
from leaver.m365.exchange.calendars import FolderRight
from leaver.m365.exchange.mailboxes import Mailbox
from leaver.m365.exchange.rights import CalendarRight
from leaver.tasks.colleagues import from_ticket
from leaver.tasks.how_far import how_far
from leaver.tasks.mailbox import EXCHANGE_ROLES, EXCHANGE_SCOPES, NO_EXCHANGE, in_exchange
from leaver.tasks.task import Option, Section, Task


@dataclass(frozen=True)
class Rights:
    """The calendars of others that the leaver may see or change."""

    calendars: tuple[CalendarRight, ...]
    approves: tuple[Mailbox, ...] | None = ()
    """Rooms and equipment that ask the leaver to approve bookings; None where that may not be read."""
    looked: Looked | None = None
    """How far the look at calendars went."""


class RemoveCalendarPermissions(Task[Rights | NotApplicable]):
    """Remove the leaver's rights on others' calendars.

    An entry that shows only a name which several people have is left for a person: it may be a namesake's. So are rooms
    that ask the leaver to approve bookings: their list can only be replaced as a whole.
    """

    option = Option(
        "removeCalendarPermissions",
        label="Remove from other calendars",
        short="Other calendars",
        section=Section.MAILBOX,
        place=12,
        text="Takes away the user's access to colleagues' calendars.",
        noun="calendar",
    )
    scopes = EXCHANGE_SCOPES
    roles = EXCHANGE_ROLES
    usual_seconds = 3.0

    async def inspect(self) -> Rights | NotApplicable:
        """The reverse look-up: through the tenant or its index once a run, then at its hits."""
        return await in_exchange(self.tenant, self._rights(), NO_EXCHANGE)

    def plan(self, facts: Rights | NotApplicable) -> Iterable[PlanItem]:
        """One change for each calendar where the entry is certainly the leaver's."""
        if isinstance(facts, NotApplicable):
            yield facts
            return
        for right in sorted(facts.calendars, key=lambda each: (each.mailbox.display_name, each.mailbox.id)):
            owner = right.mailbox.display_name or right.mailbox.upn
            rights = ", ".join(right.rights)
            if right.ambiguous:
                yield follow_up(
                    "ambiguous_calendar_right",
                    f"The calendar of {owner} gives {right.entry.user!r} {rights}, and several people have that name. "
                    "Look in Outlook or with Get-MailboxFolderPermission whose right it is, and remove it there.",
                )
                continue
            yield Change(f"calendar of {owner}", before=rights, ref=_ticket(right), lane=right.mailbox.id)
        if facts.approves is None:
            yield info(
                "room_delegates_not_covered",
                "Whether rooms ask the leaver to approve bookings may not be read; Get-CalendarProcessing shows it "
                "(ResourceDelegates).",
            )
        for room in facts.approves or ():
            yield follow_up(
                "room_delegate",
                f"{room.display_name or room.upn} asks {self.leaver.display_name} to approve bookings: name somebody "
                "else (Exchange admin center > Resources > the room > Booking delegates).",
            )

        yield from how_far(facts.looked, "A right on a calendar")

    async def apply(self, change: Change) -> None:
        """Take the right on one calendar away; nobody is mailed about it."""
        entry = FolderRight(str(change.ref["entry"]), str(change.ref["address"]))
        await self.tenant.calendars.remove(from_ticket(change.ref), self.leaver, entry)

    async def undo(self, change: Change) -> None:
        """Give the recorded rights back."""
        rights = [right.strip() for right in str(change.before).split(",")]
        mailbox = from_ticket(change.ref)
        await self.tenant.calendars.grant(mailbox, self.leaver, rights)
        self.tenant.rights.expect(CALENDAR, self.leaver, mailbox.id)

    async def _rights(self) -> Rights:
        found, approves = await asyncio.gather(
            self.tenant.rights.calendars_of(self.leaver), self.tenant.rights.bookings_of(self.leaver)
        )
        others = tuple(right for right in found if right.mailbox.id != self.leaver.id)
        return Rights(others, approves, self.tenant.rights.looked(CALENDAR, self.leaver))


def _ticket(right: CalendarRight) -> dict[str, Json]:
    mailbox, entry = right.mailbox, right.entry
    return {
        "id": mailbox.id,
        "upn": mailbox.upn,
        "name": mailbox.display_name,
        "entry": entry.user,
        "address": entry.address,
    }
