"""The wizard: tenant, users, settings, review, each an address of its own on one draft."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from zoneinfo import available_timezones

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from leaver.access.roles import Right, require
from leaver.access.sessions import Session
from leaver.access.targets import refuse_privileged
from leaver.domain.errors import LeaverError, Unusable
from leaver.domain.offboarding import Offboarding
from leaver.domain.plan import NoteKind
from leaver.domain.rights import FROM_INDEX
from leaver.offboarding import words
from leaver.offboarding.presets import Presets
from leaver.offboarding.settings import as_plain, parse
from leaver.store.defaults import ORGANIZATION, effective
from leaver.web import forms
from leaver.web.drafts import DRAFT, asked, draft_of, keep, moment
from leaver.web.pages.together import remember
from leaver.web.reach import some_tenant, tenant_of
from leaver.web.rooms import Here, Rooms
from leaver.web.shell import Signed, lists, page

router = APIRouter(include_in_schema=False)
MOST_USERS = 50
SAVED = "/drafts?saved=1"
NAMES_AT_MOST = 3
"""More users than this with something permanent, and their number is typed instead of each name."""
ACTIVE = ("planned", "scheduled", "running", "waiting")


@router.get("/offboardings/new")
async def new(here: Here, session: Signed) -> Response:
    """A new draft."""
    require(session.person, Right.OFFBOARD, some_tenant(session.person, "offboard"))
    draft: dict[str, Any] = {
        "id": secrets.token_hex(8),
        "owner": session.person.name,
        "tenant_id": "",
        "users": {},
        "settings": None,
    }
    draft |= {"at": "", "tz": "", "reference": "", "decisions": {}}
    await keep(here, draft)
    return RedirectResponse(f"/offboardings/new/{draft['id']}/tenant", 303)


@router.get("/offboardings/new/{draft_id}/tenant")
async def wizard_tenant(request: Request, here: Here, session: Signed, draft_id: str, q: str = "") -> Response:
    """Step 1."""
    draft = await draft_of(here, session, draft_id)
    everyone = [each for each in await here.house.tenants.all() if session.person.sees(each.id)]
    wanted = q.strip().lower()
    found = [each for each in everyone if wanted in f"{each.name} {each.domain} {' '.join(each.domains)}".lower()]
    return page(request, "wizard_tenant.html", session, draft=draft, tenants=found[:100], total=len(everyone), q=q)


@router.post("/offboardings/new/{draft_id}/tenant")
async def wizard_tenant_post(request: Request, here: Here, session: Signed, draft_id: str) -> Response:
    """Choose it; another tenant empties the rest of the draft."""
    draft = await draft_of(here, session, draft_id)
    known = await tenant_of(here, session.person, str((await request.form()).get("tenant", "")))
    if draft["tenant_id"] != known.id:
        draft |= {"tenant_id": known.id, "users": {}, "settings": None, "decisions": {}}
    await keep(here, draft)
    return RedirectResponse(f"/offboardings/new/{draft_id}/users", 303)


@router.get("/offboardings/new/{draft_id}/users")
async def wizard_users(
    request: Request, here: Here, session: Signed, draft_id: str, q: str = "", after: str = "", error: str = ""
) -> Response:
    """Step 2."""
    draft = await draft_of(here, session, draft_id)
    known = await tenant_of(here, session.person, draft["tenant_id"])
    search = q.strip() if len(q.strip()) > 1 else ""
    rows, following = await here.house.doorway(known.id).users.page(search, after)
    active, _ = await here.desk.page(tenant_ids=[known.id], states=ACTIVE, limit=500)
    busy = {record.user.id: record for record in active}
    return page(
        request,
        "wizard_users.html",
        session,
        draft=draft,
        known=known,
        rows=rows,
        following=following,
        busy=busy,
        q=q,
        error=error,
    )


@router.post("/offboardings/new/{draft_id}/users")
async def wizard_users_post(request: Request, here: Here, session: Signed, draft_id: str) -> Response:
    """Keep the selection across searches and pages; every id is looked up in the tenant."""
    draft = await draft_of(here, session, draft_id)
    known = await tenant_of(here, session.person, draft["tenant_id"])
    form = await request.form()
    users = {key: name for key, name in draft["users"].items() if key not in form.getlist("seen")}
    wanted = [str(each) for each in form.getlist("user")]
    wanted += [line.strip() for line in str(form.get("list", "")).splitlines() if line.strip()]
    doorway = here.house.doorway(known.id)
    found = await asyncio.gather(*(doorway.users.get(text) for text in wanted), return_exceptions=True)
    missing = [text for text, user in zip(wanted, found, strict=True) if isinstance(user, LeaverError)]
    for user in found:
        if isinstance(user, BaseException):
            if not isinstance(user, LeaverError):
                raise user
        else:
            users[user.id] = user.display_name or user.upn
    users.pop(str(form.get("remove", "")), None)
    draft["users"] = dict(list(users.items())[:MOST_USERS])
    await keep(here, draft)
    here_again = f"/offboardings/new/{draft_id}/users"
    if form.get("do") == "draft" and not missing:
        return RedirectResponse(SAVED, 303)
    if missing:
        return RedirectResponse(f"{here_again}?error={quote('Not found: ' + ', '.join(missing[:10]))}", 303)
    if form.get("do") != "next" or form.get("remove"):
        return RedirectResponse(here_again, 303)
    if not users:
        return RedirectResponse(f"{here_again}?error={quote('Choose at least one user.')}", 303)
    return RedirectResponse(f"/offboardings/new/{draft_id}/settings", 303)


@router.get("/offboardings/new/{draft_id}/settings")
async def wizard_settings(request: Request, here: Here, session: Signed, draft_id: str) -> Response:
    """Step 3."""
    draft = await draft_of(here, session, draft_id)
    return await _settings_page(request, here, session, draft, draft["settings"])


@router.post("/offboardings/new/{draft_id}/settings")
async def wizard_settings_post(request: Request, here: Here, session: Signed, draft_id: str) -> Response:
    """Keep what was chosen, right or wrong, and go on when it is right."""
    draft = await draft_of(here, session, draft_id)
    form = await request.form()
    if form.get("do") == "reset":
        draft |= {"settings": None, "preset": ""}
        await keep(here, draft)
        return RedirectResponse(request.url.path, 303)
    if form.get("do") == "preset":
        preset = await Presets(here.house.papers, here.house.audit).get(str(form.get("preset", "")))
        draft |= {"settings": await _with_locked(here, draft, dict(preset.settings)), "decisions": {}}
        draft["preset"] = preset.id
        await keep(here, draft)
        return RedirectResponse(request.url.path, 303)
    chosen = await _with_locked(here, draft, forms.read(lists(form)))
    later = form.get("when") == "later"
    draft |= {"settings": chosen, "reference": str(form.get("reference", ""))[:64], "decisions": {}}
    draft |= {"at": str(form.get("at", "")) if later else "", "tz": str(form.get("tz", "")) if later else ""}
    await keep(here, draft)
    if form.get("do") == "draft":
        return RedirectResponse(SAVED, 303)
    try:
        draft["settings"] = as_plain(parse(chosen))
        if form.get("do") == "save_preset":
            require(session.person, Right.MANAGE)
            presets = Presets(here.house.papers, here.house.audit)
            saved = await presets.save(str(form.get("preset_name", "")), chosen, session.person.actor())
            draft["preset"] = saved.id
            await keep(here, draft)
            return RedirectResponse(f"{request.url.path}?saved={saved.id}", 303)
        if later:
            moment(draft)
    except Unusable as error:
        return await _settings_page(request, here, session, draft, chosen, error.message)
    await keep(here, draft)
    return RedirectResponse(f"/offboardings/new/{draft_id}/review", 303)


@router.get("/offboardings/new/{draft_id}/review")
async def wizard_review(request: Request, here: Here, session: Signed, draft_id: str, error: str = "") -> Response:
    """Step 4: the plan from the live tenant."""
    draft = await draft_of(here, session, draft_id)
    known = await tenant_of(here, session.person, draft["tenant_id"])
    try:
        preview = await here.desk.plan(asked(draft), session.person.actor())
    except Unusable as problem:
        return await _settings_page(request, here, session, draft, draft["settings"], problem.message)
    records = preview.offboardings
    permanent = [record for record in records if record.permanent]
    warnings = [note.text for record in records for _, note in words.notes_of(record, NoteKind.WARNING)]
    return page(
        request,
        "wizard_review.html",
        session,
        draft=draft,
        known=known,
        records=records,
        digest=preview.digest,
        blocked=preview.blocked,
        warnings=list(dict.fromkeys(warnings)),
        permanent=permanent,
        expected=_expected(records),
        by_index=any(
            note.code == FROM_INDEX for record in records for _, note in words.notes_of(record, NoteKind.INFO)
        ),
        changes=sum(len(task.changes) for record in records for task in record.tasks),
        error=error,
    )


@router.post("/offboardings/new/{draft_id}/review")
async def wizard_review_post(request: Request, here: Here, session: Signed, draft_id: str) -> Response:
    """Decide, read again, or confirm; what is confirmed is exactly the plan that was shown."""
    draft = await draft_of(here, session, draft_id)
    known = await tenant_of(here, session.person, draft["tenant_id"])
    form = await request.form()
    decided = {key.partition(":")[2]: str(value) for key, value in form.items() if key.startswith("decide:")}
    draft["decisions"] = draft["decisions"] | decided
    looks_further = "scan" in form and bool(form.get("full_scan")) != bool(draft.get("full_scan"))
    draft["full_scan"] = bool(form.get("full_scan") if "scan" in form else draft.get("full_scan"))
    await keep(here, draft)
    path = request.url.path
    if form.get("do") == "draft":
        return RedirectResponse(SAVED, 303)
    if form.get("do") != "confirm":
        return RedirectResponse(path, 303)
    if looks_further:
        said = "You changed how far Leaver looks, so the plan was made anew. Review it, then confirm it."
        return RedirectResponse(f"{path}?error={quote(said)}", 303)
    actor = session.person.actor()
    planned = await here.desk.plan(asked(draft), actor)
    for key, expected in _expected(planned.offboardings):
        if " ".join(str(form.get(f"confirm:{key}", "")).split()).lower() != expected.lower():
            return RedirectResponse(f"{path}?error={quote('Type the name exactly: ' + expected)}", 303)

    async def allowed(record: Offboarding) -> None:
        await refuse_privileged(session.person, here.house.doorway(known.id), record)

    try:
        records = await here.desk.submit(
            asked(draft), actor, confirmed_digest=str(form.get("digest", "")), allowed=allowed
        )
    except Unusable as error:
        return RedirectResponse(f"{path}?error={quote(error.message)}", 303)
    await here.house.papers.remove(DRAFT, draft_id)
    if len(records) == 1:
        return RedirectResponse(f"/offboardings/{records[0].id}", 303)
    await remember(here, draft_id, records)
    return RedirectResponse(f"/offboardings/together/{draft_id}", 303)


async def _with_locked(here: Rooms, draft: Mapping[str, Any], chosen: dict[str, Any]) -> dict[str, Any]:
    """What was chosen, with what the organization has locked: the server decides again; the page only shows it."""
    for task, said in (await _effective(here, draft["tenant_id"])).items():
        if said.locked:
            chosen.pop(task, None)
            if said.value not in (None, False):
                chosen[task] = said.value
    return chosen


async def _settings_page(
    request: Request, here: Rooms, session: Session, draft: dict[str, Any], chosen: Any, error: str = ""
) -> Response:
    known = await tenant_of(here, session.person, draft["tenant_id"])
    found = await _effective(here, known.id)
    presets = {task: said.value for task, said in found.items()}
    shown = presets if chosen is None else chosen
    origins = {
        task: (said.origin if shown.get(task) == said.value else "", said.locked) for task, said in found.items()
    }
    return page(
        request,
        "wizard_settings.html",
        session,
        code=400 if error else 200,
        draft=draft,
        known=known,
        stages=forms.rows(shown, origins),
        presets=await Presets(here.house.papers, here.house.audit).all(),
        saved=request.query_params.get("saved", ""),
        by_tenant=sum(said.origin == "tenant" for said in found.values()),
        by_organization=sum(said.origin == "organization" for said in found.values()),
        zones=sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc")),
        error=error,
    )


async def _effective(here: Rooms, tenant_id: str) -> Mapping[str, Any]:
    """What the tasks are preset to in a tenant."""
    kept = here.house.defaults
    return effective(await kept.get(ORGANIZATION), await kept.get(tenant_id))


def _expected(records: list[Offboarding]) -> list[tuple[str, str]]:
    """What must be typed: a name for each user with something permanent, or one sentence for many."""
    permanent = [record for record in records if record.permanent]
    if len(permanent) > NAMES_AT_MOST:
        return [("all", f"offboard {words.counted(len(records), 'user')}")]
    return [(record.user.id, record.user.display_name) for record in permanent]
