"""The customer tenants that Leaver knows: their names, their domains and whom it must never offboard."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path

from leaver.domain.errors import Unusable
from leaver.domain.people import TenantName
from leaver.store.offboardings import write_private


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
    """The tenants in a data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "tenants.json"

    def all(self) -> list[KnownTenant]:
        """Every tenant, by name."""
        if not self._path.exists():
            return []
        rows = json.loads(self._path.read_text(encoding="utf-8"))
        return sorted((KnownTenant(**row) for row in rows), key=lambda tenant: (tenant.name or tenant.domain).lower())

    def find(self, text: str) -> KnownTenant:
        """The tenant with this id or domain, whatever the letter case; unknown ones are unusable."""
        wanted = text.strip().lower()
        for tenant in self.all():
            if wanted and wanted in {tenant.id.lower(), tenant.domain.lower(), *map(str.lower, tenant.domains)}:
                return tenant
        raise Unusable(
            f"Leaver does not know the tenant {text!r}.",
            "unknown_tenant",
            advice="Add it with `leaver tenant add TENANT_ID --domain DOMAIN`, or all delegated customers with "
            "`leaver tenant sync`. `leaver tenant list` shows the known ones.",
        )

    def save(self, tenant: KnownTenant) -> None:
        """Add a tenant, or replace what is known of it."""
        self._write([*(other for other in self.all() if other.id != tenant.id), tenant])

    def remove(self, tenant_id: str) -> None:
        """Forget a tenant; nothing is changed in it."""
        self._write([other for other in self.all() if other.id != tenant_id])

    def _write(self, tenants: list[KnownTenant]) -> None:
        write_private(self._path, json.dumps([dataclasses.asdict(tenant) for tenant in tenants], indent=1))
