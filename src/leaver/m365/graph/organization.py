"""The tenant itself, and the customers of a partner's tenant."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from leaver.domain.errors import Forbidden, NotFound, Refused
from leaver.domain.people import TenantName
from leaver.m365.graph.values import guid, literal, moment, text
from leaver.m365.http import GraphWire

_PROPERTIES = "id,displayName,verifiedDomains,onPremisesSyncEnabled"


@dataclass(frozen=True)
class Organization:
    """A tenant, as it describes itself."""

    id: str
    name: str
    domains: tuple[str, ...] = ()
    default_domain: str = ""
    initial_domain: str = ""
    synced: bool = False
    """Whether the tenant is synchronized with an Active Directory at all."""
    synced_at: datetime | None = None
    """When it was last, where the service says it."""


class Organizations:
    """Reads the tenant, and for a partner the tenants of its customers."""

    def __init__(self, wire: GraphWire) -> None:
        self._wire = wire

    async def get(self) -> Organization:
        """The tenant we are in."""
        try:
            rows = await self._wire.pages("/organization", {"$select": f"{_PROPERTIES},onPremisesLastSyncDateTime"})
        except Refused as error:
            if error.status != 400:
                raise
            rows = await self._wire.pages("/organization", {"$select": _PROPERTIES})  # when it was synced is a bonus
        if not rows:
            raise NotFound("The tenant does not describe itself.", code="no_organization", service="graph")
        domains = rows[0].get("verifiedDomains") or ()
        return Organization(
            id=guid(rows[0], "id"),
            name=text(rows[0], "displayName"),
            domains=tuple(text(domain, "name") for domain in domains),
            default_domain=next((text(domain, "name") for domain in domains if domain.get("isDefault")), ""),
            initial_domain=next((text(domain, "name") for domain in domains if domain.get("isInitial")), ""),
            synced=bool(rows[0].get("onPremisesSyncEnabled")),
            synced_at=moment(rows[0], "onPremisesLastSyncDateTime"),
        )

    async def customers(self) -> tuple[TenantName, ...]:
        """The customers of a partner, by name; those without any granted relationship are not among them.

        Microsoft's list of relationships has no domains: they come from the reseller contracts, and for the rest from
        a look-up each. Where the list is refused, the contracts are all there is.
        """
        contracts = {guid(row, "customerId"): row for row in await self._contracts()}
        try:
            rows = await self._wire.pages("/tenantRelationships/delegatedAdminCustomers", {"$top": "300"})
        except Forbidden:
            if not contracts:
                raise
            found = [
                TenantName(id_, text(row, "defaultDomainName"), text(row, "displayName"))
                for id_, row in contracts.items()
            ]
        else:
            found = list(await asyncio.gather(*(self._named(row, contracts) for row in rows)))
        return tuple(sorted(found, key=lambda customer: (customer.name.casefold(), customer.id)))

    async def _contracts(self) -> list[dict[str, object]]:
        try:
            return await self._wire.pages("/contracts", {"$select": "customerId,defaultDomainName,displayName"})
        except (Forbidden, NotFound):
            return []

    async def _named(self, row: dict[str, object], contracts: dict[str, dict[str, object]]) -> TenantName:
        tenant_id = guid(row, "tenantId") or guid(row, "id")
        domain = text(contracts.get(tenant_id, {}), "defaultDomainName") or await self._domain(tenant_id)
        return TenantName(tenant_id, domain, text(row, "displayName"))

    async def _domain(self, tenant_id: str) -> str:
        path = f"/tenantRelationships/findTenantInformationByTenantId(tenantId={literal(tenant_id)})"
        try:
            return text(await self._wire.get(path), "defaultDomainName")
        except Refused:
            # Only a nicer name is missing; the id is what counts.
            return ""
