"""Tenants: which there are, how they are, and whom they have."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter
from fastapi.responses import Response

from leaver.access.roles import Right, require
from leaver.api.documented import answers, by_name
from leaver.api.door import Caller, Here
from leaver.api.plain import plain
from leaver.api.sight import tenant_of
from leaver.api.v1.shapes import Health, Page, TenantShown, UserShown
from leaver.domain.errors import Refused, Unusable
from leaver.offboarding import survey
from leaver.offboarding.health import look, summaries

router = APIRouter(prefix="/api/v1", tags=["Leaver"], generate_unique_id_function=by_name)


@router.get("/tenants", summary="The tenants that the caller may see", **answers(Page[TenantShown]))
async def tenants(here: Here, person: Caller, search: str = "") -> Response:
    """By name."""
    require(person, Right.SEE)
    wanted = search.strip().lower()
    seen = await summaries(here.house.papers)
    items = [
        {
            "id": tenant.id,
            "domain": tenant.domain,
            "name": tenant.name,
            "domains": tenant.domains,
            "health": seen[tenant.id].as_json() if tenant.id in seen else None,
        }
        for tenant in await here.house.tenants.all()
        if person.sees(tenant.id) and wanted in f"{tenant.name} {' '.join([tenant.domain, *tenant.domains])}".lower()
    ]
    return plain({"items": items, "next": ""})


@router.get(
    "/tenants/{tenant}/health", summary="Which tasks would work in this tenant, and what to grant", **answers(Health)
)
async def health(here: Here, person: Caller, tenant: str) -> dict[str, Any]:
    """One read-only probe for each service and permission."""
    known = await tenant_of(here, person, tenant, Right.PLAN)
    standing = await here.house.rights.standing(known.id)
    found, seen = await look(here.house, known.named)
    index = {"rights_index": survey.as_json(standing, here.house.config)}
    return found.as_json() | seen.summary.as_json() | index


@router.get("/tenants/{tenant}/users", summary="Users of a tenant, a hundred at a time", **answers(Page[UserShown]))
async def users(here: Here, person: Caller, tenant: str, search: str = "", cursor: str = "") -> Response:
    """Those whose name or address has a word that begins so; all of them without a search."""
    known = await tenant_of(here, person, tenant, Right.SEE)
    if cursor and "$skiptoken=" not in unquote(cursor).lower():
        raise Unusable("The cursor is not one of this list.", "malformed_cursor", advice="Begin without a cursor.")
    try:
        found, following = await here.house.doorway(known.id).users.page(search.strip(), cursor)
    except Refused as error:
        if cursor and error.status == 400:
            raise Unusable("The cursor is not valid any more.", "malformed_cursor", advice="Begin again.") from error
        raise
    busy = await here.house.offboardings.under_way(known.id)
    items = []
    for row in found:
        badges = []
        badges += ["guest"] if row.is_guest else []
        badges += ["synced"] if row.synced else []
        badges += [] if row.account_enabled else ["disabled"]
        badges += ["protected"] if row.id in known.protected else []
        badges += [busy[row.id].state] if row.id in busy else []
        item = {"id": row.id, "upn": row.upn, "display_name": row.display_name, "mail": row.mail}
        items.append(
            item
            | {"enabled": row.account_enabled, "licensed": row.licensed, "department": row.department, "badges": badges}
        )
    return plain({"items": items, "next": following})
