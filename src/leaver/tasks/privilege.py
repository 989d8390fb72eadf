"""How much power the leaver's account has, and so what it takes to change it: the same answer from every task."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from leaver.domain.errors import NotFound, Refused, SignInRefused
from leaver.domain.plan import Note, blocker, warning
from leaver.m365.graph.roles import GLOBAL_ADMINISTRATOR
from leaver.m365.tenant import Tenant

PRIVILEGED_ROLE = "Privileged Authentication Administrator"
"""The role with which the application may change any administrator (Microsoft Graph: user, sensitive actions)."""


@dataclass(frozen=True)
class Privilege:
    """The directory roles and role-assignable groups that make an account privileged."""

    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    last_global_administrator: bool = False
    readable: bool = True
    """Whether the application may read roles; if not, nothing is known."""

    @property
    def why(self) -> str:
        """Why only an administrator of Leaver may touch the account, as the end of a sentence; empty: anybody may."""
        held = [*self.roles, *self.groups]
        if held:
            return f"is privileged: {', '.join(held)}"
        return "" if self.readable else "may be an administrator; the app may not read roles"


async def privilege_of(tenant: Tenant, user_id: str) -> Privilege:
    """What makes the account privileged. That roles cannot be read is a fact too: it must not hold up a lock-out."""
    try:
        roles, groups, owned = await asyncio.gather(
            tenant.roles.of(user_id), tenant.roles.role_assignable_groups(user_id), tenant.groups.ownerships(user_id)
        )
        is_global = any(role.template_id == GLOBAL_ADMINISTRATOR for role in roles)
        others = set(await tenant.roles.members(GLOBAL_ADMINISTRATOR)) - {user_id} if is_global else set()
    except SignInRefused:
        raise
    except Refused:
        return Privilege(readable=False)
    return Privilege(
        roles=tuple(role.name for role in roles),
        groups=tuple(dict.fromkeys(group.display_name for group in (*groups, *owned) if group.role_assignable)),
        last_global_administrator=is_global
        and not any(await asyncio.gather(*(_can_administer(tenant, each) for each in others))),
    )


def last_administrator(privilege: Privilege, what_is_refused: str) -> Iterable[Note]:
    """A blocker for the only Global Administrator: a tenant without one cannot be administered."""
    if privilege.last_global_administrator:
        yield blocker(
            "last_global_administrator",
            f"Is the only Global Administrator of this tenant who can sign in, so {what_is_refused} is refused. "
            "Make somebody else Global Administrator first (Entra admin center, Roles and admins).",
        )


def privileged(privilege: Privilege, *, restricted: bool) -> Iterable[Note]:
    """Warnings that Microsoft may refuse the change. `restricted`: in a restricted administrative unit."""
    if not privilege.readable:
        yield warning(
            "privilege_unknown",
            "The app may not read directory roles, so it is not known whether this is an administrator. If it is, "
            f"Microsoft refuses the change unless the app has the role {PRIVILEGED_ROLE}.",
        )
    held = [*privilege.roles, *(f"in or owner of the role-assignable group {name}" for name in privilege.groups)]
    if held:
        yield warning(
            "privileged_user",
            f"Is privileged: {', '.join(held)}. Microsoft refuses the change (Insufficient privileges) unless the app "
            f"has the role {PRIVILEGED_ROLE} in this tenant.",
        )
    if restricted:
        yield warning(
            "restricted_management",
            "Is in a restricted management administrative unit: Microsoft refuses changes unless the app has a role "
            "that is scoped to that unit.",
        )


async def _can_administer(tenant: Tenant, holder_id: str) -> bool:
    """Whether a holder of the role can use it; a group or an app can, as far as we look."""
    try:
        return (await tenant.users.colleague(holder_id)).enabled
    except NotFound:
        return True
