"""Defaults: what the tasks are preset to, by the organization and by each tenant."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Body as BodyOf
from fastapi.responses import Response
from pydantic import BeforeValidator

from leaver.access.roles import Person, Right, require
from leaver.api.documented import answers, by_name
from leaver.api.door import Caller, Here, Rooms, sound
from leaver.api.plain import plain
from leaver.api.sight import tenant_of
from leaver.api.v1.bodies import Body, example
from leaver.api.v1.shapes import EffectivePreset, Page, Preset
from leaver.offboarding.presetting import preset
from leaver.store.defaults import ORGANIZATION, effective

router = APIRouter(prefix="/api/v1", tags=["Leaver"], generate_unique_id_function=by_name)
DEFAULTS_EXAMPLE = {"disable_sign_in": {"value": True, "locked": True}}


class DefaultValue(Body):
    """What a task is preset to."""

    model_config = example(value=True, locked=False)
    value: Any
    locked: bool = False


DefaultValues = Annotated[dict[str, DefaultValue], BeforeValidator(sound), BodyOf(examples=[DEFAULTS_EXAMPLE])]


@router.get(
    "/tenants/{tenant}/defaults",
    summary="What the tasks are preset to, and who says so",
    **answers(Page[EffectivePreset]),
)
async def tenant_defaults(here: Here, person: Caller, tenant: str) -> Response:
    """The effective defaults."""
    known = await tenant_of(here, person, tenant, Right.SEE)
    defaults = here.house.defaults
    found = effective(await defaults.get(ORGANIZATION), await defaults.get(known.id))
    return plain({"items": [{"task": task, **asdict(value)} for task, value in found.items()], "next": ""})


@router.get(
    "/defaults/{scope}", summary="What one scope says: `organization`, or a tenant", **answers(dict[str, Preset])
)
async def defaults(here: Here, person: Caller, scope: str) -> dict[str, Any]:
    """Only the tasks that it speaks of."""
    return await here.house.defaults.get(await _scope(here, person, scope, Right.SEE))


@router.put("/defaults/{scope}", summary="Replace what one scope says", **answers(dict[str, Preset]))
async def put_defaults(
    here: Here,
    person: Caller,
    scope: str,
    values: DefaultValues,
) -> dict[str, Any]:
    """Changes count for new offboardings only."""
    where = await _scope(here, person, scope, Right.MANAGE)
    await preset(here.house, where, {task: value.model_dump() for task, value in values.items()}, person.actor())
    return await here.house.defaults.get(where)


async def _scope(here: Rooms, person: Person, scope: str, right: Right) -> str:
    if scope == ORGANIZATION:
        require(person, right)
        return scope
    return (await tenant_of(here, person, scope, right)).id
