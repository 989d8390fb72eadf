"""Reset the password."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from leaver.domain.plan import Change, NotApplicable, PlanItem, Reversibility, follow_up
from leaver.m365.graph.users import User
from leaver.tasks.privilege import Privilege, privilege_of, privileged
from leaver.tasks.task import Option, Section, Task


@dataclass(frozen=True)
class Password:
    """The account, with the date of its last password change, and how much power it has."""

    user: User
    privilege: Privilege


class ResetPassword(Task[Password]):
    """Give the account a long random password that nobody is told and nothing keeps.

    It cannot be undone, since the old password is unknown; another one can be set at any time. Microsoft shows the
    date of the last change, and that is the evidence.
    """

    option = Option(
        "ResetPass",
        label="Reset password",
        section=Section.ACCESS,
        place=2,
        text="Sets a long random password. It is not shown or stored.",
    )
    scopes = ("User-PasswordProfile.ReadWrite.All", "User.Read.All", "RoleManagement.Read.Directory")
    roles = ("User Administrator",)
    follows = ("disable_sign_in",)
    reversibility = Reversibility.ONE_WAY

    async def inspect(self) -> Password:
        """The account and its privileges."""
        user, privilege = await asyncio.gather(
            self.tenant.users.get(self.leaver.id), privilege_of(self.tenant, self.leaver.id)
        )
        return Password(user, privilege)

    def plan(self, facts: Password) -> Iterable[PlanItem]:
        """One change, unless the password is younger than the offboarding or is mastered elsewhere."""
        user = facts.user
        if user.is_guest:
            yield NotApplicable("guest", "Is a guest: the password belongs to the home tenant.")
            return
        if user.last_password_change is not None and user.last_password_change >= self.context.earliest:
            return
        if user.synced:
            yield follow_up(
                "reset_password_in_active_directory",
                f"Reset the password of {user.ad_name} in Active Directory, twice, so that the former one cannot be "
                "replayed. The account is synced from there, and an app cannot set its password in the cloud.",
            )
            return
        yield from privileged(facts.privilege, restricted=user.management_restricted)
        last = user.last_password_change
        yield Change(
            "password",
            before=f"last changed {last:%Y-%m-%d %H:%M} UTC" if last else "set",
            after="random, known to nobody",
            reversibility=self.reversibility,
        )

    async def apply(self, change: Change) -> None:
        """Set a password that exists inside this call only; a repeat sets another one."""
        await self.tenant.users.set_password(self.leaver.id)
