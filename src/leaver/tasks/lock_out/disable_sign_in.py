"""Disable sign-in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from leaver.domain.plan import Change, PlanItem, follow_up, info
from leaver.m365.graph.users import User
from leaver.tasks.privilege import Privilege, last_administrator, privilege_of, privileged
from leaver.tasks.task import Option, Section, Task


@dataclass(frozen=True)
class SignIn:
    """The account, and how much power it has."""

    user: User
    privilege: Privilege


class DisableSignIn(Task[SignIn]):
    """Disable the account, so that no new token is issued for it.

    Active Directory is the master of a synced account: the cloud is asked all the same, for speed, and a person is
    asked to disable it there. Microsoft may refuse the cloud block, or accept it until the next sync.
    """

    option = Option(
        "DisableSignIn",
        label="Disable sign-in",
        section=Section.ACCESS,
        place=1,
        text="Blocks every new sign-in to Microsoft 365.",
    )
    scopes = ("User.EnableDisableAccount.All", "User.Read.All", "RoleManagement.Read.Directory")

    async def inspect(self) -> SignIn:
        """The account and its privileges."""
        user, privilege = await asyncio.gather(
            self.tenant.users.get(self.leaver.id), privilege_of(self.tenant, self.leaver.id)
        )
        return SignIn(user, privilege)

    def plan(self, facts: SignIn) -> Iterable[PlanItem]:
        """One change while the account is enabled; for a synced one always the request to disable it at its source."""
        user = facts.user
        if user.synced:
            yield follow_up(
                "disable_in_active_directory",
                f"Disable {user.ad_name} in Active Directory. The account is synced from there, so the next sync may "
                "turn sign-in in the cloud on again.",
            )
        if not user.account_enabled:
            return
        blockers = list(last_administrator(facts.privilege, "disabling it"))
        if blockers:
            yield from blockers
            return
        yield from privileged(facts.privilege, restricted=user.management_restricted)
        if user.is_guest:
            yield info(
                "guest_home_account",
                "Is a guest: access to this tenant ends; the account in the home tenant is not touched.",
            )
        if "revoke_sessions" not in self.context.chosen:
            yield info(
                "sessions_live_on",
                "Blocks new sign-ins; sessions that are open live on until their tokens expire. Revoke them too.",
            )
        yield Change("accountEnabled", before=True, after=False, ref={"on_premises": True} if user.synced else {})

    async def apply(self, change: Change) -> None:
        """Block the account."""
        await self.tenant.users.update(self.leaver.id, accountEnabled=change.after)

    async def undo(self, change: Change) -> None:
        """Let the account sign in again."""
        await self.tenant.users.update(self.leaver.id, accountEnabled=change.before)
