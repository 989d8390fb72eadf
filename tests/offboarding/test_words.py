"""How things are put into words."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from leaver.domain.plan import Change, Reversibility
from leaver.offboarding import spoken, words

NOW = datetime(2026, 6, 11, 14, 2, tzinfo=UTC)
MEETINGS = Change(
    "meetings organized in the next 30 days",
    before=["Weekly", "Planning"],
    after="canceled",
    reversibility=Reversibility.PERMANENT,
)


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (datetime(2026, 6, 11, 9, 31, tzinfo=UTC), "Today 09:31"),
        (datetime(2026, 6, 10, 16, 44, tzinfo=UTC), "Yesterday 16:44"),
        (datetime(2026, 6, 2, 16, 44, tzinfo=UTC), "2 Jun 2026"),
    ],
)
def test_a_day_that_is_near_has_its_time(moment: datetime, said: str) -> None:
    assert words.near_date(moment, UTC, NOW) == said


def test_a_long_list_says_how_many_more_there_are() -> None:
    assert words.some(list("abcdef")) == "a, b, c, d and 2 more"
    assert words.some(list("abcde")) == "a, b, c, d and e"


def test_a_zone_is_called_by_its_name_and_its_letters() -> None:
    assert words.zone_called(ZoneInfo("Europe/Amsterdam"), NOW) == "Europe/Amsterdam (CEST)"
    assert words.zone_called(ZoneInfo("UTC"), NOW) == "UTC"
    assert words.zone_called(ZoneInfo("America/Sao_Paulo"), NOW) == "America/Sao_Paulo"


@pytest.mark.parametrize(
    ("name", "letters"), [("Adele Vance", "AV"), ("admin", "AD"), ("Zoë 🏳️‍🌈 O’Connor", "ZO"), ("🦄", "?"), ("", "?")]
)
def test_initials_are_letters(name: str, letters: str) -> None:
    assert words.initials(name) == letters


def test_a_time_within_a_text_is_in_the_readers_zone() -> None:
    told = "last changed 2024-01-01 23:30 UTC"

    assert words.value(told, zone=ZoneInfo("Europe/Amsterdam")) == "last changed 2 Jan 2024, 00:30 CET"


def test_what_is_far_off_is_told_in_years() -> None:
    assert words.in_time(5 * 86_400) == "in 5 days"
    assert words.in_time(3 * 365 * 86_400) == "in 3 years"
    assert (
        spoken.name_of(Change("meetings organized in the next 1825 days")) == "Meetings organized in the next 5 years"
    )


def test_meetings_that_are_canceled_are_counted_and_can_be_named() -> None:
    assert words.kind_of(MEETINGS) == "remove"
    assert spoken.was_and_is(MEETINGS) == ("2 meetings", "canceled")
    assert spoken.members(MEETINGS) == ["Weekly", "Planning"]
    assert spoken.permanently(MEETINGS) == (
        "2 future meetings are canceled and those who were invited are e-mailed: Weekly, Planning."
    )


def test_evidence_keeps_what_a_line_cuts() -> None:
    long = Change("note", before="x" * 200, after="y")

    assert len(spoken.was_and_is(long)[0]) == spoken.LONGEST
    assert spoken.in_full(long) == ("x" * 200, "y")
    assert spoken.in_full(Change("accountEnabled", before=True, after=False)) == ("Enabled", "Blocked")


@pytest.mark.parametrize(("seconds", "said"), [(0.4, "0 s"), (59.9, "59 s"), (157, "2 min 37 s")])
def test_what_goes_on_is_told_in_whole_seconds(seconds: float, said: str) -> None:
    assert words.lasting(seconds) == said
