"""Clear the immutable id."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from leaver.domain.plan import Change, PlanItem, follow_up
from leaver.m365.graph.users import User
from leaver.tasks.privilege import Privilege, privilege_of, privileged
from leaver.tasks.task import Option, Section, Task


@dataclass(frozen=True)
class Anchor:
    """The account with its link to Active Directory, and how much power it has."""

    user: User
    privilege: Privilege


class ClearImmutableId(Task[Anchor]):
    """Clear what once tied the account to Active Directory, so that no other object there takes it over.

    Microsoft allows it only when the account is no longer synced. A deleted account is never restored for it.
    """

    option = Option(
        "ClearImmutableId",
        label="Clear immutable ID",
        short="Immutable ID",
        section=Section.ACCOUNT,
        place=1,
        text="Cuts the link to the AD account so the next sync does not match it.",
    )
    scopes = ("User.ReadWrite.All", "RoleManagement.Read.Directory")
    follows = ("disable_sign_in",)

    async def inspect(self) -> Anchor:
        """The account and its privileges."""
        user, privilege = await asyncio.gather(
            self.tenant.users.get(self.leaver.id), privilege_of(self.tenant, self.leaver.id)
        )
        return Anchor(user, privilege)

    def plan(self, facts: Anchor) -> Iterable[PlanItem]:
        """One change, unless there is no id or the account is still synced."""
        user = facts.user
        if not user.immutable_id:
            return
        if user.synced:
            yield follow_up(
                "still_synced",
                f"{user.ad_name} is still synced from Active Directory, so its immutable id cannot be cleared. Take "
                "the account out of the sync's scope, restore it where the next sync has deleted it, then retry.",
            )
            return
        yield from privileged(facts.privilege, restricted=user.management_restricted)
        yield Change("onPremisesImmutableId", before=user.immutable_id)

    async def apply(self, change: Change) -> None:
        """Write an explicit null."""
        await self.tenant.users.update(self.leaver.id, onPremisesImmutableId=None)

    async def undo(self, change: Change) -> None:
        """Write the recorded id back."""
        await self.tenant.users.update(self.leaver.id, onPremisesImmutableId=change.before)
