"""What the run page says about its tasks, and in which time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from leaver.domain.actor import Actor
from leaver.domain.attempt import NextAttempt
from leaver.domain.offboarding import ChangeRecord, Offboarding, TaskRecord
from leaver.domain.outcome import Outcome
from leaver.domain.people import Leaver, TenantName
from leaver.domain.plan import Change
from leaver.offboarding.desk import Desk, Request
from leaver.web import progress
from leaver.wiring import House
from m365_simulator.world import World
from web.conftest import Browser

START = datetime(2026, 6, 11, 12, 0, tzinfo=UTC)


def record(*tasks: TaskRecord, ended: bool = False) -> Offboarding:
    """One with these tasks, under way."""
    made = Offboarding("o1", TenantName("t", "t.example", "T"), Leaver("u", "u@t.example", "U"), {}, START, START)
    made.tasks, made.started, made.ended_at = list(tasks), True, START + timedelta(minutes=5) if ended else None
    return made


def task(name: str, outcome: Outcome = Outcome.PLANNED, *changes: ChangeRecord, started: bool = False) -> TaskRecord:
    """A task."""
    begun = START if started else None
    return TaskRecord(name, "clear_out", name, outcome, list(changes), started_at=begun)


CHANGE = Change("what", before="a", after="b")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ([], "Running"),
        ([ChangeRecord(CHANGE, error="Exchange is busy (429).")], "Retrying"),
        ([ChangeRecord(CHANGE, made_at=START)], "Done, checking"),
    ],
)
def test_a_task_at_work_says_what_it_does(changes: list[ChangeRecord], word: str) -> None:
    at_work = task("remove_groups", Outcome.PLANNED, *changes, started=True)

    assert progress.look(record(at_work), at_work).word == word


def test_a_task_that_asks_microsoft_again_is_retrying_whatever_it_did_before() -> None:
    at_work = task("remove_groups", Outcome.PLANNED, ChangeRecord(CHANGE, made_at=START), started=True)
    at_work.next_attempt = NextAttempt("Exchange is busy (429)", 3, 5, START)

    assert progress.look(record(at_work), at_work).word == "Retrying"


def test_a_task_ahead_says_what_it_waits_for() -> None:
    licenses, convert = task("remove_licenses"), task("convert_to_shared", started=True)

    assert progress.waits_for(record(convert, licenses), licenses) == ["convert_to_shared"]
    assert progress.look(record(licenses), licenses).word == "Waiting"


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ([task("a", Outcome.ALREADY_IN_PLACE), task("b", Outcome.NOT_APPLICABLE)], "Nothing to do"),
        ([task("a"), task("b", Outcome.FOLLOW_UP)], "Waiting"),
        ([task("a", Outcome.VERIFIED), task("b", Outcome.ALREADY_IN_PLACE)], "1 of 1 verified"),
        ([task("a", Outcome.VERIFIED), task("b", Outcome.FAILED)], "1 of 2 verified, 1 failed"),
    ],
)
def test_a_tally_counts_what_had_something_to_do(tasks: list[TaskRecord], said: str) -> None:
    assert progress.tally(tasks) == said


def test_the_timeline_stays_within_its_frame() -> None:
    slow = task("remove_groups", Outcome.FAILED, started=True)
    slow.ended_at = START + timedelta(minutes=4)
    ahead = task("remove_licenses")
    ahead.estimate_seconds = 30

    line = progress.timeline(record(slow, ahead), START + timedelta(minutes=5))

    assert line is not None
    assert [bar.kind for _, bars in line.rows for bar in bars] == ["fail", "wait"]
    assert all(bar.x >= 0 and bar.x + bar.width <= 100.01 for _, bars in line.rows for bar in bars)
    assert "1 failed" in line.sentence


def test_nothing_has_run_before_the_first_task_starts() -> None:
    assert progress.timeline(record(task("remove_groups"))) is None


async def test_a_zone_that_is_none_is_utc_and_a_choice_beats_the_browser(browser: Browser) -> None:
    browser.client.cookies.set("browser-zone", "../../etc/passwd")
    odd = await browser.open("/settings/appearance")
    browser.client.cookies.set("browser-zone", "Asia/Tokyo")
    tokyo = await browser.open("/settings/appearance")
    await browser.post("/settings/appearance", theme="system", zone="Europe/Amsterdam")

    assert 'data-zone="UTC"' in odd
    assert 'data-zone="Asia/Tokyo"' in tokyo
    assert "Europe/Amsterdam (CE" in browser.html
    assert "data-zone=" not in browser.html


async def test_a_run_that_waits_says_until_when(browser: Browser, house: House) -> None:
    made = record(task("remove_licenses", started=True))
    made.wake_at = START + timedelta(minutes=3)
    await house.offboardings.add(made)

    await browser.open(f"/offboardings/{made.id}")

    assert "It waits for Microsoft and goes on at" in browser.html


async def test_a_scheduled_run_says_when_it_starts_without_a_zone_of_its_own(browser: Browser, house: House) -> None:
    made = record(task("remove_licenses"))
    made.started, made.at, made.time_zone = False, datetime(2099, 6, 12, 15, 30, tzinfo=UTC), ""
    await house.offboardings.add(made)

    await browser.open(f"/offboardings/{made.id}")

    assert "Fri 12 Jun, 15:30 UTC. Confirmed by" in browser.html


async def test_what_was_pruned_says_so_and_offers_nothing(browser: Browser, house: House, world: World) -> None:
    asked = Request(world.id, ["ada@contoso.example"], {"disable_sign_in": True})
    (made,) = await Desk(house).submit(asked, Actor("Tess"))
    made.started, made.ended_at = True, datetime.now(UTC)
    made.tasks[0].outcome = Outcome.FAILED
    await house.offboardings.save(made)
    await house.offboardings.prune(datetime.now(UTC) + timedelta(days=1), lambda _: "5ea1ed", Actor("Tess"))

    await browser.open(f"/offboardings/{made.id}")

    assert "Pruned: its content is forgotten" in browser.html
    assert "It had ended as failed" in browser.html
    assert "5ea1ed" in browser.html
    assert "/retry" not in browser.html
    assert f"/offboardings/{made.id}/report" not in browser.html
