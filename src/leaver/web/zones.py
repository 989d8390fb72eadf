"""The time zone in which somebody reads dates: what they chose, or else what their browser says, or else UTC."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from fastapi import Request
from fastapi.responses import Response

CHOSEN = "zone"
"""The cookie of a zone that somebody chose."""
OF_BROWSER = "browser-zone"
"""The cookie in which the script leaves the browser's own."""
A_YEAR = 31_536_000


@dataclass(frozen=True)
class Zone:
    """A time zone, and whether somebody chose it."""

    info: ZoneInfo
    chosen: bool = False

    def given(self) -> dict[str, Any]:
        """What a template is given."""
        return {"zone": self.info, "zone_chosen": self.chosen}


def of(request: Request) -> Zone:
    """The zone of whoever asks."""
    chosen = named(request.cookies.get(CHOSEN, ""))
    if chosen is not None:
        return Zone(chosen, chosen=True)
    return Zone(named(request.cookies.get(OF_BROWSER, "")) or ZoneInfo("UTC"))


def named(name: str) -> ZoneInfo | None:
    """A zone by its name; nothing for a name that is none."""
    if name not in names():
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@cache
def names() -> frozenset[str]:
    """The names of all zones."""
    return frozenset(available_timezones())


def choose(answer: Response, name: str) -> None:
    """Keep a choice; an empty one leaves it to the browser."""
    if named(name) is None:
        answer.delete_cookie(CHOSEN, samesite="lax")
    else:
        answer.set_cookie(CHOSEN, name, max_age=A_YEAR, samesite="lax")
