"""What a person reaches: out of sight looks like not there, and a right that is missing is said so."""

from __future__ import annotations

from leaver.access.roles import Person, Right, require
from leaver.access.targets import refuse_privileged
from leaver.domain.errors import LeaverError, Unusable
from leaver.domain.offboarding import Offboarding
from leaver.store.defaults import ORGANIZATION
from leaver.store.tenants import KnownTenant
from leaver.web.rooms import Rooms


class Elsewhere(LeaverError):
    """What is asked for has moved: `path` is where it is."""

    def __init__(self, path: str) -> None:
        super().__init__("It has moved.", "elsewhere")
        self.path = path


async def tenant_of(here: Rooms, person: Person, tenant_id: str, right: Right = Right.PLAN) -> KnownTenant:
    """A tenant that somebody may plan in, or may what is given; one out of sight looks like one that is not there."""
    known = await here.house.tenants.find(tenant_id)
    if not person.sees(known.id):
        raise Unusable("Leaver does not know this tenant.", "unknown_tenant")
    require(person, right, known.id)
    return known


async def scope_of(here: Rooms, person: Person, scope: str) -> str:
    """The title of a scope of defaults that somebody may manage."""
    if scope == ORGANIZATION:
        require(person, Right.MANAGE)
        return "your organization"
    known = await tenant_of(here, person, scope)
    require(person, Right.MANAGE, known.id)
    return known.name or known.domain


async def record_of(here: Rooms, person: Person, offboarding_id: str, right: Right) -> Offboarding:
    """An offboarding that somebody may see and treat so; one out of sight looks like one that is not there."""
    unknown = Unusable("There is no such offboarding.", "unknown_offboarding")
    try:
        record = await here.desk.get(offboarding_id)
    except Unusable as error:
        raise unknown from error
    if not person.sees(record.tenant.id):
        raise unknown
    require(person, right, record.tenant.id)
    return record


async def changeable(here: Rooms, person: Person, offboarding_id: str) -> Offboarding:
    """An offboarding that somebody may change, its user included."""
    record = await record_of(here, person, offboarding_id, Right.OFFBOARD)
    await refuse_privileged(person, here.house.doorway(record.tenant.id), record)
    return record


def some_tenant(person: Person, right: str) -> str:
    """One of the tenants that somebody is limited to, to ask whether a right is there at all."""
    return next(iter(sorted(person.tenants)), "") if person.tenants and right != "manage" else ""
