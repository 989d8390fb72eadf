"""The second person over HTTP: what the organization wants one for, and what they say."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from leaver.access.roles import Person, Right, require
from leaver.access.targets import refuse_approver
from leaver.api.documented import answers, with_room
from leaver.api.door import Caller, Here, Rooms
from leaver.api.sight import offboarding_of, shown
from leaver.api.v1.bodies import Body, example
from leaver.api.v1.shapes import Offboardings, RuleShown
from leaver.domain.offboarding import Offboarding
from leaver.offboarding.approval import ApprovalRule, rule_of, save_rule

router = APIRouter(prefix="/api/v1", tags=["Leaver"], generate_unique_id_function=with_room)


class Rule(Body):
    """What needs the approval of a second person."""

    model_config = example(permanent=True, privileged=True)
    permanent: bool = Field(description="Changes that nobody can put back, and the deletion of a user.")
    privileged: bool = Field(description="Everything that concerns a user with administrator roles.")


class Agreement(Body):
    """What the second person wants to say with it."""

    model_config = example(note="Seen, and agreed with HR.")
    note: str = Field(default="", max_length=2000)


class Refusal(Body):
    """Why not."""

    model_config = example(note="She stays until March.")
    note: str = Field(min_length=1, max_length=2000)


@router.get("/approval-rule", summary="What needs the approval of a second person", **answers(RuleShown))
async def get_rule(here: Here, person: Caller) -> dict[str, Any]:
    """Nothing, unless the organization has switched it on."""
    require(person, Right.SEE)
    return asdict(await rule_of(here.house.papers))


@router.put("/approval-rule", summary="Say what needs the approval of a second person", **answers(RuleShown))
async def put_rule(here: Here, person: Caller, body: Rule) -> dict[str, Any]:
    """It counts for what has not made its first change, and for every retry; what waits goes on waiting."""
    require(person, Right.MANAGE)
    rule = ApprovalRule(body.permanent, body.privileged)
    await save_rule(here.house.papers, here.house.audit, rule, person.actor())
    return asdict(rule)


@router.post("/offboardings/{offboarding_id}/approve", summary="Agree, as a second person", **answers(Offboardings))
async def approve(here: Here, person: Caller, offboarding_id: str, body: Agreement | None = None) -> dict[str, Any]:
    """Whoever asked for it cannot, with a token of theirs either; a privileged user takes an administrator."""
    record = await offboarding_of(here, person, offboarding_id, Right.OFFBOARD)
    note = body.note if body else ""
    return shown(await here.desk.approve(record.id, person.actor(), note, allowed=_allowed(here, person)))


@router.post(
    "/offboardings/{offboarding_id}/refuse", summary="Refuse, as a second person, and say why", **answers(Offboardings)
)
async def refuse(here: Here, person: Caller, offboarding_id: str, body: Refusal) -> dict[str, Any]:
    """It ends; nothing more is changed."""
    record = await offboarding_of(here, person, offboarding_id, Right.OFFBOARD)
    return shown(await here.desk.refuse(record.id, person.actor(), body.note, allowed=_allowed(here, person)))


def _allowed(here: Rooms, person: Person) -> Any:
    async def allowed(record: Offboarding) -> None:
        await refuse_approver(person, here.house.doorway(record.tenant.id), record)

    return allowed
