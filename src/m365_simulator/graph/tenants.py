"""Other tenants: the customers of a partner, and what anybody may know of a tenant."""

from __future__ import annotations

from typing import Any

from m365_simulator.graph import odata
from m365_simulator.graph.errors import GraphError, denied, not_found
from m365_simulator.graph.filters import Filter
from m365_simulator.graph.router import GraphCall, route
from m365_simulator.state import Answer
from m365_simulator.world import World

_CUSTOMERS = ("DelegatedAdminRelationship.Read.All", "DelegatedAdminRelationship.ReadWrite.All")
_KNOWN = ("CrossTenantInformation.ReadBasic.All",)
_SPELLINGS = "/tenantRelationships/{}findTenantInformationBy{}"


@route("GET", "/tenantRelationships/delegatedAdminCustomers", *_CUSTOMERS, "Directory.Read.All")
def customers(call: GraphCall) -> Answer:
    """The tenants with a delegated administration relationship; no domains among their properties."""
    if call.state.behaviour.customers_status != 200:
        raise denied()
    rows = [{"id": world.id, "tenantId": world.id, "displayName": world.name} for world in _others(call)]
    return odata.rows(call, _matching(call, rows), lambda row: row, most=300)


@route("GET", "/contracts", "Directory.Read.All", "Directory.ReadWrite.All", units=3)
def contracts(call: GraphCall) -> Answer:
    """The tenants that buy from this one."""
    rows = [
        {
            "id": call.world.new_id("contract", world.id),
            "contractType": "ResellerPartner",
            "customerId": world.id,
            "defaultDomainName": world.initial_domain or world.domain,
            "displayName": world.name,
        }
        for world in _others(call)
    ]
    return odata.rows(call, _matching(call, rows), lambda row: row)


@route(
    "GET",
    _SPELLINGS.format("", "TenantId(tenantId)/{}"),
    *_KNOWN,
    also=(
        _SPELLINGS.format("microsoft.graph.", "TenantId(tenantId)/{}"),
        _SPELLINGS.format("", "DomainName(domainName)/{}"),
        _SPELLINGS.format("microsoft.graph.", "DomainName(domainName)/{}"),
    ),
)
def information(call: GraphCall) -> Answer:
    """Name and domain of any tenant."""
    world = call.state.world(call.keys[0])
    if world is None:
        raise not_found(call.keys[0])
    body = {
        "tenantId": world.id,
        "displayName": world.name,
        "defaultDomainName": world.domain,
        "federationBrandName": None,
    }
    return Answer(body=body)


def _others(call: GraphCall) -> list[World]:
    if call.world.id != call.state.cloud.partner_tenant:
        return []
    return [world for world in call.state.cloud.worlds.values() if world is not call.world]


def _matching(call: GraphCall, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if "$filter" not in call.query:
        return rows
    wanted = Filter(call.query["$filter"])
    if rows and wanted.names - rows[0].keys():
        raise GraphError(400, "BadRequest", "Invalid filter clause.")
    return [row for row in rows if wanted.matches(row.get)]
