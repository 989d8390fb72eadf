"""Drafts of the wizard: what a technician has chosen so far, kept on the server."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from leaver.access.roles import Person, Right, may, require
from leaver.access.sessions import Session
from leaver.domain.errors import Unusable
from leaver.domain.moments import local_moment
from leaver.notify.services import mail_addresses
from leaver.offboarding.conflicts import in_vain
from leaver.offboarding.desk import Request as Asked
from leaver.offboarding.desk import refuse_unfit
from leaver.web import forms
from leaver.web.reach import Elsewhere, some_tenant
from leaver.web.rooms import Rooms

DRAFT = "draft"
DRAFT_LASTS = timedelta(days=14)
TOGETHER = "together"
"""Which offboardings were confirmed together, by the draft that they were confirmed with."""
STEPS = ("users", "settings", "review")
"""The steps whose unsent form is kept when the session has ended meanwhile."""


async def draft_of(here: Rooms, session: Session, draft_id: str) -> dict[str, Any]:
    """A draft of the person who asks; one that was confirmed leads to what it started."""
    found = await here.house.papers.get(DRAFT, draft_id)
    if found is None:
        started = await here.house.papers.get(TOGETHER, draft_id)
        if started is not None:
            raise Elsewhere(where(draft_id, started["ids"]))
    if found is None or found["owner"] != session.person.name:
        raise Unusable("There is no such draft.", "unknown_offboarding", advice="Start a new offboarding.")
    require(session.person, Right.OFFBOARD, found["tenant_id"] or some_tenant(session.person, "offboard"))
    mark = _mark(session.csrf)
    if found.get("page_of") != mark:
        found["page_of"] = mark
        await _put(here, found)
    return found


def where(draft_id: str, ids: list[str]) -> str:
    """The page of what a draft has started: one run, or all of them."""
    return f"/offboardings/{ids[0]}" if len(ids) == 1 else f"/offboardings/together/{draft_id}"


async def drafts_of(here: Rooms, person: Person) -> list[dict[str, Any]]:
    """The drafts of a person that hold at least a tenant, the latest first; each with the tenant's name."""
    if not may(person, Right.OFFBOARD, some_tenant(person, "offboard")):
        return []
    names = {each.id: each.name or each.domain for each in await here.house.tenants.all()}
    mine = [
        draft | {"tenant": names[draft["tenant_id"]], "saved": datetime.fromisoformat(draft["saved_at"])}
        for draft in await here.house.papers.all(DRAFT)
        if draft["owner"] == person.name
        and draft.get("saved_at")
        and draft["tenant_id"] in names
        and person.sees(draft["tenant_id"])
    ]
    return sorted(mine, key=lambda draft: draft["saved_at"], reverse=True)


def step_of(draft: Mapping[str, Any]) -> str:
    """Where the wizard goes on."""
    if not draft["tenant_id"]:
        return "tenant"
    return "users" if not draft["users"] else "settings" if draft["settings"] is None else "review"


async def keep(here: Rooms, draft: dict[str, Any]) -> None:
    """Keep a draft for two weeks more."""
    draft["saved_at"] = datetime.now(UTC).isoformat(timespec="seconds")
    await _put(here, draft)


async def hold_on(here: Rooms, draft_id: str, step: str, form: Mapping[str, list[str]]) -> None:
    """Keep what a form said whose session had ended, so that nothing is lost; only its own page's form counts.

    What nobody may choose is refused when the draft is taken up again.
    """
    draft = await here.house.papers.get(DRAFT, draft_id)
    if draft is None or step not in STEPS or draft.get("page_of") != _mark("".join(form.get("csrf", []))):
        return
    if step == "users":
        draft["ticked"] = form.get("user", [])
    elif step == "settings":
        take_settings(draft, form)
    else:
        take_decisions(draft, form)
    await keep(here, draft)


def take_settings(draft: dict[str, Any], form: Mapping[str, list[str]]) -> None:
    """The third step's form."""

    def said(name: str) -> str:
        return "".join(form.get(name, [])[:1])

    later = said("when") == "later"
    draft["settings"] = forms.read(form)
    draft |= {"reference": said("reference")[:64], "at": said("at") if later else "", "tz": said("tz") if later else ""}
    draft["notify"] = form.get("notify", [])
    draft["report_to"] = said("report_to")[:2000]


def take_decisions(draft: dict[str, Any], form: Mapping[str, list[str]]) -> None:
    """The fourth step's choices: `decide|USER|CODE`."""
    for name, values in form.items():
        kind, _, rest = name.partition("|")
        user, _, code = rest.partition("|")
        if kind == "decide" and user in draft["users"] and code and values[0]:
            draft["decisions"].setdefault(user, {})[code] = values[0]


def asked(draft: Mapping[str, Any]) -> Asked:
    """The draft as the desk is asked; what another choice makes pointless stays in the draft and is not asked for."""
    at, zone = moment(draft) if draft["at"] else (None, "")
    settings = draft["settings"] or {}
    pointless = in_vain(settings)
    return Asked(
        draft["tenant_id"],
        list(draft["users"]),
        {task: value for task, value in settings.items() if task not in pointless},
        reference=draft["reference"],
        at=at,
        time_zone=zone,
        idempotency_key=draft["id"],
        full_scan=bool(draft.get("full_scan")),
        notify=draft.get("notify", []),
        report_to=mail_addresses([draft.get("report_to", "")]),
        decisions_of=draft["decisions"],
    )


def moment(draft: Mapping[str, Any]) -> tuple[datetime, str]:
    """The moment that a draft names, and its zone; one that has passed, or that its clocks skip, is unusable."""
    zone = str(draft["tz"]).strip() or "UTC"
    try:
        at = local_moment(datetime.fromisoformat(str(draft["at"])).replace(tzinfo=None), zone)
    except ValueError as error:
        raise Unusable("The date or the time is not one.", "malformed_time") from error
    refuse_unfit(at)
    return at.astimezone(UTC), zone


async def _put(here: Rooms, draft: dict[str, Any]) -> None:
    await here.house.papers.put(DRAFT, draft["id"], draft, expires_at=datetime.now(UTC) + DRAFT_LASTS)


def _mark(csrf: str) -> str:
    return hashlib.sha256(csrf.encode()).hexdigest()
