"""The wizard's second step: who is leaving. The selection lives in the draft, across searches and pages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from leaver.domain.errors import LeaverError, TryAgain
from leaver.domain.products import product_name
from leaver.m365.graph.users import KINDS, User
from leaver.m365.tenant import Tenant
from leaver.store.offboardings import UnderWay
from leaver.store.tenants import KnownTenant
from leaver.web.drafts import draft_of, keep
from leaver.web.people_badges import Marks
from leaver.web.reach import tenant_of
from leaver.web.rooms import Here
from leaver.web.shell import Signed, page

router = APIRouter(include_in_schema=False)
MOST_USERS = 50
SAVED = "/drafts?saved=1"
SHORTEST = 2
GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
AROUND_A_NAME = "'\"`<>()[]*•·–-"
"""What stands around names in lists: quotation marks, brackets, bullets."""
MOST_LATE = 200
"""People of whom a page asks for more at a time."""
PATIENCE = 2.0
"""Seconds for which it waits for an answer about them."""


@dataclass(frozen=True)
class Person:
    """Somebody of the tenant, as much as is needed to ask about them."""

    id: str
    upn: str = ""


@dataclass(frozen=True)
class Refusal:
    """Why somebody cannot be chosen."""

    badge: str
    icon: str
    tone: str
    text: str


@router.get("/offboardings/new/{draft_id}/users")
async def ask(
    request: Request,
    here: Here,
    session: Signed,
    draft_id: str,
    q: str = "",
    kind: str = "",
    after: str = "",
    error: str = "",
) -> Response:
    """Who is leaving."""
    draft = await draft_of(here, session, draft_id)
    known = await tenant_of(here, session.person, draft["tenant_id"])
    search = q.strip() if len(q.strip()) >= SHORTEST else ""
    kind = kind if kind in KINDS else ""
    doorway = here.house.doorway(known.id)
    silent: LeaverError | None = None
    try:
        (rows, following), marks = await asyncio.gather(
            doorway.users.page(search, after, kind=kind), here.badges.of(doorway)
        )
    except TryAgain as problem:
        rows, following, marks, silent = (), "", Marks(), problem
    return page(
        request,
        "wizard_users.html",
        session,
        page="Offboardings",
        draft=draft,
        known=known,
        rows=rows,
        following=urlencode({"q": q, "kind": kind, "after": following}) if following else "",
        marks=marks,
        sign_ins=here.later.sign_ins.look(doorway, rows),
        sizes=here.later.sizes.look(doorway, _with_mailbox(draft)),
        refused=await _refused(here, known),
        product_name=product_name,
        silent=silent,
        q=q,
        kind=kind,
        kinds=KINDS,
        most=MOST_USERS,
        error=error,
        ticked=draft.pop("ticked", []),
    )


@router.get("/offboardings/new/{draft_id}/users/late")
async def late(request: Request, here: Here, session: Signed, draft_id: str) -> Response:
    """What the list could not wait for: of those whose ids are named the last sign-in, of the chosen the mailbox."""
    draft = await draft_of(here, session, draft_id)
    known = await tenant_of(here, session.person, draft["tenant_id"])
    doorway, named = here.house.doorway(known.id), request.query_params.getlist("id")[:MOST_LATE]
    shown = [Person(each) for each in named if GUID.fullmatch(each)]
    chosen = _with_mailbox(draft)
    here.later.sign_ins.look(doorway, shown)
    here.later.sizes.look(doorway, chosen)
    await here.later.settled(PATIENCE)
    return page(
        request,
        "wizard_late.html",
        session,
        sign_ins=here.later.sign_ins.look(doorway, shown),
        sizes=here.later.sizes.look(doorway, chosen),
    )


@router.post("/offboardings/new/{draft_id}/users")
async def take(request: Request, here: Here, session: Signed, draft_id: str) -> Response:
    """Keep the selection; every id is looked up in the tenant, once."""
    draft = await draft_of(here, session, draft_id)
    known = await tenant_of(here, session.person, draft["tenant_id"])
    form = await request.form()
    doorway, refused = here.house.doorway(known.id), await _refused(here, known)
    do = str(form.get("do", ""))
    draft.pop("ticked", None)
    error = ""
    if form.get("clear"):
        draft |= {"users": {}, "about": {}}
    elif do == "take":
        error = _add(draft, draft.pop("pasted", {}).get("found", {}), refused)
    elif do == "drop":
        draft.pop("pasted", None)
    elif do == "paste":
        error = await _paste(draft, doorway, str(form.get("upns", "")), refused)
    else:
        seen, ticked = {str(each) for each in form.getlist("seen")}, [str(each) for each in form.getlist("user")]
        for gone in (*(seen - set(ticked)), str(form.get("remove", ""))):
            draft["users"].pop(gone, None)
        found, missing = await _look_up(doorway, [each for each in ticked if each not in draft["users"]])
        error = _add(draft, found, refused) or (f"Not found: {', '.join(missing)}" if missing else "")
    await keep(here, draft)
    if do == "draft" and not error:
        return RedirectResponse(SAVED, 303)
    if do == "next" and not form.get("remove") and not error:
        if draft["users"]:
            return RedirectResponse(f"/offboardings/new/{draft_id}/settings", 303)
        error = "Choose at least one user."
    back = {name: str(form.get(name, "")) for name in ("q", "kind", "after") if form.get(name)}
    query = urlencode(back | ({"error": error} if error else {}))
    return RedirectResponse(f"{request.url.path}{'?' if query else ''}{query}", 303)


async def _paste(draft: dict[str, Any], doorway: Tenant, text: str, refused: Mapping[str, Refusal]) -> str:
    """Find everybody of a list; what is not found is shown before anybody is selected."""
    wanted = named_in(text)
    if not wanted:
        return "Paste at least one UPN or e-mail address."
    if len(wanted) > MOST_USERS:
        return f"The list has {len(wanted)} lines. Up to {MOST_USERS} users go into one offboarding."
    found, missing = await _look_up(doorway, wanted)
    if not missing:
        draft.pop("pasted", None)
        return _add(draft, found, refused)
    draft["pasted"] = {"found": found, "missing": missing}
    return ""


def named_in(text: str) -> list[str]:
    """Who a pasted list names, each once: as mail programs, spreadsheets and tickets write people down.

    Of `Vance, Adele <adele@contoso.com>` and of the row of a spreadsheet only the addresses count.
    """
    found: dict[str, str] = {}
    for line in re.split(r"[;\r\n]+", text.replace("\ufeff", "")):
        cells = re.findall(r"<([^<>\s]+@[^<>\s]+)>", line)
        if not cells and "\t" in line:
            cells = [cell for cell in line.split("\t") if "@" in cell or GUID.fullmatch(cell.strip())]
        for each in re.split(r"[\s,]+", " ".join(cells or [line])):
            name = re.sub(r"^mailto:", "", each.strip(AROUND_A_NAME), flags=re.IGNORECASE).rstrip(".")
            found.setdefault(name.casefold(), name)
    return [name for name in found.values() if name]


async def _look_up(doorway: Tenant, wanted: Sequence[str]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    found = await asyncio.gather(*(doorway.users.get(text) for text in wanted), return_exceptions=True)
    users: dict[str, dict[str, Any]] = {}
    missing = []
    for text, user in zip(wanted, found, strict=True):
        if isinstance(user, TryAgain) or (isinstance(user, BaseException) and not isinstance(user, LeaverError)):
            raise user
        if isinstance(user, LeaverError):
            missing.append(text)
        else:
            users[user.id] = _about(user)
    return users, missing


def _about(user: User) -> dict[str, Any]:
    return {
        "name": user.display_name or user.upn,
        "upn": user.upn,
        "synced": user.synced,
        "guest": user.is_guest,
        "ad_name": user.ad_name,
        "skus": list(user.assigned_sku_ids),
        "enabled": user.account_enabled,
    }


def _with_mailbox(draft: Mapping[str, Any]) -> list[Person]:
    """Those of the chosen who can have a mailbox."""
    about = draft.get("about", {})
    return [
        Person(user_id, about[user_id]["upn"])
        for user_id in draft["users"]
        if user_id in about and about[user_id]["skus"] and not about[user_id]["guest"]
    ]


def _add(draft: dict[str, Any], found: Mapping[str, dict[str, Any]], refused: Mapping[str, Refusal]) -> str:
    """Add those who can be chosen, up to the limit; says who was not added and why."""
    wanted = {user_id: about for user_id, about in found.items() if user_id not in draft["users"]}
    reasons = [f"{about['name']}: {refused[user_id].text}" for user_id, about in wanted.items() if user_id in refused]
    free = [user_id for user_id in wanted if user_id not in refused]
    room = MOST_USERS - len(draft["users"])
    for user_id in free[:room]:
        draft["users"][user_id] = wanted[user_id]["name"]
        draft.setdefault("about", {})[user_id] = wanted[user_id]
    if len(free) > room:
        left = f"{len(free) - room} {'was' if len(free) - room == 1 else 'were'} not added."
        reasons.append(f"Up to {MOST_USERS} users in one offboarding. {left}")
    return " ".join(reasons)


async def _refused(here: Here, known: KnownTenant) -> dict[str, Refusal]:
    """Who cannot be chosen now, by id, and why."""
    busy = await here.house.offboardings.under_way(known.id)
    refused = {user_id: _busy(offboarding) for user_id, offboarding in busy.items()}
    text = "Protected by your administrators. It cannot be offboarded from Leaver."
    return refused | {user_id: Refusal("Protected", "lock", "bad", text) for user_id in known.protected}


def _busy(offboarding: UnderWay) -> Refusal:
    who = offboarding.asked_by or "Somebody"
    if offboarding.state == "scheduled" and offboarding.at is not None:
        text = f"{who} has scheduled this user. Cancel that offboarding first to change it."
        return Refusal(f"Scheduled {offboarding.at:%A}", "calendar", "", text)
    return Refusal("In progress", "clock", "accent", f"{who} started offboarding this user.")


def names(draft: Mapping[str, Any]) -> Iterable[str]:
    """The names of those who were chosen."""
    return [str(name) for name in draft["users"].values()]
