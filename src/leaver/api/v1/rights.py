"""The rights index over HTTP: how old it is, and asking for a new one."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from leaver.access.roles import Right
from leaver.api.documented import answers, with_room
from leaver.api.door import Caller, Here
from leaver.api.sight import tenant_of
from leaver.api.v1.shapes import RightsIndexShown
from leaver.offboarding.survey import as_json, ask_for_index

router = APIRouter(prefix="/api/v1", tags=["Leaver"], generate_unique_id_function=with_room)


@router.get(
    "/tenants/{tenant}/rights-index",
    summary="How old the index of rights on mailboxes and calendars is",
    **answers(RightsIndexShown),
)
async def rights_index(here: Here, person: Caller, tenant: str) -> dict[str, Any]:
    """A plan goes by it while it is `usable`, and looks through every mailbox otherwise."""
    known = await tenant_of(here, person, tenant, Right.SEE)
    return as_json(await here.house.rights.standing(known.id), here.house.config)


@router.post(
    "/tenants/{tenant}/rights-index",
    summary="Ask for a new index of rights on mailboxes and calendars",
    **answers(RightsIndexShown, 202),
)
async def ask_for_rights_index(here: Here, person: Caller, tenant: str) -> dict[str, Any]:
    """A server or worker builds it soon, in time that offboardings do not need."""
    known = await tenant_of(here, person, tenant, Right.PLAN)
    return as_json(await ask_for_index(here.house, known.id, person.actor()), here.house.config)
