"""The moment that `--at` and the CSV's column `at` name."""

from __future__ import annotations

from datetime import UTC, datetime

from leaver.domain.errors import Unusable


def only_now(at: str) -> None:
    """Accept no moment, or one that has passed; a later one needs the service, which the command line is not."""
    if not at:
        return
    try:
        moment = datetime.fromisoformat(at)
    except ValueError as error:
        raise Unusable(
            f"{at!r} is no date and time.", "malformed_time", advice="Write it like 2026-12-01T17:00+01:00."
        ) from error
    if moment.tzinfo is None:
        raise Unusable(
            f"{at!r} does not say which time zone it means.",
            "malformed_time",
            advice="Write it like 2026-12-01T17:00+01:00.",
        )
    if moment > datetime.now(UTC):
        raise Unusable(
            f"Leaver cannot wait until {at}: the command line carries an offboarding out at once, and the service that "
            "keeps scheduled ones is not part of this version.",
            "scheduling_needs_the_service",
            advice="Run the command at that time, by cron, a systemd timer or Windows Task Scheduler, with --yes.",
        )
