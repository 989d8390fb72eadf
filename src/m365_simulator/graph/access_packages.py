"""Entitlement management: who was given which access package."""

from __future__ import annotations

from typing import Any

from m365_simulator.graph import odata
from m365_simulator.graph.errors import GraphError
from m365_simulator.graph.filters import Filter
from m365_simulator.graph.router import GraphCall, route
from m365_simulator.state import Answer

_READ = ("EntitlementManagement.Read.All", "EntitlementManagement.ReadWrite.All")


@route("GET", "/identityGovernance/entitlementManagement/assignments", *_READ)
def assignments(call: GraphCall) -> Answer:
    """The delivered packages, for whom the filter names."""
    if not call.world.premium:
        raise GraphError(403, "Forbidden", "The tenant has no license for entitlement management.")
    rows = [_shape(call, alias, name) for alias, name in call.world.access_packages if alias in call.world.users]
    if "$filter" in call.query:
        wanted = Filter(call.query["$filter"])
        rows = [row for row in rows if wanted.matches(row.get)]
    return odata.rows(call, rows, lambda row: row)


def _shape(call: GraphCall, alias: str, name: str) -> dict[str, Any]:
    user = call.world.users[alias]
    expanded = {part.split("(")[0] for part in call.query.get("$expand", "").split(",")}
    row: dict[str, Any] = {
        "id": call.world.new_id("package assignment", alias, name),
        "state": "delivered",
        "status": "Delivered",
        "target": {"objectId": user.id, "principalName": user.upn, "displayName": user.display_name},
    }
    if "accessPackage" in expanded:
        row["accessPackage"] = {"id": call.world.new_id("package", name), "displayName": name}
    return row
