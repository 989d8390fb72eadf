"""Connecting tenants: asks Microsoft who a tenant is before Leaver believes it."""

from __future__ import annotations

import asyncio
import re
from typing import Protocol

from leaver.domain.actor import Actor
from leaver.domain.errors import LeaverError, Refused, Unusable
from leaver.offboarding import health
from leaver.offboarding.intake import House
from leaver.store.audit import Audit
from leaver.store.papers import Papers
from leaver.store.tenants import KnownTenant, Tenants

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Store(Protocol):
    """What forgetting a tenant needs of our memory."""

    @property
    def tenants(self) -> Tenants:
        """The tenants."""

    @property
    def papers(self) -> Papers:
        """What was seen of them."""

    @property
    def audit(self) -> Audit:
        """Where it is written down."""


async def connect(house: House, tenant_id: str, domain: str, actor: Actor, *, unseen: bool = False) -> KnownTenant:
    """Add a tenant, after asking Microsoft for its name and domains; `unseen` leaves that out.

    One that answers as another tenant, or a domain that is not its own, is unusable.
    """
    wanted = tenant_id.strip()
    if not _GUID.fullmatch(wanted):
        raise Unusable(
            f"{tenant_id!r} is no tenant id: it looks like 8a8bf9e1-05c4-4f6e-9d2b-1f4a8f0c7d11.",
            "bad_tenant_id",
            advice="The tenant's administrator finds it in the Entra admin center under Overview.",
        )
    known = await _unseen(house, wanted, domain.strip()) if unseen else await _seen(house, wanted, domain.strip())
    await _keep(house, known, actor)
    return known


async def connect_customers(house: House, actor: Actor) -> list[tuple[KnownTenant, str]]:
    """Add every delegated customer of the partner tenant; each with why it lets nobody in, empty where it does."""
    partner = house.config.partner_tenant
    if not partner:
        raise Unusable(
            "LEAVER_PARTNER_TENANT is not set.", "no_partner_tenant", advice="Set it to your own tenant's id."
        )
    customers = await house.doorway(partner).organization.customers()
    found = await asyncio.gather(*(_customer(house, item.id, item.domain, item.name) for item in customers))
    for known, _ in found:
        await _keep(house, known, actor)
    return list(found)


async def forget(store: Store, text: str, actor: Actor) -> KnownTenant:
    """Forget a tenant; nothing is changed in it, and what was done in it stays written down."""
    known = await store.tenants.find(text)
    await store.tenants.remove(known.id)
    await health.forget(store.papers, known.id)
    before = {"domain": known.domain, "name": known.name}
    await store.audit.add(actor, "tenant.removed", tenant_id=known.id, before=before)
    return known


async def _keep(house: House, known: KnownTenant, actor: Actor) -> None:
    new = all(item.id != known.id for item in await house.tenants.all())
    await house.tenants.save(known)
    if new:
        after = {"domain": known.domain, "name": known.name}
        await house.audit.add(actor, "tenant.connected", tenant_id=known.id, after=after)


async def _seen(house: House, tenant_id: str, domain: str) -> KnownTenant:
    organization = await house.doorway(tenant_id).organization.get()
    if organization.id.lower() != tenant_id.lower():
        raise Unusable(f"{tenant_id} answers as another tenant ({organization.id}).", "wrong_tenant")
    domains = list(organization.domains)
    if domain and domain.lower() not in map(str.lower, domains):
        raise Unusable(
            f"{domain} is no domain of {organization.name}.",
            "wrong_domain",
            advice=f"Its domains: {', '.join(domains)}.",
        )
    shown = domain or organization.default_domain
    protected = await _protected(house.tenants, organization.id)
    return KnownTenant(organization.id, shown, organization.name, domains, protected)


async def _unseen(house: House, tenant_id: str, domain: str) -> KnownTenant:
    protected = await _protected(house.tenants, tenant_id)
    return KnownTenant(tenant_id, domain, "", [domain] if domain else [], protected)


async def _customer(house: House, tenant_id: str, domain: str, name: str) -> tuple[KnownTenant, str]:
    """A customer with all its domains, or with what the partner tenant knows and why it cannot be reached."""
    try:
        return await _seen(house, tenant_id, ""), ""
    except (Refused, Unusable) as error:
        why = error.message
    except LeaverError as error:
        why = str(error)
    known = await _unseen(house, tenant_id, domain)
    known.name = name
    return known, why


async def _protected(store: Tenants, tenant_id: str) -> dict[str, str]:
    return next((item.protected for item in await store.all() if item.id.lower() == tenant_id.lower()), {})
