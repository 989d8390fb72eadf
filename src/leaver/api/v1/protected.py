"""Protected accounts over HTTP: whom nobody offboards from a tenant."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field

from leaver.access.roles import Right
from leaver.api.documented import answers, with_room
from leaver.api.door import Caller, Here
from leaver.api.sight import tenant_of
from leaver.api.v1.bodies import Body
from leaver.api.v1.shapes import Page, ProtectedShown
from leaver.offboarding.protection import protect, unprotect
from leaver.store.tenants import KnownTenant

router = APIRouter(prefix="/api/v1", tags=["Leaver"], generate_unique_id_function=with_room)


class Protection(Body):
    """Somebody to protect."""

    user: str = Field(min_length=1, max_length=300, description="A UPN or an object id.", examples=["ada@contoso.com"])


@router.get(
    "/tenants/{tenant}/protected",
    summary="The accounts that are never offboarded",
    **answers(Page[ProtectedShown]),
)
async def protected(here: Here, person: Caller, tenant: str) -> dict[str, Any]:
    """By object id, with the UPN of the day when each was protected."""
    return _shown(await tenant_of(here, person, tenant, Right.SEE))


@router.post("/tenants/{tenant}/protected", summary="Protect an account", **answers(Page[ProtectedShown], 201))
async def add_protected(here: Here, person: Caller, tenant: str, body: Protection) -> dict[str, Any]:
    """Nobody can offboard it from then on, and nothing that was accepted before begins."""
    known = await tenant_of(here, person, tenant, Right.MANAGE)
    return _shown((await protect(here.house, known.id, body.user, person.actor()))[0])


@router.delete("/tenants/{tenant}/protected/{user_id}", status_code=204, summary="Protect an account no longer")
async def remove_protected(here: Here, person: Caller, tenant: str, user_id: str) -> Response:
    """By object id, or by the UPN that is listed."""
    known = await tenant_of(here, person, tenant, Right.MANAGE)
    await unprotect(here.house.tenants, here.house.audit, known.id, user_id, person.actor())
    return Response(status_code=204)


def _shown(known: KnownTenant) -> dict[str, Any]:
    return {"items": [{"id": item, "upn": upn} for item, upn in known.protected.items()], "next": ""}
