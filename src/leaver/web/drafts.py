"""Drafts of the wizard: what a technician has chosen so far, kept on the server."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from leaver.access.roles import Person, Right, may, require
from leaver.access.sessions import Session
from leaver.domain.errors import Unusable
from leaver.offboarding.desk import Request as Asked
from leaver.offboarding.desk import refuse_past
from leaver.web.reach import some_tenant
from leaver.web.rooms import Rooms

DRAFT = "draft"
DRAFT_LASTS = timedelta(days=14)


async def draft_of(here: Rooms, session: Session, draft_id: str) -> dict[str, Any]:
    """A draft of the person who asks."""
    found = await here.house.papers.get(DRAFT, draft_id)
    if found is None or found["owner"] != session.person.name:
        raise Unusable("There is no such draft.", "unknown_offboarding", advice="Start a new offboarding.")
    require(session.person, Right.OFFBOARD, found["tenant_id"] or some_tenant(session.person, "offboard"))
    return found


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
    await here.house.papers.put(DRAFT, draft["id"], draft, expires_at=datetime.now(UTC) + DRAFT_LASTS)


def asked(draft: Mapping[str, Any]) -> Asked:
    """The draft as the desk is asked."""
    at, zone = moment(draft) if draft["at"] else (None, "")
    return Asked(
        draft["tenant_id"],
        list(draft["users"]),
        draft["settings"] or {},
        draft["decisions"],
        draft["reference"],
        at,
        zone,
        idempotency_key=draft["id"],
        full_scan=bool(draft.get("full_scan")),
    )


def moment(draft: Mapping[str, Any]) -> tuple[datetime, str]:
    """The moment that a draft names, and its zone; one that has passed is unusable."""
    zone = str(draft["tz"]).strip() or "UTC"
    try:
        at = datetime.fromisoformat(str(draft["at"])).replace(tzinfo=ZoneInfo(zone))
    except (ValueError, ZoneInfoNotFoundError, OSError) as error:
        raise Unusable("The date, the time or the time zone is not one.", "malformed_time") from error
    refuse_past(at)
    return at.astimezone(UTC), zone
