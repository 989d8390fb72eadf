"""The moment that `--at` and the CSV's column `at` name."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from leaver.domain.errors import Unusable
from leaver.domain.moments import local_moment, refuse_far

_ADVICE = "Write it like 2026-12-01T17:00+01:00, or like 2026-12-01T17:00 Europe/Amsterdam."


def moment_of(text: str) -> tuple[datetime | None, str]:
    """When to start, and the name of the time zone that was given; None: at once.

    A moment needs a time zone, as an offset or by its IANA name, and must not have passed. A local time that the
    clocks skip or show twice is refused with an IANA name: an offset says which one is meant.
    """
    if not text.strip():
        return None, ""
    written, _, zone = text.strip().partition(" ")
    if zone and zone[0].isdigit():
        written, zone = f"{written}T{zone.partition(' ')[0]}", zone.partition(" ")[2]
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise Unusable(f"{text!r} is no date and time.", "malformed_time", advice=_ADVICE) from error
    if zone:
        moment = _in_zone(moment, zone.strip(), text)
    if moment.tzinfo is None:
        raise Unusable(f"{text!r} does not say which time zone it means.", "malformed_time", advice=_ADVICE)
    if moment <= datetime.now(UTC):
        raise Unusable(f"{text!r} has passed.", "time_has_passed", advice="Leave it out to start at once.")
    refuse_far(moment)
    return moment.astimezone(UTC), zone.strip() or moment.strftime("UTC%z")


def in_both(moment: datetime, zone: str) -> str:
    """A moment in the time zone in which it was given, and in UTC."""
    try:
        local = moment.astimezone(datetime.strptime(zone, "UTC%z").tzinfo)
    except ValueError:
        try:
            local = moment.astimezone(ZoneInfo(zone))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            local, zone = moment.astimezone(), ""
    return f"{local:%a %d %b %Y, %H:%M} ({zone or local.tzname()}), {moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _in_zone(moment: datetime, zone: str, text: str) -> datetime:
    if moment.tzinfo is not None:
        raise Unusable(f"{text!r} names an offset and a time zone; give one.", "malformed_time", advice=_ADVICE)
    return local_moment(moment, zone)
