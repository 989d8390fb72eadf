"""Who may touch whom: a user with administrator roles is for administrators of Leaver."""

from __future__ import annotations

from leaver.access.roles import Person, Right, may
from leaver.domain.errors import Denied
from leaver.domain.offboarding import Offboarding
from leaver.m365.tenant import Tenant
from leaver.tasks.privilege import privilege_of


async def refuse_privileged(person: Person, doorway: Tenant, record: Offboarding) -> None:
    """Refuse an operator whose target holds directory roles, or where that cannot be known."""
    if may(person, Right.PRIVILEGED, record.tenant.id):
        return
    privilege = await privilege_of(doorway, record.user.id)
    held = [*privilege.roles, *privilege.groups]
    if privilege.readable and not held:
        return
    who = f"{record.user.display_name} ({record.user.upn})"
    why = f"is privileged: {', '.join(held)}" if held else "may be an administrator; the app may not read roles"
    raise Denied(f"{who} {why}.", "privileged_target", advice="Somebody with the role administrator can do this.")
