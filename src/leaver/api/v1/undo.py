"""Undo: what would be put back, and putting it back."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import Field

from leaver.access.roles import Right
from leaver.api.documented import LOCATION, answers, by_name
from leaver.api.door import Caller, Here
from leaver.api.plain import plain
from leaver.api.sight import changeable_of, offboarding_of, shown
from leaver.api.v1.bodies import Decisions, example
from leaver.api.v1.shapes import Offboardings

router = APIRouter(prefix="/api/v1", tags=["Leaver"], generate_unique_id_function=by_name)


class UndoRequest(Decisions):
    """What to put back."""

    model_config = example(tasks=["disable_sign_in"])
    tasks: list[str] = Field(default=[], description="Only these tasks; all of them if empty.")


@router.post(
    "/offboardings/{offboarding_id}/undo-plan",
    summary="What an undo would put back; writes nothing",
    **answers(Offboardings),
)
async def undo_plan(here: Here, person: Caller, offboarding_id: str, body: UndoRequest | None = None) -> dict[str, Any]:
    """Planned from the changes that were really made."""
    wish = body or UndoRequest()
    record = await offboarding_of(here, person, offboarding_id, Right.PLAN)
    return shown(await here.desk.undo_plan(record.id, person.actor(), wish.tasks, wish.decisions))


@router.post(
    "/offboardings/{offboarding_id}/undo",
    summary="Put back what can be put back",
    **answers(Offboardings, 201, **LOCATION),
)
async def undo(here: Here, person: Caller, offboarding_id: str, body: UndoRequest | None = None) -> Response:
    """A run of its own, carried out and verified like an offboarding."""
    wish = body or UndoRequest()
    record = await changeable_of(here, person, offboarding_id)
    made = await here.desk.undo(record.id, person.actor(), wish.tasks, wish.decisions)
    return plain(shown(made), 201, {"Location": f"/api/v1/offboardings/{made.id}"})
