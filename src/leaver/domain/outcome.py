"""How tasks and offboardings end, and how the second follows from the first."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Outcome(StrEnum):
    """How one task stands."""

    PLANNED = "planned"
    VERIFIED = "verified"
    ALREADY_IN_PLACE = "already_in_place"
    NOT_APPLICABLE = "not_applicable"
    FOLLOW_UP = "follow_up"
    """Done as far as it can be, or not to be done from here; something is left for a person."""
    WAITING = "waiting"
    FAILED = "failed"
    UNVERIFIED = "unverified"
    """Microsoft accepted it and shows nothing that proves it."""
    BLOCKED = "blocked"
    CANCELLED = "cancelled"


class State(StrEnum):
    """How an offboarding stands."""

    PLANNED = "planned"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FOLLOW_UP = "follow_up"
    FAILED = "failed"
    CANCELLED = "cancelled"
    BLOCKED = "blocked"


def state_of(outcomes: Iterable[Outcome], *, started: bool = False) -> State:
    """The state that follows from the tasks' outcomes; never written by hand.

    `started` says whether the first change may have been made: before that a blocker holds everything, after it the
    tasks that are still to come make the offboarding *running*. A failure is not hidden by what it held up.
    """
    seen = set(outcomes)
    if not started and Outcome.BLOCKED in seen:
        return State.BLOCKED
    for outcome, state in (
        (Outcome.PLANNED, State.RUNNING if started else State.PLANNED),
        (Outcome.WAITING, State.WAITING),
        (Outcome.FAILED, State.FAILED),
        (Outcome.UNVERIFIED, State.FAILED),
        (Outcome.BLOCKED, State.BLOCKED),
        (Outcome.CANCELLED, State.CANCELLED),
        (Outcome.FOLLOW_UP, State.FOLLOW_UP),
    ):
        if outcome in seen:
            return state
    return State.COMPLETED
