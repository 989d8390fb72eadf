"""The first look of a task beside the last look of the one before it."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any, cast

import pytest

from leaver.domain.errors import Unavailable
from leaver.domain.plan import Change
from leaver.offboarding.planner import Planned, Seen
from leaver.offboarding.run import Course
from leaver.offboarding.settle import STALE, Look


class Step:
    """Stands in for a task that finds what it is told to find."""

    needs: tuple[str, ...] = ()

    def __init__(
        self, name: str, after: tuple[str, ...] = (), facts: object = "work", follows: tuple[str, ...] = ()
    ) -> None:
        self.name, self.after, self.facts, self.follows = name, after, facts, follows
        self.looks = 0

    async def inspect(self) -> object:
        self.looks += 1
        await asyncio.sleep(0)
        if isinstance(self.facts, Exception):
            raise self.facts
        return self.facts

    def plan(self, facts: object) -> list[Change]:
        return [Change(str(facts))] if facts else []


class Plan:
    """Stands in for a planned offboarding."""

    def __init__(self, *steps: Step) -> None:
        self.types = {step.name: step for step in steps}
        self.seen: dict[str, Seen] = {}

    def make(self, name: str) -> Step:
        return self.types[name]


def two(facts: object = "work") -> tuple[Course, Step]:
    """A course of two tasks, and the second of them."""
    second = Step("second", ("first",), facts)
    return Course(cast("Planned", Plan(Step("first"), second))), second


def two_in_step(facts: object = "work") -> tuple[Course, Step]:
    """A course of two tasks, of which the second waits only for the changes of the first."""
    second = Step("second", facts=facts, follows=("first",))
    return Course(cast("Planned", Plan(Step("first"), second))), second


async def turns(count: int = 10) -> None:
    """Let everything go on that can."""
    for _ in range(count):
        await asyncio.sleep(0)


def waiting(course: Course, **options: Any) -> asyncio.Task[Look | None]:
    return asyncio.create_task(course.turn_of("second", look=options.get("look", True)))


async def test_the_first_look_is_taken_beside_the_last_one_of_the_task_before() -> None:
    course, second = two()
    turn = waiting(course)
    await turns()
    assert second.looks == 0

    course.checking("first", True)
    await turns()
    assert second.looks == 1
    assert not turn.done()

    course.ended("first")
    look = await turn
    assert look is not None
    assert look.facts == "work"


async def test_an_early_look_is_forgotten_when_the_task_before_needs_longer() -> None:
    course, second = two()
    turn = waiting(course)
    course.checking("first", True)
    await turns()
    course.checking("first", False)
    await turns()
    second.facts = "other work"
    course.checking("first", True)
    await turns()
    course.ended("first")

    look = await turn
    assert look is not None
    assert look.facts == "other work"
    assert second.looks == 2


@pytest.mark.parametrize("facts", ["", Unavailable("Busy.", code="busy")])
async def test_an_early_look_without_work_or_with_an_error_is_not_believed(facts: object) -> None:
    course, second = two(facts)
    turn = waiting(course)
    course.checking("first", True)
    await turns()
    course.ended("first")

    assert await turn is None
    assert second.looks == 1


async def test_a_task_that_goes_on_looks_only_when_its_turn_has_come() -> None:
    course, second = two()
    turn = waiting(course, look=False)
    course.checking("first", True)
    await turns()
    course.ended("first")

    assert await turn is None
    assert second.looks == 0


async def test_a_task_with_nothing_before_it_does_not_wait() -> None:
    course, _ = two()
    assert await asyncio.wait_for(course.turn_of("first", look=True), 1) is None


async def test_a_follower_looks_at_once_and_begins_when_the_changes_are_accepted() -> None:
    course, second = two_in_step()
    turn = waiting(course)
    await turns()
    assert second.looks == 1
    assert not turn.done()

    course.checking("first", True)  # a look of the first one is no word of Microsoft's
    await turns()
    assert not turn.done()

    course.accepted("first")
    look = await turn
    assert look is not None
    assert second.looks == 1


async def test_a_follower_begins_when_the_task_before_it_ends_without_a_change() -> None:
    course, _ = two_in_step()
    turn = waiting(course)
    await turns()

    course.ended("first")

    assert await turn is not None


async def test_a_follower_that_found_nothing_looks_again_in_its_turn() -> None:
    course, _ = two_in_step(facts="")
    turn = waiting(course)
    course.accepted("first")

    assert await turn is None


@pytest.mark.parametrize(("facts", "age", "looks"), [("work", 1.0, 0), ("work", STALE + 1.0, 1), ("", 1.0, 1)])
async def test_the_look_of_the_plan_serves_while_it_is_fresh_and_finds_work(facts: str, age: float, looks: int) -> None:
    second = Step("second", follows=("first",))
    plan = Plan(Step("first"), second)
    plan.seen["second"] = Seen(facts, monotonic() - age)
    course = Course(cast("Planned", plan))
    turn = waiting(course)
    await turns()
    assert not turn.done()

    course.accepted("first")

    assert (await turn) is not None
    assert second.looks == looks


async def test_what_comes_behind_the_end_of_another_task_is_not_begun_from_the_plan() -> None:
    """Licenses go only after the mailbox was read back, and by what is seen then."""
    second = Step("second", ("first",))
    plan = Plan(Step("first"), second)
    plan.seen["second"] = Seen("work", monotonic())
    course = Course(cast("Planned", plan))
    turn = waiting(course)
    course.ended("first")

    assert await turn is None
