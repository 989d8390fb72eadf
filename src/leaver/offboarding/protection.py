"""Whom Leaver never offboards: a list for each tenant, kept by object id."""

from __future__ import annotations

from leaver.domain.actor import Actor
from leaver.domain.errors import NotFound, Unusable
from leaver.m365.graph.users import User
from leaver.offboarding.intake import House
from leaver.store.audit import Audit
from leaver.store.tenants import KnownTenant, Tenants


async def protect(house: House, tenant_text: str, user: str, actor: Actor) -> tuple[KnownTenant, User]:
    """Put a user on the list; one that the tenant does not know is unusable."""
    known = await house.tenants.find(tenant_text)
    wanted = user.strip()
    unknown = Unusable(f"There is no user {user!r} in {known.domain or known.id}.", "unknown_user")
    if not wanted:
        raise Unusable("No user is named.", "unknown_user", advice="Give a UPN or an object id.")
    try:
        found = await house.doorway(known.id).users.get(wanted)
    except NotFound as error:
        raise unknown from error
    known.protected[found.id] = found.upn
    await house.tenants.save(known)
    await house.audit.add(actor, "user.protected", tenant_id=known.id, user_id=found.id, after={"user": found.upn})
    return known, found


async def unprotect(tenants: Tenants, audit: Audit, tenant_text: str, user: str, actor: Actor) -> KnownTenant:
    """Take a user off the list, by id or by the UPN of the day when it was protected."""
    known = await tenants.find(tenant_text)
    wanted = user.strip().lower()
    ids = [item for item, upn in known.protected.items() if wanted in (item.lower(), upn.lower())]
    if not ids:
        raise Unusable(f"{user!r} is not on the protected list of {known.domain or known.id}.", "not_protected")
    gone = {item: known.protected.pop(item) for item in ids}
    await tenants.save(known)
    for item, upn in gone.items():
        await audit.add(actor, "user.unprotected", tenant_id=known.id, user_id=item, before={"user": upn})
    return known
