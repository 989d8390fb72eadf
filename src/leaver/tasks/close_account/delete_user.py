"""Delete the user."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from leaver.domain.errors import NotFound
from leaver.domain.people import Colleague
from leaver.domain.plan import Awaiting, Change, Note, PlanItem, Reversibility, follow_up, info, warning
from leaver.m365.exchange.mailboxes import Mailbox
from leaver.m365.graph.users import User
from leaver.tasks.mailbox import in_exchange
from leaver.tasks.privilege import Privilege, last_administrator, privilege_of, privileged
from leaver.tasks.task import Option, Section, Task

_DAYS_RESTORABLE = 30
"""A deleted user and its mailbox can be restored for so long; the OneDrive is kept for as long unless set otherwise."""
_DAYS_IN_SITE_RECYCLE_BIN = 93


@dataclass(frozen=True)
class Account:
    """The account and what is lost with it; without a user it is gone already."""

    user: User | None
    restorable: bool = False
    """Whether it is among the deleted users."""
    privilege: Privilege = field(default_factory=Privilege)
    manager: Colleague | None = None
    mailbox: Mailbox | None = None


class DeleteUser(Task[Account]):
    """Move the account to the deleted users, where it can be restored for 30 days.

    It goes last, when nothing else is pending: every other task needs the account.
    """

    option = Option(
        "DeleteUser",
        label="Delete user",
        section=Section.ACCOUNT,
        place=2,
        text="Moves the user to deleted users. Microsoft erases it after 30 days.",
    )
    scopes = ("User.DeleteRestore.All", "User.Read.All", "RoleManagement.Read.Directory", "Exchange.ManageAsApp")
    roles = ("Exchange Administrator",)
    needs = ("*",)
    reversibility = Reversibility.UNDO_30_DAYS

    async def inspect(self) -> Account:
        """The account, its manager and mailbox; or that it is deleted."""
        try:
            user = await self.tenant.users.get(self.leaver.id)
        except NotFound:
            return Account(None, restorable=await self.tenant.deleted_users.get(self.leaver.id) is not None)
        privilege, manager, mailbox = await asyncio.gather(
            privilege_of(self.tenant, self.leaver.id),
            self.tenant.users.manager(self.leaver.id),
            in_exchange(self.tenant, self.tenant.mailboxes.get(self.leaver), None),
        )
        return Account(user, privilege=privilege, manager=manager, mailbox=mailbox)

    def plan(self, facts: Account) -> Iterable[PlanItem]:
        """One change, unless the user is gone or is deleted elsewhere; and what is lost when."""
        user = facts.user
        if user is None:
            if not facts.restorable:
                yield Awaiting("deletion_not_shown", "The user is gone, and Microsoft does not list it as deleted yet.")
            return
        if user.synced:
            yield follow_up(
                "delete_in_active_directory",
                f"Delete {user.ad_name} in Active Directory, or take it out of the sync's scope; the next sync then "
                "deletes the account in the cloud.",
            )
            return
        blockers = list(last_administrator(facts.privilege, "deleting it"))
        if blockers:
            yield from blockers
            return
        yield from privileged(facts.privilege, restricted=user.management_restricted)
        if facts.mailbox:
            yield self._about_mailbox(facts.mailbox)
        if not user.is_guest:
            yield from self._about_onedrive(facts.manager)
        yield Change(
            f"user {user.display_name}",
            before=user.upn,
            ref={"addresses": list(user.proxy_addresses)},
            reversibility=self.reversibility,
        )

    async def apply(self, change: Change) -> None:
        """Delete; a user who is gone is no error."""
        await self.tenant.users.delete(self.leaver.id)

    async def undo(self, change: Change) -> None:
        """Restore, with groups, mailbox and the licenses of that moment; sign-in stays as it was."""
        tenant = self.tenant.fresh()
        if await tenant.deleted_users.get(self.leaver.id):
            await tenant.deleted_users.restore(self.leaver.id)
        else:
            await tenant.users.get(self.leaver.id)

    def _about_mailbox(self, mailbox: Mailbox) -> Note:
        if mailbox.holds:
            return info(
                "inactive_mailbox",
                f"The mailbox is on hold ({', '.join(mailbox.holds)}) and becomes an inactive mailbox: it is kept "
                "for as long as the hold lasts. Do not rename its addresses beforehand.",
            )
        return warning(
            "mailbox_deleted",
            f"The mailbox {mailbox.primary_smtp} is deleted with the user and is lost on about "
            f"{self._day(_DAYS_RESTORABLE)}: no hold keeps it.",
        )

    def _about_onedrive(self, manager: Colleague | None) -> Iterable[Note]:
        kept, gone = self._day(_DAYS_RESTORABLE), self._day(_DAYS_RESTORABLE + _DAYS_IN_SITE_RECYCLE_BIN)
        yield warning(
            "onedrive_deleted",
            f"A OneDrive is kept until about {kept} (30 days, unless the tenant says otherwise), then in a recycle bin "
            f"until about {gone}.",
        )
        if manager is None:
            yield warning(
                "no_manager",
                "No manager is set, so nobody is given the OneDrive or told of its deletion. Grant access to it in the "
                "same offboarding, or set a manager first.",
            )

    def _day(self, days: int) -> str:
        return f"{self.context.asked_at + timedelta(days=days):%Y-%m-%d}"
