"""Directory roles: what makes a user privileged."""

from __future__ import annotations

from dataclasses import dataclass

from leaver.domain.errors import NotFound
from leaver.m365.graph.groups import Group, as_group
from leaver.m365.graph.related import related
from leaver.m365.graph.values import guid, literal, text
from leaver.m365.http import GraphWire, quote_id

GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
"""The role's template id, the same in every tenant."""


@dataclass(frozen=True)
class Role:
    """A directory role that is active in the tenant."""

    id: str
    template_id: str
    name: str


class Roles:
    """Reads who holds which role. Roles that a user could activate (PIM) are not shown by these calls."""

    def __init__(self, wire: GraphWire) -> None:
        self._wire = wire

    async def of(self, user_id: str) -> tuple[Role, ...]:
        """The roles a user holds, directly or through groups."""
        path = f"/users/{quote_id(user_id)}/transitiveMemberOf"
        params = {"$select": "id,displayName,roleTemplateId", "$count": "true"}
        rows = await related(self._wire, path, "directoryRole", params)
        return tuple(Role(guid(row, "id"), guid(row, "roleTemplateId"), text(row, "displayName")) for row in rows)

    async def members(self, template_id: str) -> tuple[str, ...]:
        """Ids of those who hold a role directly; none where the role was never activated."""
        try:
            rows = await self._wire.pages(
                f"/directoryRoles(roleTemplateId={literal(template_id)})/members", {"$select": "id"}
            )
        except NotFound:
            return ()
        return tuple(guid(row, "id") for row in rows)

    async def holders(self) -> frozenset[str]:
        """Ids of the users and groups that hold any role directly."""
        rows = await self._wire.pages("/roleManagement/directory/roleAssignments", {"$select": "principalId"})
        return frozenset(text(row, "principalId") for row in rows)

    async def role_assignable_groups(self, user_id: str) -> tuple[Group, ...]:
        """The groups a user is in that can hold roles; to be in one makes privileged."""
        path = f"/users/{quote_id(user_id)}/transitiveMemberOf"
        params = {
            "$filter": "isAssignableToRole eq true",
            "$select": "id,displayName,groupTypes,mailEnabled,securityEnabled,isAssignableToRole",
            "$count": "true",
        }
        rows = await related(self._wire, path, "group", params)
        return tuple(group for group in map(as_group, rows) if group.role_assignable)
