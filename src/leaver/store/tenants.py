"""The customer tenants that Leaver knows: their names, their domains and whom it must never offboard."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from sqlalchemy import delete, insert, select

from leaver.domain.errors import Unusable
from leaver.domain.people import TenantName
from leaver.store import tables
from leaver.store.database import Database, uninterrupted
from leaver.store.rights import RightsIndexes


@dataclass
class KnownTenant:
    """A tenant, every domain it answers to, and its protected accounts by object id."""

    id: str
    domain: str = ""
    name: str = ""
    domains: list[str] = field(default_factory=list)
    protected: dict[str, str] = field(default_factory=dict)
    """Object id to the UPN that it had when it was protected."""

    @property
    def named(self) -> TenantName:
        """As it is shown."""
        return TenantName(self.id, self.domain, self.name)


class Tenants:
    """The tenants of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._version: int | None = None
        self._known: dict[str, KnownTenant] = {}
        """Every tenant by each of its names, for as long as nobody writes to the database."""

    async def all(self) -> list[KnownTenant]:
        """Every tenant, by name."""
        found = {tenant.id: tenant for tenant in (await self._by_name()).values()}
        return [_copy(tenant) for tenant in sorted(found.values(), key=lambda each: (each.name or each.domain).lower())]

    async def find(self, text: str) -> KnownTenant:
        """The tenant with this id or domain, whatever the letter case; unknown ones are unusable."""
        found = (await self._by_name()).get(text.strip().lower())
        if found is not None:
            return _copy(found)
        raise Unusable(
            f"Leaver does not know the tenant {text!r}.",
            "unknown_tenant",
            advice="Add it with `leaver tenant add TENANT_ID --domain DOMAIN`, or all delegated customers with "
            "`leaver tenant sync`. `leaver tenant list` shows the known ones.",
        )

    async def get(self, tenant_id: str) -> KnownTenant:
        """The tenant with this id; a forgotten one is unusable."""
        return await self.find(tenant_id)

    @uninterrupted
    async def _by_name(self) -> dict[str, KnownTenant]:
        version = self._database.version()
        if version is not None and version == self._version:
            return self._known
        async with self._database.begin(write=False) as connection:
            rows = (await connection.execute(select(tables.tenants))).mappings()
            found = [KnownTenant(**row) for row in rows]
        known: dict[str, KnownTenant] = {}
        for tenant in sorted(found, key=lambda each: (each.name or each.domain).lower()):
            for name in filter(None, (tenant.id, tenant.domain, *tenant.domains)):
                known.setdefault(name.lower(), tenant)
        self._version, self._known = version, known
        return known

    @uninterrupted
    async def save(self, tenant: KnownTenant) -> None:
        """Add a tenant, or replace what is known of it."""
        async with self._database.begin() as connection:
            await connection.execute(delete(tables.tenants).where(tables.tenants.c.id == tenant.id))
            await connection.execute(insert(tables.tenants).values(**dataclasses.asdict(tenant)))

    @uninterrupted
    async def remove(self, tenant_id: str) -> None:
        """Forget a tenant, and who has which rights there; nothing is changed in it."""
        async with self._database.begin() as connection:
            await connection.execute(delete(tables.tenants).where(tables.tenants.c.id == tenant_id))
        await RightsIndexes(self._database).forget(tenant_id)


def _copy(tenant: KnownTenant) -> KnownTenant:
    """One that its reader may change."""
    return dataclasses.replace(tenant, domains=list(tenant.domains), protected=dict(tenant.protected))
