"""What others are told of an offboarding: the events, and what each carries. Never a secret, a setting or a fact."""

from __future__ import annotations

from collections import Counter

from leaver.domain.offboarding import Offboarding, stamp
from leaver.domain.outcome import Outcome, State
from leaver.domain.plan import Json, NoteKind

ACCEPTED = "offboarding.accepted"
FINISHED = "offboarding.finished"
FAILED = "offboarding.failed"
FOLLOW_UP_DUE = "offboarding.follow_up_due"
APPROVAL_NEEDED = "offboarding.approval_needed"
REPORT = "offboarding.report"
"""The report goes by mail to somebody whom a person named. Nobody can subscribe to it."""
TEST = "leaver.test"
"""Sent only when somebody asks for it, to one target."""
EVENTS = {
    ACCEPTED: "An offboarding was accepted",
    FINISHED: "An offboarding has ended, and nothing failed",
    FAILED: "An offboarding failed or was blocked",
    FOLLOW_UP_DUE: "An offboarding leaves something for a person to do",
    APPROVAL_NEEDED: "An offboarding waits for a second person to approve it",
}
"""What can be subscribed to, in words."""
ENDINGS = (FINISHED, FAILED)
USUAL = (FINISHED, FAILED, APPROVAL_NEEDED)
"""What people are told of, unless they choose."""
CHANNELS: dict[str, tuple[str, ...]] = {
    "webhook": ("webhook", "service"),
    "email": ("email",),
    "psa": ("webhook",),
}
"""How a request can ask to be told of its end, and the kinds of targets that are told then in any case."""


def news_of_end(record: Offboarding) -> list[str]:
    """The events of an offboarding that has just ended."""
    ending = FAILED if record.state in (State.FAILED, State.BLOCKED) else FINISHED
    return [ending, FOLLOW_UP_DUE] if follow_ups_of(record) else [ending]


def news_of_acceptance(record: Offboarding) -> list[str]:
    """The events of an offboarding that has just been accepted."""
    return [ACCEPTED, APPROVAL_NEEDED] if record.awaits_approval else [ACCEPTED]


def told(record: Offboarding, portal: str = "") -> dict[str, Json]:
    """What an event carries. `portal` is the address under which people open Leaver."""
    return {
        "id": record.id,
        "kind": record.kind,
        "undo_of": record.undo_of,
        "state": record.state.value,
        "tenant": {"id": record.tenant.id, "domain": record.tenant.domain, "name": record.tenant.name},
        "user": {"id": record.user.id, "upn": record.user.upn, "display_name": record.user.display_name},
        "reference": record.reference,
        "asked_by": record.asked_by,
        "requested_at": stamp(record.requested_at),
        "at": stamp(record.at),
        "ended_at": stamp(record.ended_at),
        "outcomes": dict(Counter(task.outcome.value for task in record.tasks)),
        "follow_ups": follow_ups_of(record),
        "problems": _problems(record),
        "approval_needed": list(record.approval.reasons.values()) if record.approval and record.awaits_approval else [],
        "url": f"{portal}/offboardings/{record.id}",
    }


def follow_ups_of(record: Offboarding) -> list[Json]:
    """What an offboarding leaves for a person: the task and a sentence."""
    return [
        {"task": task.task, "label": task.label or task.task, "text": note.text}
        for task in record.tasks
        for note in task.notes
        if note.kind is NoteKind.FOLLOW_UP
    ]


def _problems(record: Offboarding) -> list[Json]:
    """What went wrong or stands in the way, each with Microsoft's own code where there is one."""
    found: list[Json] = [
        {"task": "", "label": "", "code": note.code, "text": note.text, "advice": ""}
        for note in record.notes
        if note.kind is NoteKind.BLOCKER
    ]
    for task in record.tasks:
        label = task.label or task.task
        if task.error is not None and task.outcome in (Outcome.FAILED, Outcome.UNVERIFIED, Outcome.BLOCKED):
            error = task.error
            said: Json = {"code": error.code, "text": error.message, "advice": error.advice}
            found.append({"task": task.task, "label": label, **said})  # type: ignore[dict-item]
        found += [
            {"task": task.task, "label": label, "code": note.code, "text": note.text, "advice": ""}
            for note in task.notes
            if note.kind is NoteKind.BLOCKER and task.outcome is Outcome.BLOCKED
        ]
    return found
