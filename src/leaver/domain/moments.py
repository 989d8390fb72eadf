"""Moments at which an offboarding may start, as people name them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from leaver.domain.errors import Unusable

LAST_YEAR = 9000
"""Beyond it other zones have no date."""


def zone_named(name: str) -> ZoneInfo:
    """A time zone by its IANA name; another name is unusable."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Unusable(
            f"{name!r} is no time zone.", "malformed_time", advice="Name it like Europe/Amsterdam, or UTC."
        ) from error


def local_moment(moment: datetime, zone: str) -> datetime:
    """A date and a time of day in a time zone. One that the clocks skip or show twice there is unusable."""
    there = zone_named(zone)
    first, second = moment.replace(tzinfo=there), moment.replace(tzinfo=there, fold=1)
    before, after = first.utcoffset(), second.utcoffset()
    if before is None or after is None or before == after:
        return first
    what = "comes twice" if before > after else "does not exist"
    raise Unusable(
        f"{moment:%H:%M} {what} in {zone} on {moment:%Y-%m-%d}, because the clocks change.",
        "ambiguous_time",
        advice="Choose another time, or name it in UTC.",
    )


def refuse_far(at: datetime) -> None:
    """Refuse a moment so far ahead that it is no date in every zone."""
    if at.year > LAST_YEAR:
        raise Unusable(
            f"The year {at.year} is too far ahead to schedule an offboarding.", "malformed_time", advice="Correct it."
        )
