"""The list of offboardings."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from leaver.access.roles import Right, require
from leaver.web.drafts import drafts_of
from leaver.web.rooms import Here
from leaver.web.shell import Signed, page

router = APIRouter(include_in_schema=False)
SHOWN = {"running": ("running", "waiting", "planned"), "scheduled": ("scheduled",), "failed": ("failed", "blocked")}
SHOWN |= {"completed": ("completed", "follow_up"), "": ()}
TO_APPROVE = "approval"


@router.get("/")
async def home(
    request: Request, here: Here, session: Signed, status: str = "", q: str = "", tenant: str = "", after: str = ""
) -> Response:
    """Offboardings, the latest first."""
    person = session.person
    require(person, Right.SEE)
    known = [each for each in await here.house.tenants.all() if person.sees(each.id)]
    ids = [tenant] if tenant and person.sees(tenant) else person.tenant_ids
    states = SHOWN.get(status, ())
    waits = status == TO_APPROVE
    found, following = await here.desk.page(
        tenant_ids=ids, states=states, text=q, awaits_approval=waits, after=after, limit=25
    )
    counts = await here.house.offboardings.counts(person.tenant_ids)
    figures = {key: sum(counts.get(each, 0) for each in of) for key, of in SHOWN.items()}
    figures[""] = sum(counts.values())
    figures[TO_APPROVE] = await here.house.offboardings.awaiting(person.tenant_ids)
    return page(
        request,
        "home.html",
        session,
        page="Offboardings",
        records=found,
        following=following,
        figures=figures,
        drafts=len(await drafts_of(here, person)),
        status=status if status in figures else "",
        q=q,
        tenant=tenant,
        tenants=known,
    )
