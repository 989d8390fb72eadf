"""Hide from the Global Address List."""

from __future__ import annotations

from collections.abc import Iterable

from leaver.domain.plan import Change, PlanItem, follow_up
from leaver.m365.exchange.mailboxes import Mailbox
from leaver.tasks.mailbox import EXCHANGE_ROLES, EXCHANGE_SCOPES, Absent, mailbox_or_reason
from leaver.tasks.task import Option, Section, Task


class HideFromGal(Task[Mailbox | Absent]):
    """Hide the mailbox from address lists. Address books that were downloaded show it for up to a day longer."""

    option = Option(
        "HideFromGAL",
        label="Hide from address lists",
        short="Address lists",
        section=Section.MAILBOX,
        place=2,
        text="Removes the name from Outlook and Teams people search by address list.",
    )
    scopes = EXCHANGE_SCOPES
    roles = EXCHANGE_ROLES
    usual_seconds = 2.0

    async def inspect(self) -> Mailbox | Absent:
        """The mailbox."""
        return await mailbox_or_reason(self.tenant, self.leaver)

    def plan(self, facts: Mailbox | Absent) -> Iterable[PlanItem]:
        """One change if it is shown; for a synced mailbox the attribute that hides it is set on-premises."""
        if not isinstance(facts, Mailbox):
            yield facts
        elif facts.hidden:
            return
        elif facts.synced:
            yield follow_up(
                "hide_on_premises",
                f"{self.leaver.display_name} is synced from Active Directory, so the cloud cannot hide the mailbox: "
                f"set msExchHideFromAddressLists to TRUE for {self.leaver.upn} in Active Directory and let it sync.",
            )
        else:
            yield Change("hidden from address lists", before=False, after=True)

    async def apply(self, change: Change) -> None:
        """Hide it."""
        await self.tenant.mailboxes.set_hidden(self.leaver, bool(change.after))

    async def undo(self, change: Change) -> None:
        """Show it again."""
        await self.tenant.mailboxes.set_hidden(self.leaver, bool(change.before))
