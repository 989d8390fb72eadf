"""A group as Graph shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from m365_simulator.graph.router import GraphCall
from m365_simulator.world import Group

DEFAULT = (
    "id",
    "deletedDateTime",
    "classification",
    "createdDateTime",
    "description",
    "displayName",
    "groupTypes",
    "isAssignableToRole",
    "mail",
    "mailEnabled",
    "mailNickname",
    "membershipRule",
    "membershipRuleProcessingState",
    "onPremisesSyncEnabled",
    "resourceProvisioningOptions",
    "securityEnabled",
    "visibility",
)


def _types(group: Group) -> list[str]:
    unified = ["Unified"] if group.kind == "microsoft365" else []
    return unified + (["DynamicMembership"] if group.dynamic_rule else [])


Reader = Callable[[GraphCall, Group], Any]
PROPERTIES: dict[str, Reader] = {
    "id": lambda call, group: group.id,
    "displayName": lambda call, group: group.display_name,
    "mail": lambda call, group: group.mail,
    "mailNickname": lambda call, group: group.alias,
    "mailEnabled": lambda call, group: group.kind != "security",
    "securityEnabled": lambda call, group: group.kind in ("security", "mail_security"),
    "groupTypes": lambda call, group: _types(group),
    "membershipRule": lambda call, group: group.dynamic_rule,
    "membershipRuleProcessingState": lambda call, group: "On" if group.dynamic_rule else None,
    "onPremisesSyncEnabled": lambda call, group: group.synced,
    "isAssignableToRole": lambda call, group: group.role_assignable or None,
    "assignedLicenses": lambda call, group: [{"skuId": sku, "disabledPlans": []} for sku in group.license_skus],
    "isManagementRestricted": lambda call, group: group.management_restricted or None,
    "resourceProvisioningOptions": lambda call, group: [],
    "proxyAddresses": lambda call, group: [f"SMTP:{group.mail}"] if group.mail else [],
    "createdDateTime": lambda call, group: "2023-01-01T00:00:00Z",
    "visibility": lambda call, group: "Private" if group.kind == "microsoft365" else None,
    "description": lambda call, group: None,
    "classification": lambda call, group: None,
    "deletedDateTime": lambda call, group: None,
    "onPremisesLastSyncDateTime": lambda call, group: "2026-01-01T00:00:00Z" if group.synced else None,
    "onPremisesSamAccountName": lambda call, group: group.alias if group.synced else None,
    "preferredDataLocation": lambda call, group: None,
}


def shape(call: GraphCall, group: Group, names: list[str]) -> dict[str, Any]:
    """A group in a mixed collection; who may not read groups sees only that there is one."""
    if not call.caller.may(*READ):
        return {"@odata.type": "#microsoft.graph.group", "id": group.id}
    shown: dict[str, Any] = {"@odata.type": "#microsoft.graph.group"}
    return shown | {name: PROPERTIES[name](call, group) for name in names}


READ = (
    "GroupMember.Read.All",
    "GroupMember.ReadWrite.All",
    "Group.Read.All",
    "Group.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)
"""Permissions that show groups and their members."""
