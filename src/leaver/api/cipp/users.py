"""`ListUsers` and `ListGraphRequest`: the users of a tenant as Graph shows them."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse

from leaver.access.roles import Right
from leaver.api.cipp.hearing import Given, tenant_named
from leaver.api.cipp.shapes import GraphAnswer, UserRow
from leaver.api.documented import answers, by_name, query
from leaver.api.door import Caller, Here
from leaver.api.plain import plain
from leaver.domain.errors import Refused, Unusable
from leaver.domain.products import product_name

router = APIRouter(prefix="/api", tags=["CIPP-compatible"], generate_unique_id_function=by_name)
_SELECT = (
    "id,displayName,userPrincipalName,givenName,surname,mail,mailNickname,accountEnabled,userType,usageLocation,"
    "jobTitle,department,officeLocation,companyName,city,country,mobilePhone,businessPhones,proxyAddresses,otherMails,"
    "assignedLicenses,onPremisesSyncEnabled,onPremisesImmutableId,createdDateTime"
)
_MANAGER = "manager($select=id,displayName,userPrincipalName)"
_PAGE = "999"
_OPTIONS = {"$select", "$filter", "$top", "$count", "$search", "$orderby"}
_NAME = re.compile(r"^[A-Za-z0-9_,./()$=' -]*$")


@router.get(
    "/ListUsers",
    summary="All users of a tenant",
    **answers(list[UserRow]),
    **query("tenantFilter", "UserID", "graphFilter", required=("tenantFilter",)),
)
async def list_users(here: Here, person: Caller, given: Given) -> StreamingResponse:
    """Every user, not the first 999, as Graph shows them and with what CIPP adds; the answer is streamed."""
    known = await tenant_named(here, person, given.get("tenantfilter", ""), Right.SEE)
    user_id, graph_filter = given.get("userid", ""), given.get("graphfilter", "")
    doorway = here.house.doorway(known.id)
    names = {sku.sku_id: product_name(sku.part_number, sku.sku_id) for sku in await doorway.licenses.skus()}
    params = {"$select": _SELECT, "$top": _PAGE}
    if user_id:
        params["$filter"] = f"id eq '{(await doorway.users.get(user_id)).id}'"
    elif graph_filter:
        params |= {"$filter": graph_filter, "$count": "true"}
    if not graph_filter or user_id:  # an advanced query cannot be combined with $expand (contracts/graph.md)
        params["$expand"] = _MANAGER
    rows = doorway.users.raw(params, advanced=bool(graph_filter and not user_id))
    with _as_the_callers_own(graph_filter):
        return StreamingResponse(await _array(rows, names), media_type="application/json")


@router.get(
    "/ListGraphRequest",
    summary="Users as Graph shows them; read-only",
    **answers(GraphAnswer),
    **query(
        "tenantFilter",
        "Endpoint",
        "$select",
        "$filter",
        "$top",
        "$count",
        "$search",
        "$orderby",
        required=("tenantFilter", "Endpoint"),
    ),
)
async def list_graph_request(here: Here, person: Caller, given: Given) -> Response:
    """Graph's `users` with its own query options; nothing else is served.

    A `$top` of 999, the largest page there is, asks for everybody: so CIPP's own pages and callers use it.
    """
    known = await tenant_named(here, person, given.get("tenantfilter", ""), Right.SEE)
    endpoint = given.get("endpoint", "").strip("/").lower()
    if endpoint != "users":
        raise Unusable(f"The endpoint {endpoint!r} is not served.", "unsupported_endpoint", advice="Endpoint=users is.")
    params = {key: value for key, value in given.items() if key in _OPTIONS and value}
    if not all(_NAME.match(params.get(name, "")) for name in ("$select", "$orderby")):
        raise Unusable("A query option holds what Graph does not take.", "malformed_query")
    top = params.get("$top", "")
    most = int(top) if top.isascii() and top.isdigit() and len(top) < 7 and top != _PAGE else 0
    params["$top"] = str(min(most or int(_PAGE), int(_PAGE)))
    advanced = "$search" in params or "$filter" in params or "$count" in params
    if advanced:
        params["$count"] = "true"
    rows: list[dict[str, Any]] = []
    with _as_the_callers_own(params.get("$filter", "") + params.get("$search", "") + params.get("$orderby", "")):
        async for row in here.house.doorway(known.id).users.raw(params, advanced=advanced):
            rows.append(row)
            if most and len(rows) >= most:
                break
    return plain({"Results": rows, "Metadata": {"Endpoint": "users", "Count": len(rows)}})


@contextmanager
def _as_the_callers_own(said: str) -> Iterator[None]:
    """Let Microsoft's refusal of what the caller `said` be the caller's error, not Microsoft's."""
    try:
        yield
    except Refused as error:
        if not said or error.status != 400:
            raise
        raise Unusable(error.message, error.code, advice="Look at the filter.") from error


async def _array(rows: AsyncIterator[dict[str, Any]], names: dict[str, str]) -> AsyncIterator[str]:
    """The rows as a JSON array, written as they come; the first page is read before the answer begins."""
    first = await anext(rows, None)

    async def write() -> AsyncIterator[str]:
        yield "["
        if first is not None:
            yield json.dumps(_user(first, names))
            async for row in rows:
                yield "," + json.dumps(_user(row, names))
        yield "]"

    return write()


def _user(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    local, _, domain = str(row.get("userPrincipalName") or "").partition("@")
    held = [str(item.get("skuId", "")) for item in row.get("assignedLicenses") or []]
    addresses = [str(each) for each in row.get("proxyAddresses") or []]
    return row | {
        "username": local,
        "Aliases": ", ".join(each.partition(":")[2] for each in addresses if each.startswith("smtp:")),
        "LicJoined": ", ".join(names.get(sku) or product_name("", sku) for sku in held),
        "primDomain": {"value": domain, "label": domain},
        "onPremisesSyncEnabled": bool(row.get("onPremisesSyncEnabled")),
        "manager": row.get("manager"),
    }
