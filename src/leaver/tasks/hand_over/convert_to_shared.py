"""Convert to a shared mailbox."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from leaver.domain.errors import NotYet
from leaver.domain.plan import Change, NotApplicable, PlanItem, blocker, follow_up, warning
from leaver.m365.exchange.mailboxes import Mailbox
from leaver.m365.graph.users import User
from leaver.tasks.mailbox import EXCHANGE_ROLES, EXCHANGE_SCOPES, Absent, mailbox_beside
from leaver.tasks.task import Option, Section, Task
from leaver.tasks.unlicensed_mailbox import LIMIT

_UNLICENSED = "mailbox_without_license"
_TOO_LARGE = "mailbox_over_50_gb"


@dataclass(frozen=True)
class Conversion:
    """The mailbox, whose it is, and whether the user is licensed for it."""

    mailbox: Mailbox
    user: User
    licensed: bool
    size: int | None = None
    """Bytes in the mailbox, where Exchange has a figure."""

    @property
    def over_limit(self) -> bool:
        """Whether it is too large to be a shared mailbox without a license."""
        return self.size is not None and self.size > LIMIT


class ConvertToShared(Task[Conversion | Absent]):
    """Convert the mailbox, so that it stays without a license. Exchange accepts it at once and finishes it later.

    Undo makes it a user mailbox again, which needs the license back first.
    """

    option = Option(
        "ConvertToShared",
        label="Convert to shared mailbox",
        short="Shared mailbox",
        section=Section.MAILBOX,
        place=1,
        text="Keeps the mail without a license, up to 50 GB.",
    )
    scopes = (*EXCHANGE_SCOPES, "LicenseAssignment.Read.All")
    roles = EXCHANGE_ROLES
    follows = ("remove_mobile_devices",)
    patience = 900.0
    usual_seconds = 45.0

    async def inspect(self) -> Conversion | Absent:
        """The mailbox's type, and the license that a conversion needs."""
        found = await mailbox_beside(self.tenant, self.leaver, self._user_and_size())
        if not isinstance(found, tuple):
            return found
        mailbox, (user, licensed, size) = found
        return Conversion(mailbox, user, licensed, size)

    def plan(self, facts: Conversion | Absent) -> Iterable[PlanItem]:
        """One change for a licensed user mailbox; for everything else, the reason why not."""
        if not isinstance(facts, Conversion):
            yield _without_mailbox(facts)
            return
        mailbox = facts.mailbox
        if not mailbox.is_shared and facts.over_limit and self.decision(_TOO_LARGE) == "keep_user_mailbox":
            yield NotApplicable(_TOO_LARGE, "The mailbox stays a user mailbox with its license, as decided.")
        elif not mailbox.is_shared and mailbox.kind != "UserMailbox":
            yield NotApplicable("not_a_user_mailbox", f"The mailbox is a {mailbox.kind}; only user mailboxes convert.")
        elif not mailbox.is_shared and not facts.licensed:
            yield self._about_license()
        else:
            if facts.user.synced or mailbox.synced:
                yield _set_type_on_premises(facts.user)
            if "remove_licenses" not in self.context.chosen and (why := _why_license_must_stay(facts)):
                yield warning("shared_mailbox_needs_license", f"Leave the user an Exchange license: {why}.")
            if not mailbox.is_shared:
                yield Change("mailbox type", before=mailbox.kind, after="SharedMailbox")

    async def apply(self, change: Change) -> None:
        """Start the conversion; it is done when the type reads back."""
        await self.tenant.mailboxes.set_type(self.leaver, "Shared")

    async def undo(self, change: Change) -> None:
        """Make it a user mailbox again, once the user is licensed: without a license it would be lost in 30 days."""
        if not await self._licensed():
            raise NotYet(
                f"{self.leaver.display_name} has no Exchange license; without one a user mailbox is lost in 30 days.",
                code=_UNLICENSED,
                advice="Assign an Exchange Online license to the user, then undo again.",
                wait=30.0,
            )
        await self.tenant.mailboxes.set_type(self.leaver, "Regular")

    async def _user_and_size(self) -> tuple[User, bool, int | None]:
        return await asyncio.gather(
            self.tenant.users.get(self.leaver.id), self._licensed(), self.tenant.mailboxes.size(self.leaver)
        )

    async def _licensed(self) -> bool:
        user = await self.tenant.users.get(self.leaver.id)
        skus = await self.tenant.licenses.skus()
        held = {sku_id.casefold() for sku_id in user.assigned_sku_ids}
        return any(sku.gives_mailbox and sku.sku_id.casefold() in held for sku in skus)

    def _about_license(self) -> PlanItem:
        text = (
            f"{self.leaver.display_name} has a user mailbox and no Exchange license, so it cannot be converted and is "
            "deleted 30 days after the license went. Assign an Exchange Online license, wait until the mailbox is "
            "back, and convert then."
        )
        if self.decision(_UNLICENSED) == "skip":
            return follow_up(_UNLICENSED, text)
        return blocker(_UNLICENSED, text, "skip")


def _without_mailbox(reason: Absent) -> Absent:
    if isinstance(reason, NotApplicable):
        return NotApplicable(
            reason.code,
            f"{reason.text} If the license was removed less than 30 days ago: assign it again, wait until the mailbox "
            "is back, and convert then.",
        )
    return reason


def _why_license_must_stay(facts: Conversion) -> str:
    """What a shared mailbox without a license may not have; whoever removes licenses is asked there."""
    mailbox = facts.mailbox
    large = [f"the mailbox holds {(facts.size or 0) / 1024**3:.1f} GB, and without one it may hold 50 GB"]
    archive = ["it has an archive"] if mailbox.archive else []
    return "; ".join([*(large if facts.over_limit else []), *archive, *(f"it is on {hold}" for hold in mailbox.holds)])


def _set_type_on_premises(user: User) -> PlanItem:
    return follow_up(
        "set_type_on_premises",
        f"{user.ad_name} is synced from Active Directory: also run `Set-RemoteMailbox {user.upn} -Type Shared` in the "
        "on-premises Exchange, or the next sync can turn the mailbox back. Check the mailbox type again in a few days.",
    )
