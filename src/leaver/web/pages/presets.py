"""The presets of the organization: what each one does, and how it goes away."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from leaver.access.roles import Right, require
from leaver.domain.errors import Unusable
from leaver.offboarding.presets import Presets
from leaver.tasks.catalogue import all_tasks
from leaver.web.rooms import Here
from leaver.web.shell import Signed, page

router = APIRouter(include_in_schema=False)
PATH = "/settings/presets"


@router.get(PATH)
async def presets(request: Request, here: Here, session: Signed, error: str = "") -> Response:
    """All of them, with their tasks."""
    require(session.person, Right.MANAGE)
    found = await Presets(here.house.papers, here.house.audit).all()
    labels = {task.name: task.option.label for task in all_tasks()}
    code = 400 if error else 200
    return page(request, "presets.html", session, code=code, page="Settings", presets=found, labels=labels, error=error)


@router.post(PATH)
async def presets_post(request: Request, here: Here, session: Signed) -> Response:
    """Forget one."""
    require(session.person, Right.MANAGE)
    wanted = str((await request.form()).get("remove", ""))
    try:
        await Presets(here.house.papers, here.house.audit).remove(wanted, session.person.actor())
    except Unusable as error:
        return await presets(request, here, session, error.message)
    return await presets(request, here, session)
