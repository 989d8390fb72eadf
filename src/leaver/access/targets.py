"""Who may touch whom: a user with administrator roles is for administrators of Leaver."""

from __future__ import annotations

from leaver.access.roles import Person, Right, may, require
from leaver.domain.approval import PRIVILEGED
from leaver.domain.errors import Denied
from leaver.domain.offboarding import Offboarding
from leaver.m365.tenant import Tenant
from leaver.tasks.privilege import privilege_of


async def refuse_approver(person: Person, doorway: Tenant, record: Offboarding) -> None:
    """Refuse whoever may not approve: it takes the right to offboard, and for a privileged user an administrator."""
    require(person, Right.OFFBOARD, record.tenant.id)
    if person.via == "api" and not person.behind:
        raise Denied(
            f"{person.name} is a program, and nobody's second person.",
            "second_person",
            advice="Approve in the portal, or with an API token that a person has made.",
        )
    if record.approval is not None and PRIVILEGED in record.approval.reasons:
        require(person, Right.PRIVILEGED, record.tenant.id)
    await refuse_privileged(person, doorway, record)


async def refuse_privileged(person: Person, doorway: Tenant, record: Offboarding) -> None:
    """Refuse an operator whose target holds directory roles, or where that cannot be known."""
    if may(person, Right.PRIVILEGED, record.tenant.id):
        return
    privilege = await privilege_of(doorway, record.user.id)
    if not privilege.why:
        return
    who = f"{record.user.display_name} ({record.user.upn})"
    raise Denied(
        f"{who} {privilege.why}.", "privileged_target", advice="Somebody with the role administrator can do this."
    )
