"""What a task says while Microsoft has to be asked again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from leaver.domain.actor import Actor
from leaver.domain.attempt import NextAttempt
from leaver.domain.errors import LeaverError, NotFound, Throttled, Unavailable, Uncertain
from leaver.domain.offboarding import Offboarding
from leaver.offboarding import desk as doors
from leaver.offboarding import words
from leaver.offboarding.attempts import why
from leaver.offboarding.drive import drive
from leaver.offboarding.run import Event
from leaver.offboarding.settle import Stop
from m365_simulator.faults import Behaviour, Fault
from support import Desk

ADA = "ada@contoso.example"
NOW = datetime(2026, 6, 11, 12, 0, tzinfo=UTC)


class Seen:
    """What was told of waits, and how the record stood at that moment."""

    def __init__(self, stop: Stop | None = None) -> None:
        self.texts: list[str] = []
        self.attempts: list[NextAttempt] = []
        self.stop = stop

    def __call__(self, event: Event, /) -> None:
        if event.task is None or event.task.next_attempt is None:
            return
        self.texts.append(event.text)
        self.attempts.append(event.task.next_attempt)
        if self.stop is not None:
            self.stop.set()


async def test_a_wait_of_the_connection_is_told_with_its_time_and_over_when_it_is_over(
    desk: Desk, behaviour: Behaviour
) -> None:
    behaviour.faults.append(Fault(match="PATCH /users", status=429, headers={"Retry-After": "3"}, times=1))
    seen = Seen()

    (result,) = await desk.offboard(ADA, settings={"disable_sign_in": True}, on_event=seen)

    assert seen.texts == ["Microsoft Graph is busy (429). Attempt 2 in 3 s"]
    assert "next_attempt" not in str(result.to_store())


async def test_a_wait_between_two_attempts_says_which_of_how_many(desk: Desk, behaviour: Behaviour) -> None:
    """Longer than the connection waits by itself, so that the task does."""
    behaviour.faults.append(Fault(match="PATCH /users", status=429, headers={"Retry-After": "130"}, times=None))
    stop = Stop()
    seen = Seen(stop)

    await desk.offboard(ADA, settings={"disable_sign_in": True}, on_event=seen, stop=stop)

    assert (seen.attempts[0].number, seen.attempts[0].of) == (2, 5)
    assert seen.texts[0] == "Microsoft Graph is busy (429). Attempt 2 of 5 in 2 min 10 s"


async def test_who_looks_in_the_middle_is_told_the_same(desk: Desk, behaviour: Behaviour) -> None:
    behaviour.faults.append(Fault(match="PATCH /users", status=429, headers={"Retry-After": "3"}, times=1))
    kept: list[Offboarding] = []

    def look(event: Event) -> None:
        if event.task is not None and event.task.next_attempt is not None:
            kept.append(Offboarding.from_store(event.offboarding.to_store()))

    await desk.offboard(ADA, settings={"disable_sign_in": True}, on_event=look)

    attempt = kept[0].task("disable_sign_in").next_attempt
    assert attempt is not None
    assert words.which_attempt(attempt) == "Attempt 2"


async def test_an_undo_says_it_too(desk: Desk, behaviour: Behaviour) -> None:
    (done,) = await desk.offboard(ADA, settings={"disable_sign_in": True})
    undo = await doors.Desk(desk.house).undo(done.id, Actor("tests", "cli"))
    behaviour.faults.append(Fault(match="PATCH /users", status=429, headers={"Retry-After": "3"}, times=1))
    seen = Seen()

    await drive(desk.house, undo.id, owner="w1", look_again=desk.look_again, tell=seen)

    assert seen.texts == ["Microsoft Graph is busy (429). Attempt 2 in 3 s"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Throttled("x", status=429, service="exchange"), "Exchange is busy (429)"),
        (Unavailable("x", status=503, service="graph"), "Microsoft Graph cannot answer now (503)"),
        (Unavailable("x", service="sharepoint"), "SharePoint did not answer"),
        (Uncertain("x", service="exchange"), "Exchange did not confirm the change"),
        (NotFound("x", status=404, service="graph"), "Microsoft Graph does not show it yet (404)"),
    ],
)
def test_why_is_a_few_words(error: LeaverError, said: str) -> None:
    assert why(error) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(17.2, "in 18 s"), (0, "now"), (-4, "now"), (59.5, "in 1 min 00 s"), (125, "in 2 min 05 s")]
)
def test_the_time_is_counted_in_seconds(seconds: float, said: str) -> None:
    attempt = NextAttempt("Exchange is busy (429)", 3, 5, NOW + timedelta(seconds=seconds))

    assert words.next_attempt(attempt, NOW) == f"Exchange is busy (429). Attempt 3 of 5 {said}"
