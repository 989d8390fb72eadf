"""Who may listen to what: a webhook tells of its tenants, so it is for those who may manage all of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from leaver.access.roles import Person, Right, require
from leaver.domain.errors import Denied, Unusable
from leaver.store.tenants import Tenants


def require_listening(person: Person) -> None:
    """Refuse whoever manages no tenant at all."""
    require(person, Right.MANAGE, next(iter(sorted(person.tenants)), "") if person.tenants else "")


def reaches(person: Person, tenants: Collection[str]) -> bool:
    """Whether a webhook of these tenants (all, if there is none) tells of nothing that somebody may not see."""
    return person.tenants is None or (bool(tenants) and person.tenants.issuperset(tenants))


async def tenants_within(tenants: Tenants, person: Person, texts: Sequence[str]) -> list[str]:
    """Ids of these tenants, or somebody's own limits when none is named; one out of sight looks like none."""
    if not texts:
        if person.tenants is not None and not person.tenants:
            raise Denied(f"{person.name} reaches no tenant.", "forbidden")
        return sorted(person.tenants or ())
    found = []
    for text in texts:
        known = await tenants.find(text)
        if not person.sees(known.id):
            raise Unusable(f"Leaver does not know the tenant {text!r}.", "unknown_tenant")
        found.append(known.id)
    return found
