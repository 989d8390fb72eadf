"""What an identity provider's word is worth here: which of its roles, groups and programs get which role and tenants.

Written as `KIND:VALUE=ROLE` or `KIND:VALUE=ROLE@TENANT,TENANT`, separated by semicolons or lines. The first that fits
gives the role; every other one that fits and names the same role adds its tenants. What no grant names gets nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from leaver.access.roles import Role
from leaver.domain.errors import Unusable
from leaver.store.tenants import KnownTenant

VARIABLE = "LEAVER_GRANTS"


class Kind(StrEnum):
    """What of somebody a grant looks at."""

    ROLE = "role"
    """An app role, from the claim `roles`."""
    GROUP = "group"
    """A group's id, from the claim `groups`; people only."""
    CLIENT = "client"
    """A program's client id; programs only."""
    SUBJECT = "subject"
    """One person's or program's own id, from the claims `oid` or `sub`."""


@dataclass(frozen=True)
class Grant:
    """One line of the configuration."""

    kind: Kind
    value: str
    role: Role
    tenants: tuple[str, ...] = ()
    """Ids or domains; empty: all tenants."""


@dataclass(frozen=True)
class Granted:
    """What somebody got."""

    role: Role
    tenants: frozenset[str] | None
    """Ids of the tenants; None: all of them."""


class Grants:
    """The configured grants, in their order."""

    def __init__(self, grants: Sequence[Grant]) -> None:
        self._grants = tuple(grants)

    @classmethod
    def read(cls, text: str) -> Grants:
        """Read the configuration; what is not understood is unusable, never ignored."""
        lines = [part.strip() for line in text.splitlines() for part in line.split(";")]
        return cls([_grant(line) for line in lines if line and not line.startswith("#")])

    def __bool__(self) -> bool:
        """Whether anybody could get in."""
        return bool(self._grants)

    @property
    def by_group(self) -> bool:
        """Whether groups count."""
        return any(grant.kind is Kind.GROUP for grant in self._grants)

    def of(self, held: Collection[tuple[Kind, str]], known: Sequence[KnownTenant]) -> Granted | None:
        """What somebody gets who holds this; None: nothing. A tenant that Leaver does not know adds nothing."""
        lowered = {(kind, value.lower()) for kind, value in held}
        fitting = [grant for grant in self._grants if (grant.kind, grant.value.lower()) in lowered]
        if not fitting:
            return None
        role = fitting[0].role
        same = [grant for grant in fitting if grant.role is role]
        if any(not grant.tenants for grant in same):
            return Granted(role, None)
        named = {text.lower() for grant in same for text in grant.tenants}
        return Granted(role, frozenset(tenant.id for tenant in known if named & _names(tenant)))


def _names(tenant: KnownTenant) -> set[str]:
    return {name.lower() for name in (tenant.id, tenant.domain, *tenant.domains) if name}


def _grant(line: str) -> Grant:
    who, _, what = line.partition("=")
    kind, _, value = who.strip().partition(":")
    role, at, tenants = what.strip().partition("@")
    names = tuple(name.strip() for name in tenants.split(",") if name.strip())
    kinds, roles = list(Kind), list(Role)
    if kind.strip() not in kinds or not value.strip() or role.strip() not in roles or (at and not names):
        raise Unusable(
            f"{VARIABLE} holds {line!r}, which is no grant.",
            "bad_configuration",
            advice="Write `KIND:VALUE=ROLE` or `KIND:VALUE=ROLE@TENANT,TENANT`, separated by semicolons. "
            f"KIND is {', '.join(kinds)}; ROLE is {', '.join(roles)}.",
        )
    return Grant(Kind(kind.strip()), value.strip(), Role(role.strip()), names)
