"""Cancel the meetings that the leaver organizes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from leaver.domain.plan import Change, PlanItem, Reversibility, warning
from leaver.m365.exchange.mailboxes import Mailbox
from leaver.tasks.mailbox import EXCHANGE_ROLES, EXCHANGE_SCOPES, Absent, mailbox_or_reason
from leaver.tasks.task import Option, Section, Setting, Task


class CancelMeetingsSetting(Setting):
    """How many days ahead to look; Exchange looks five years ahead at most."""

    days: Annotated[int, Field(ge=1, le=1825, title="Days ahead", description="1825 is five years, the most.")] = 1825


@dataclass(frozen=True)
class Meetings:
    """The meetings that Exchange says it would cancel, by subject; none shown does not prove that there are none."""

    shown: tuple[str, ...]


class CancelMeetings(Task[Meetings | Absent]):
    """Cancel organized meetings. Nobody can take that back: the attendees have been mailed.

    Exchange queues the work and shows no result. So it is asked once for each offboarding, and again only while its
    preview still lists meetings. When its answer was lost, a preview that has become empty says that it was heard.
    """

    option = Option(
        "removeCalendarInvites",
        label="Cancel future meetings",
        short="Meetings",
        setting=CancelMeetingsSetting,
        section=Section.MAILBOX,
        place=10,
        text="Cancels meetings the user organizes. Attendees get a cancellation e-mail.",
    )
    scopes = EXCHANGE_SCOPES
    roles = EXCHANGE_ROLES
    reversibility = Reversibility.PERMANENT
    patience = 300.0
    usual_seconds = 5.0

    async def inspect(self) -> Meetings | Absent:
        """Exchange's own preview."""
        mailbox = await mailbox_or_reason(self.tenant, self.leaver)
        if not isinstance(mailbox, Mailbox):
            return mailbox
        return Meetings(await self.tenant.calendars.meetings(self.leaver, self.setting.days))

    def plan(self, facts: Meetings | Absent) -> Iterable[PlanItem]:
        """One change, unless Exchange has accepted it and previews no more meetings."""
        if not isinstance(facts, Meetings):
            yield facts
            return
        change = Change(
            f"meetings organized in the next {self.setting.days} days",
            before=list(facts.shown) or None,
            after="canceled",
            ref={"days": self.setting.days},
            reversibility=Reversibility.PERMANENT,
        )
        lost = self.context.begun.get(change.key)
        heard = change.key in self.context.accepted or (lost is not None and bool(lost.before))
        if heard and not facts.shown:
            return
        yield warning("attendees_are_mailed", _consequences(len(facts.shown)))
        yield change

    async def apply(self, change: Change) -> None:
        """Ask Exchange to cancel them; what is canceled already stays so, and nobody is mailed twice."""
        await self.tenant.calendars.cancel(self.leaver, self.setting.days)


def _consequences(count: int) -> str:
    which = {0: "every organized meeting (the preview lists none)", 1: "1 meeting"}.get(count, f"{count} meetings")
    return (
        f"Attendees are mailed the cancellation of {which}. A series with a date in the window is canceled whole. "
        "A series cannot be moved to another organizer: a colleague who goes on with it must set it up again."
    )
