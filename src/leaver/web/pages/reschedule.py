"""Moving an offboarding that is scheduled to another moment."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from leaver.access.roles import Right
from leaver.access.sessions import Session
from leaver.domain.errors import Unusable
from leaver.domain.offboarding import Offboarding
from leaver.web import zones
from leaver.web.drafts import moment
from leaver.web.reach import changeable, record_of
from leaver.web.rooms import Here
from leaver.web.shell import Signed, page

router = APIRouter(include_in_schema=False)
PATH = "/offboardings/{offboarding_id}/reschedule"


@router.get(PATH)
async def reschedule(request: Request, here: Here, session: Signed, offboarding_id: str) -> Response:
    """Ask for the moment; the one that holds is filled in."""
    record = await record_of(here, session.person, offboarding_id, Right.OFFBOARD)
    zone = zones.named(record.time_zone) or zones.of(request).info
    at = record.at.astimezone(zone).strftime("%Y-%m-%dT%H:%M") if record.at else ""
    return _shown(request, session, record, at, zone.key)


@router.post(PATH)
async def reschedule_post(request: Request, here: Here, session: Signed, offboarding_id: str) -> Response:
    """Move it."""
    record = await changeable(here, session.person, offboarding_id)
    form = await request.form()
    given = {"at": str(form.get("at", "")), "tz": str(form.get("tz", ""))}
    try:
        await here.desk.reschedule(record.id, *moment(given), session.person.actor())
    except Unusable as error:
        return _shown(request, session, record, given["at"], given["tz"], f"{error.message} {error.advice}".strip())
    return RedirectResponse(f"/offboardings/{record.id}", 303)


def _shown(
    request: Request, session: Session, record: Offboarding, at: str, zone_name: str, error: str = ""
) -> Response:
    return page(
        request,
        "reschedule.html",
        session,
        code=400 if error else 200,
        page="Offboardings",
        record=record,
        at=at,
        zone_name=zone_name,
        names=["UTC", *sorted(zone for zone in zones.names() if "/" in zone and not zone.startswith("Etc"))],
        error=error,
    )
