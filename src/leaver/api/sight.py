"""What a caller may see: the tenant and the offboarding that a route is asked for. What is not theirs is not there."""

from __future__ import annotations

from typing import Any

from leaver.access.roles import Person, Right, may, require
from leaver.access.targets import refuse_privileged
from leaver.api.door import Rooms
from leaver.domain.errors import Unusable
from leaver.domain.offboarding import Offboarding, document
from leaver.store.tenants import KnownTenant


async def tenant_of(here: Rooms, person: Person, text: str, right: Right) -> KnownTenant:
    """The tenant that the caller may see; one outside its limits looks like one that is not there."""
    require(person, right, next(iter(person.tenants or {""})))
    unknown = Unusable(f"Leaver does not know the tenant {text!r}.", "unknown_tenant", advice="`/tenants` lists them.")
    try:
        known = await here.house.tenants.find(text)
    except Unusable as error:
        raise unknown from error
    if not person.sees(known.id):
        raise unknown
    return known


async def offboarding_of(here: Rooms, person: Person, offboarding_id: str, right: Right) -> Offboarding:
    """The offboarding that the caller may see; one of another tenant looks like one that is not there."""
    require(person, right, next(iter(person.tenants or {""})))
    unknown = Unusable(f"There is no offboarding with the id {offboarding_id!r}.", "unknown_offboarding")
    try:
        record = await here.desk.get(offboarding_id)
    except Unusable as error:
        raise unknown from error
    if record.id != offboarding_id or not person.sees(record.tenant.id):
        raise unknown
    return record


async def changeable_of(here: Rooms, person: Person, offboarding_id: str) -> Offboarding:
    """The offboarding that the caller may do something with; that of a privileged user takes an administrator."""
    record = await offboarding_of(here, person, offboarding_id, Right.OFFBOARD)
    await refuse_privileged(person, here.house.doorway(record.tenant.id), record)
    return record


def require_audit(person: Person) -> None:
    """Refuse who may not read the audit trail of any tenant."""
    limit = next(iter(person.tenants), "") if person.tenants else ""
    if not may(person, Right.AUDIT, limit):
        require(person, Right.AUDIT)


def shown(record: Offboarding) -> dict[str, Any]:
    """One offboarding, in the shape of all answers."""
    return document(record.tenant, [record], record.digest)
