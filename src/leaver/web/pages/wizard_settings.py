"""The wizard's third step: what is done, when, and who is told."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import available_timezones

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from leaver.access.roles import Right, require
from leaver.access.sessions import Session
from leaver.domain import news
from leaver.domain.errors import TryAgain, Unusable
from leaver.domain.plan import Json
from leaver.m365.graph.users import UserRow
from leaver.offboarding import conflicts
from leaver.offboarding.presets import Presets
from leaver.offboarding.settings import as_plain, parse, same
from leaver.store.defaults import ORGANIZATION, Effective, effective
from leaver.tasks.catalogue import all_tasks
from leaver.web import forms
from leaver.web.drafts import asked, draft_of, keep, moment, take_settings
from leaver.web.forms import Fault
from leaver.web.pages.wizard_users import SAVED, SHORTEST
from leaver.web.reach import tenant_of
from leaver.web.rooms import Here, Rooms
from leaver.web.shell import Signed, lists, page

router = APIRouter(include_in_schema=False)
COLLEAGUES = 8
"""Colleagues that are offered at a time."""


@router.get("/offboardings/new/{draft_id}/settings")
async def ask(request: Request, here: Here, session: Signed, draft_id: str) -> Response:
    """The tasks, as they are preset or were left."""
    draft = await draft_of(here, session, draft_id)
    return await settings_page(request, here, session, draft)


@router.post("/offboardings/new/{draft_id}/settings")
async def take(request: Request, here: Here, session: Signed, draft_id: str) -> Response:
    """Keep what was chosen, right or wrong, and go on when it is right."""
    draft = await draft_of(here, session, draft_id)
    form = lists(await request.form())
    do = "".join(form.get("do", [])[:1])
    dropped = forms.drop(form)
    presets = Presets(here.house.papers, here.house.audit)
    take_settings(draft, form)
    draft["settings"] = await _with_locked(here, draft, draft["settings"])
    if do == "reset":
        draft |= {"settings": None, "preset": ""}
    elif do == "preset":
        preset = await presets.get("".join(form.get("preset", [])))
        draft |= {"settings": await _with_locked(here, draft, dict(preset.settings)), "preset": preset.id}
    await keep(here, draft)
    if dropped:
        return RedirectResponse(f"{request.url.path}#{quote(dropped)}", 303)
    if do in ("reset", "preset"):
        return RedirectResponse(request.url.path, 303)
    if do == "draft":
        return RedirectResponse(SAVED, 303)
    faults = faults_of(draft)
    try:
        here.house.book.report_to([draft["report_to"]])
    except Unusable as error:
        faults.append(Fault("mail", f"E-mail the report to: {error.message}"))
    if faults:
        return await settings_page(request, here, session, draft, faults=faults)
    wanted = _wanted(draft["settings"])
    left = {task: value for task, value in draft["settings"].items() if task not in wanted}
    draft["settings"] = left | as_plain(parse(wanted))
    if do == "save_preset":
        require(session.person, Right.MANAGE)
        try:
            kept = await presets.save(
                "".join(form.get("preset_name", [])), as_plain(parse(wanted)), session.person.actor()
            )
        except Unusable as error:
            return await settings_page(request, here, session, draft, faults=[Fault("pn", f"Preset: {error.message}")])
        draft["preset"] = kept.id
        await keep(here, draft)
        return RedirectResponse(f"{request.url.path}?saved={kept.id}", 303)
    await keep(here, draft)
    return RedirectResponse(f"/offboardings/new/{draft_id}/review", 303)


@router.get("/offboardings/new/{draft_id}/people")
async def colleagues(request: Request, here: Here, session: Signed, draft_id: str, q: str = "") -> Response:
    """Colleagues whose name or address begins so, to choose from; none while the tenant is silent."""
    draft = await draft_of(here, session, draft_id)
    known = await tenant_of(here, session.person, draft["tenant_id"])
    found: Sequence[UserRow] = ()
    if len(q.strip()) >= SHORTEST:
        with suppress(TryAgain):
            found, _ = await here.house.doorway(known.id).users.page(q.strip(), most=COLLEAGUES)
    return page(request, "colleagues.html", session, found=[each for each in found if each.id not in draft["users"]])


async def settings_page(
    request: Request,
    here: Rooms,
    session: Session,
    draft: dict[str, Any],
    *,
    faults: list[Fault] | None = None,
    error: str = "",
) -> Response:
    """The step; with what has to be put right, or why the plan could not be made of it."""
    known = await tenant_of(here, session.person, draft["tenant_id"])
    found = await _effective(here, known.id)
    preset = {task: said.value for task, said in found.items()}
    chosen = preset if draft["settings"] is None else draft["settings"]
    origins = {task.name: _origin(task.name, chosen, found) for task in all_tasks()}
    changed = sum(origin == "changed" for origin, _ in origins.values())
    sections = forms.rows(chosen, origins)
    presets = Presets(here.house.papers, here.house.audit)
    problems = faults or []
    return page(
        request,
        "wizard_settings.html",
        session,
        page="Offboardings",
        code=400 if problems or error else 200,
        draft=draft,
        known=known,
        sections=sections,
        on=sum(row.on for _, _, rows in sections for row in rows),
        in_vain=conflicts.NEEDS_THE_MAILBOX,
        presets=await presets.all(),
        saved=request.query_params.get("saved", ""),
        by_tenant=sum(origin == "tenant" for origin, _ in origins.values()),
        by_organization=sum(origin == "organization" for origin, _ in origins.values()),
        changed=changed,
        synced=[about for about in draft.get("about", {}).values() if about["synced"]],
        guests=[about for about in draft.get("about", {}).values() if about["guest"]],
        channels=[
            channel for channel in news.CHANNELS if channel not in await here.house.book.unheard([channel], known.id)
        ],
        mails=here.house.book.mails,
        starts=_starts(draft),
        now=datetime.now(UTC),
        zones=sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc")),
        faults=problems,
        wrong={fault.field: fault.text for fault in problems},
        error=error,
    )


def faults_of(draft: Mapping[str, Any]) -> list[Fault]:
    """What has to be put right before a plan can be made, each with its field."""
    wanted = _wanted(draft["settings"])
    found = forms.faults(wanted)
    if not wanted:
        found.append(Fault("tasks", "Turn on at least one task."))
    if not found:
        reasons = conflicts.refusals(parse(wanted))
        names = {task.name: task.option.label for task in all_tasks()}
        for reason in reasons:
            first = next((name for name in wanted if name in reason), "")
            text = re.sub(r"\w+", lambda word: names.get(word[0], word[0]), reason)
            found.append(Fault(f"t-{first}" if first else "tasks", text))
    try:
        if draft["at"]:
            moment(draft)
    except Unusable as error:
        passed = error.code == "time_has_passed"
        why = "choose a time in the future" if passed else f"{error.message[:1].lower()}{error.message[1:]}"
        found.append(Fault("at", f"Date and time: {why}"))
    return found


def _wanted(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What is chosen, without what another choice makes pointless: its fields are not even shown."""
    pointless = conflicts.in_vain(settings)
    return {task: value for task, value in settings.items() if task not in pointless}


def _starts(draft: Mapping[str, Any]) -> datetime | None:
    try:
        return asked(draft).at
    except Unusable:
        return None


def _origin(task: str, chosen: Mapping[str, Any], found: Mapping[str, Effective]) -> tuple[str, bool]:
    """Who says so: `tenant`, `organization`, `changed` here, or nobody; and whether it is locked."""
    said, value = found.get(task), chosen.get(task)
    kind = next(each for each in all_tasks() if each.name == task)
    if said is None:
        return ("changed" if value not in (None, False) else ""), False
    return (said.origin if same(kind, value, said.value) else "changed"), said.locked


async def _with_locked(here: Rooms, draft: Mapping[str, Any], chosen: dict[str, Json]) -> dict[str, Json]:
    """What was chosen, with what the organization has locked: the server decides again; the page only shows it."""
    for task, said in (await _effective(here, draft["tenant_id"])).items():
        if said.locked:
            chosen.pop(task, None)
            if said.value not in (None, False):
                chosen[task] = said.value
    return chosen


async def _effective(here: Rooms, tenant_id: str) -> Mapping[str, Effective]:
    """What the tasks are preset to in a tenant."""
    kept = here.house.defaults
    return effective(await kept.get(ORGANIZATION), await kept.get(tenant_id))
