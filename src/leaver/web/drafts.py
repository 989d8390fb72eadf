"""Drafts of the wizard: what a technician has chosen so far, kept on the server."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from leaver.access.roles import Right, require
from leaver.access.sessions import Session
from leaver.domain.errors import Unusable
from leaver.offboarding.desk import Request as Asked
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


async def keep(here: Rooms, draft: dict[str, Any]) -> None:
    """Keep a draft for two weeks more."""
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
    )


def moment(draft: Mapping[str, Any]) -> tuple[datetime, str]:
    """The moment that a draft names, and its zone; one that has passed is unusable."""
    zone = str(draft["tz"]).strip() or "UTC"
    try:
        at = datetime.fromisoformat(str(draft["at"])).replace(tzinfo=ZoneInfo(zone))
    except (ValueError, ZoneInfoNotFoundError, OSError) as error:
        raise Unusable("The date, the time or the time zone is not one.", "malformed_time") from error
    if at <= datetime.now(UTC):
        raise Unusable("The time has passed.", "time_has_passed")
    return at.astimezone(UTC), zone
