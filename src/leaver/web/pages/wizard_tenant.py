"""The wizard's first step: a new draft, and its tenant."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from leaver.access.roles import Right, require
from leaver.domain.errors import Unusable
from leaver.offboarding import health
from leaver.store.defaults import ORGANIZATION
from leaver.store.tenants import KnownTenant
from leaver.web.drafts import draft_of, keep
from leaver.web.reach import some_tenant, tenant_of
from leaver.web.rooms import Here, Rooms
from leaver.web.shell import Signed, page

router = APIRouter(include_in_schema=False)
A_PAGE = 25
RECENT = 4


@router.get("/offboardings/new")
async def new(here: Here, session: Signed) -> Response:
    """A new draft."""
    require(session.person, Right.OFFBOARD, some_tenant(session.person, "offboard"))
    draft: dict[str, Any] = {
        "id": secrets.token_hex(8),
        "owner": session.person.name,
        "tenant_id": "",
        "users": {},
        "about": {},
        "settings": None,
        "at": "",
        "tz": "",
        "reference": "",
        "decisions": {},
        "notify": [],
    }
    await keep(here, draft)
    return RedirectResponse(f"/offboardings/new/{draft['id']}/tenant", 303)


@router.get("/offboardings/new/{draft_id}/tenant")
async def ask(
    request: Request, here: Here, session: Signed, draft_id: str, q: str = "", chosen: str = "", error: str = ""
) -> Response:
    """Which tenant: those worked in lately first, then all of them by name."""
    draft = await draft_of(here, session, draft_id)
    number = _number(request.query_params.get("page", ""))
    everyone = [each for each in await here.house.tenants.all() if session.person.sees(each.id)]
    wanted = q.strip().lower()
    found = [each for each in everyone if wanted in f"{each.name} {each.domain} {' '.join(each.domains)}".lower()]
    latest = await _latest(here, session.person.tenant_ids, session.person.name)
    recent = [] if wanted or number > 1 else _picked(everyone, latest)
    rest = [each for each in found if each not in recent]
    shown = rest[(number - 1) * A_PAGE : number * A_PAGE]
    changed = await here.house.defaults.changed()
    seen = await health.summaries(here.house.papers)
    broken = [each for each in (*recent, *shown) if each.id in seen and seen[each.id].status is health.Status.BROKEN]
    looked = await asyncio.gather(*(health.last(here.house.papers, each.id) for each in broken))
    why = {each.id: found.causes[0].title for each, found in zip(broken, looked, strict=True) if found and found.causes}
    picked = next((each for each in everyone if each.id == (chosen or draft["tenant_id"])), None)
    return page(
        request,
        "wizard_tenant.html",
        session,
        page="Offboardings",
        draft=draft,
        recent=recent,
        shown=shown,
        first=(number - 1) * A_PAGE + 1,
        following=number + 1 if number * A_PAGE < len(rest) else 0,
        total=len(everyone),
        health=seen,
        why=why,
        own={scope for scope in changed if scope != ORGANIZATION},
        chosen=picked,
        chosen_latest=latest.get(picked.id) if picked else None,
        chosen_defaults=changed.get(picked.id) if picked else None,
        q=q,
        error=error,
    )


@router.post("/offboardings/new/{draft_id}/tenant")
async def take(request: Request, here: Here, session: Signed, draft_id: str) -> Response:
    """Choose it; another tenant empties the rest of the draft."""
    draft = await draft_of(here, session, draft_id)
    wanted = str((await request.form()).get("tenant", ""))
    if not wanted:
        return await ask(request, here, session, draft_id, error="Choose a tenant to continue.")
    known = await tenant_of(here, session.person, wanted)
    seen = (await health.summaries(here.house.papers)).get(known.id)
    if seen is not None and seen.status is health.Status.BROKEN:
        name = known.name or known.domain
        raise Unusable(
            f"{name} is broken: nobody can be offboarded there.",
            "tenant_broken",
            advice="Its page under Tenants says why and what helps. Your draft is kept.",
        )
    if draft["tenant_id"] != known.id:
        draft |= {"tenant_id": known.id, "users": {}, "about": {}, "settings": None, "decisions": {}}
    await keep(here, draft)
    return RedirectResponse(f"/offboardings/new/{draft_id}/users", 303)


async def _latest(here: Rooms, tenant_ids: Sequence[str] | None, name: str) -> dict[str, Any]:
    """When each tenant was worked in last, one's own first."""
    mine, _ = await here.desk.page(tenant_ids=tenant_ids, asked_by=name, limit=50)
    all_, _ = await here.desk.page(tenant_ids=tenant_ids, limit=50)
    found: dict[str, Any] = {}
    for record in (*mine, *all_):
        found.setdefault(record.tenant.id, record.requested_at)
    return found


def _picked(tenants: Iterable[KnownTenant], latest: Iterable[str]) -> list[KnownTenant]:
    by_id = {each.id: each for each in tenants}
    return [by_id[tenant_id] for tenant_id in latest if tenant_id in by_id][:RECENT]


def _number(text: str) -> int:
    return max(1, int(text)) if text.isdecimal() and len(text) < 6 else 1
