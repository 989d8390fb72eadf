"""Access packages of entitlement management, which put people into groups again."""

from __future__ import annotations

from leaver.domain.errors import Refused, SignInRefused
from leaver.m365.graph.values import literal, text
from leaver.m365.http import GraphWire


class AccessPackages:
    """Reads which packages somebody was given."""

    def __init__(self, wire: GraphWire) -> None:
        self._wire = wire

    async def of(self, user_id: str) -> tuple[str, ...] | None:
        """Names of the packages that a user holds; None where that cannot be read.

        Few tenants have the license, and the permission for it (EntitlementManagement.Read.All) is no condition of any
        task: a refusal says only that nothing is known.
        """
        params = {
            "$filter": f"target/objectId eq {literal(user_id)} and state eq 'delivered'",
            "$expand": "accessPackage",
        }
        try:
            rows = await self._wire.pages("/identityGovernance/entitlementManagement/assignments", params)
        except SignInRefused:
            raise
        except Refused:
            return None
        packages = ((row.get("accessPackage") or {}, row) for row in rows)
        return tuple(dict.fromkeys(text(package, "displayName") or text(row, "id") for package, row in packages))
