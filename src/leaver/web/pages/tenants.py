"""The tenants: how well each one is, why not, and what helps."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from leaver.access.roles import Right, may, require
from leaver.offboarding import health
from leaver.offboarding.connecting import forget
from leaver.offboarding.health import Status
from leaver.offboarding.survey import is_usable
from leaver.store.tenants import KnownTenant
from leaver.web.reach import tenant_of
from leaver.web.repairs import ways
from leaver.web.rooms import Here
from leaver.web.shell import Signed, page

router = APIRouter(include_in_schema=False)
ON_A_PAGE = 25
PATIENCE = 8.0
"""Seconds that somebody waits for a look before they are told that it goes on."""
UNSEEN = "unseen"
FIRST = (Status.BROKEN, Status.SILENT, Status.LIMITED, UNSEEN, Status.HEALTHY)
"""Problems first."""
SHOWN = {"": "Problems first", "healthy": "Healthy", "limited": "Limited", "broken": "Broken", UNSEEN: "Not checked"}
SAID = {"checked": "Checked", "checking": "The check goes on. Look again in a moment.", "removed": "Removed"}


@router.get("/tenants")
async def tenants(
    request: Request, here: Here, session: Signed, q: str = "", h: str = "", after: int = 0, said: str = ""
) -> Response:
    """All of them, problems first."""
    require(session.person, Right.SEE)
    known = [each for each in await here.house.tenants.all() if session.person.sees(each.id)]
    seen = await health.summaries(here.house.papers)
    counts = dict.fromkeys(SHOWN, 0)
    for each in known:
        counts[_shown(seen.get(each.id))] += 1
    chosen = h if h in SHOWN else ""
    wanted = q.strip().lower()
    found = [
        each
        for each in known
        if (not chosen or _shown(seen.get(each.id)) == chosen)
        and wanted in f"{each.name} {each.domain} {' '.join(each.domains)}".lower()
    ]
    found.sort(key=lambda each: FIRST.index(seen[each.id].status if each.id in seen else UNSEEN))
    start = min(max(0, after), max(0, len(found) - 1))
    rows = found[start : start + ON_A_PAGE]
    looked = await asyncio.gather(*(health.last(here.house.papers, each.id) for each in rows))
    rights = await here.house.rights.standings([each.id for each in rows])
    return page(
        request,
        "tenants.html",
        session,
        page="Tenants",
        rows=list(zip(rows, looked, strict=True)),
        rights=rights,
        start=start,
        total=len(found),
        following=start + ON_A_PAGE if start + ON_A_PAGE < len(found) else 0,
        counts=counts | {"all": len(known)},
        users=sum(seen[each.id].users or 0 for each in known if each.id in seen),
        ways={each.id: ways(here, each.id) for each in rows},
        checks=[each.id for each in rows if may(session.person, Right.PLAN, each.id)],
        every=here.rounds.every,
        shown=SHOWN,
        h=chosen,
        q=q,
        said=SAID.get(said, ""),
    )


@router.post("/tenants")
async def check(request: Request, here: Here, session: Signed) -> Response:
    """Look at one tenant, or at all; what takes long goes on by itself."""
    form = await request.form()
    text = str(form.get("tenant", ""))
    known = [await tenant_of(here, session.person, text)] if text else await _reached(here, session)
    done = await here.rounds.look(known, PATIENCE)
    back = f"/tenants/{quote(text)}" if text and form.get("back") == "tenant" else "/tenants"
    return RedirectResponse(f"{back}?said={'checked' if done else 'checking'}", 303)


@router.get("/tenants/{tenant_id}")
async def tenant(request: Request, here: Here, session: Signed, tenant_id: str, said: str = "") -> Response:
    """One tenant: every cause, every permission, every task, whom nobody may offboard."""
    known = await tenant_of(here, session.person, tenant_id, Right.SEE)
    checks = may(session.person, Right.PLAN, known.id)
    seen = await health.last(here.house.papers, known.id)
    if seen is None and checks:
        await here.rounds.look([known], PATIENCE)
        seen = await health.last(here.house.papers, known.id)
    rights = await here.house.rights.standing(known.id)
    return page(
        request,
        "tenant.html",
        session,
        page="Tenants",
        known=known,
        health=seen,
        rights=rights,
        rights_usable=is_usable(rights, here.house.config),
        ways=ways(here, known.id),
        checks=checks,
        manages=may(session.person, Right.MANAGE, known.id),
        forgets=may(session.person, Right.MANAGE),
        said=SAID.get(said, ""),
    )


@router.post("/tenants/{tenant_id}/remove")
async def remove(here: Here, session: Signed, tenant_id: str) -> Response:
    """Forget a tenant; nothing is changed in it."""
    require(session.person, Right.MANAGE)
    await forget(here.house, (await tenant_of(here, session.person, tenant_id)).id, session.person.actor())
    return RedirectResponse("/tenants?said=removed", 303)


async def _reached(here: Here, session: Signed) -> list[KnownTenant]:
    known = await here.house.tenants.all()
    reached = [each for each in known if may(session.person, Right.PLAN, each.id)]
    if not reached:
        require(session.person, Right.PLAN)
    return reached


def _shown(summary: health.Summary | None) -> str:
    if summary is None:
        return UNSEEN
    return Status.BROKEN if summary.status is Status.SILENT else summary.status
