"""Asks before anything is changed: a name where something is permanent, otherwise yes or no."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import click

from leaver.domain.errors import Unusable
from leaver.domain.offboarding import Offboarding
from leaver.domain.plan import Reversibility
from leaver.offboarding.words import counted, listed, sentence

TRIES = 3
NAMES_AT_MOST = 3
"""More users than this with something permanent, and their number is typed instead of each name."""


@dataclass(frozen=True)
class Question:
    """What is asked, and what must be typed; empty `expected` means yes or no."""

    lines: tuple[str, ...]
    prompt: str
    expected: str = ""


def questions(offboardings: Sequence[Offboarding]) -> list[Question]:
    """All that must be answered before these offboardings start."""
    permanent = [offboarding for offboarding in offboardings if offboarding.permanent]
    users = counted(len(offboardings), "user")
    if not permanent:
        names = listed(offboarding.user.display_name for offboarding in offboardings[:10])
        more = f" and {len(offboardings) - 10} more" if len(offboardings) > 10 else ""
        return [Question((), f"Offboard {users} of {_tenant(offboardings)}: {names}{more}?")]
    title = "Confirm: part of this plan is permanent"
    if len(permanent) > NAMES_AT_MOST:
        expected = f"offboard {users}"
        return [Question((title, *_of_many(permanent)), f"Type {expected} to confirm", expected)]
    warned = tuple(line for offboarding in permanent for line in _cannot_be_undone(offboarding))
    return [
        Question(
            (title, *warned) if index == 0 else (),
            f"Type {offboarding.user.display_name} to confirm",
            offboarding.user.display_name,
        )
        for index, offboarding in enumerate(permanent)
    ]


def confirm(offboardings: Sequence[Offboarding], say: Callable[[str], None]) -> None:
    """Ask a person; unusable when nobody is there, or when the answer is no."""
    if not sys.stdin.isatty():
        raise Unusable(
            "Nobody is here to confirm the plan, since standard input is not a terminal.",
            "not_confirmed",
            advice="Nothing was changed. Review the plan with `leaver plan`, then add --yes.",
        )
    for question in questions(offboardings):
        for line in question.lines:
            say(line)
        if not _answered(question, say):
            raise Unusable("Not confirmed.", "not_confirmed", advice="Nothing was changed.")


def _answered(question: Question, say: Callable[[str], None]) -> bool:
    if not question.expected:
        return click.confirm(question.prompt, err=True)
    for _ in range(TRIES):
        typed: str = click.prompt(question.prompt, default="", show_default=False, err=True)
        if typed.strip() == question.expected:
            return True
        if not typed.strip():
            return False
        say(
            f"Type the name exactly: {question.expected}"
            if "offboard " not in question.expected
            else f"Type exactly: {question.expected}"
        )
    return False


def _cannot_be_undone(offboarding: Offboarding) -> list[str]:
    changes = offboarding.permanent
    head = (
        f"For {offboarding.user.display_name}, {'this' if len(changes) == 1 else 'these'} cannot be undone by anyone:"
    )
    return [head, *(f"  {sentence(change)}" for change in changes)]


def _of_many(offboardings: Sequence[Offboarding]) -> list[str]:
    """The permanent changes of many users, task by task."""
    changes: dict[str, int] = {}
    users: dict[str, set[str]] = {}
    for offboarding in offboardings:
        for task in offboarding.tasks:
            if number := sum(record.change.reversibility is Reversibility.PERMANENT for record in task.changes):
                label = task.label or task.task
                changes[label] = changes.get(label, 0) + number
                users.setdefault(label, set()).add(offboarding.user.id)
    lines = [
        f"  {label}: {counted(number, 'change')} for {counted(len(users[label]), 'user')}"
        for label, number in changes.items()
    ]
    return [f"For {counted(len(offboardings), 'user')}, these cannot be undone by anyone:", *lines]


def _tenant(offboardings: Sequence[Offboarding]) -> str:
    tenant = offboardings[0].tenant
    return tenant.name or tenant.domain or tenant.id
