"""Roles and rights: everything is denied unless this table allows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from leaver.domain.actor import Actor
from leaver.domain.errors import Denied


class Role(StrEnum):
    """What somebody is here."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


class Right(StrEnum):
    """What can be asked for."""

    SEE = "see"
    """Tenants, users, offboardings and their reports."""
    PLAN = "plan"
    """Read a tenant for a plan."""
    OFFBOARD = "offboard"
    """Accept, retry, cancel, move, skip and undo offboardings."""
    MAIL = "mail reports"
    """Have Leaver mail a report to others, in the organization's name."""
    PRIVILEGED = "privileged"
    """All of it for users with administrator roles."""
    MANAGE = "manage"
    """Defaults, tokens, tenants and settings."""
    AUDIT = "audit"


ALLOWED: dict[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.SEE}),
    Role.OPERATOR: frozenset({Right.SEE, Right.PLAN, Right.OFFBOARD, Right.MAIL}),
    Role.ADMINISTRATOR: frozenset(Right),
    Role.AUDITOR: frozenset({Right.SEE, Right.AUDIT, Right.MAIL}),
}


@dataclass(frozen=True)
class Person:
    """A person or program that asks for something, and how far it may go."""

    name: str
    role: Role
    tenants: frozenset[str] | None = None
    """Ids of the tenants it is limited to; None: all."""
    via: str = "api"
    address: str = ""
    behind: str = ""
    """Who made the token, for a program."""

    def actor(self) -> Actor:
        """As the audit trail names it."""
        return Actor(self.name, self.via, self.address, self.behind)

    def sees(self, tenant_id: str) -> bool:
        """Whether a tenant is within its limits."""
        return self.tenants is None or tenant_id in self.tenants

    @property
    def tenant_ids(self) -> Sequence[str] | None:
        """The limits, for a query; None: no limit."""
        return None if self.tenants is None else sorted(self.tenants)


def may(person: Person, right: Right, tenant_id: str = "") -> bool:
    """Whether a person may do this, in this tenant if one is named; without one, only who is not limited may manage."""
    if right not in ALLOWED[person.role]:
        return False
    if tenant_id:
        return person.sees(tenant_id)
    return person.tenants is None or right not in (Right.MANAGE, Right.AUDIT)


def require(person: Person, right: Right, tenant_id: str = "") -> None:
    """Refuse whoever may not."""
    if not may(person, right, tenant_id):
        where = "for this tenant" if right in ALLOWED[person.role] else f"with the role {person.role.value}"
        raise Denied(
            f"{person.name} may not do this {where}.",
            "forbidden",
            advice=f"It needs the right to {right.value}. Ask an administrator.",
        )
