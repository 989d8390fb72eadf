"""Presets over HTTP: named settings that a request can start from."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field

from leaver.access.roles import Right, require
from leaver.api.documented import answers, with_room
from leaver.api.door import Caller, Here
from leaver.api.plain import plain
from leaver.api.v1.bodies import SETTINGS_EXAMPLE, Body
from leaver.api.v1.shapes import Page, Shape
from leaver.offboarding.presets import Presets

router = APIRouter(prefix="/api/v1", tags=["Leaver"], generate_unique_id_function=with_room)


class PresetShown(Shape):
    """Settings under a name."""

    id: str
    name: str
    settings: dict[str, Any]
    changed_by: str
    changed_at: str


class PresetRequest(Body):
    """Settings to keep under a name."""

    name: str = Field(min_length=1, max_length=64, examples=["Immediate termination"])
    settings: dict[str, Any] = Field(description="Task name to its setting.", examples=[SETTINGS_EXAMPLE])


@router.get("/presets", summary="Named settings", **answers(Page[PresetShown]))
async def presets(here: Here, person: Caller) -> Response:
    """By name; the last one is always there and locks out only."""
    require(person, Right.SEE)
    found = await Presets(here.house.papers, here.house.audit).all()
    return plain({"items": [asdict(preset) for preset in found], "next": ""})


@router.post("/presets", summary="Keep settings under a name", **answers(PresetShown, 201))
async def save_preset(here: Here, person: Caller, body: PresetRequest) -> dict[str, Any]:
    """In place of what had the name."""
    require(person, Right.MANAGE)
    presets = Presets(here.house.papers, here.house.audit)
    return asdict(await presets.save(body.name, body.settings, person.actor()))


@router.delete("/presets/{preset_id}", status_code=204, summary="Forget a preset")
async def remove_preset(here: Here, person: Caller, preset_id: str) -> Response:
    """What was made with it stays."""
    require(person, Right.MANAGE)
    await Presets(here.house.papers, here.house.audit).remove(preset_id, person.actor())
    return Response(status_code=204)
