"""What is kept of one offboarding: what was asked, what was planned, what was done and how it ended."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from leaver.domain.approval import Approval, Verdict
from leaver.domain.attempt import NextAttempt
from leaver.domain.errors import LeaverError
from leaver.domain.outcome import Outcome, State, state_of
from leaver.domain.people import Leaver, TenantName
from leaver.domain.plan import Change, Json, Note, NoteKind, Reversibility


@dataclass
class ChangeRecord:
    """A planned change and what became of it."""

    change: Change
    made_at: datetime | None = None
    """When Microsoft accepted it, on the service's clock."""
    verified_at: datetime | None = None
    """When it was first read back as done."""
    request_ids: list[str] = field(default_factory=list)
    """Microsoft's ids of the requests that made it."""
    error: str = ""
    """Why it was not made; the task's error has the details of the first one."""
    begun_at: datetime | None = None
    """Since when its answer is awaited: kept before the call is made, so that no change is made without a trace."""

    def as_json(self) -> dict[str, Json]:
        """The public shape."""
        change = self.change
        return {
            "what": change.what,
            "before": change.before,
            "after": change.after,
            "reversible": change.reversible,
            "reversibility": change.reversibility.value,
            "made_at": stamp(self.made_at),
            "verified_at": stamp(self.verified_at),
            "request_ids": list(self.request_ids),
            "error": self.error,
            "ref": dict(change.ref),
            "lane": change.lane,
        }

    def to_store(self) -> dict[str, Json]:
        """Everything, as plain values; `from_store` of the offboarding reads it."""
        return self.as_json() | ({} if self.begun_at is None else {"begun_at": stamp(self.begun_at)})


@dataclass(frozen=True)
class ErrorRecord:
    """What went wrong, for a technician, with Microsoft's own code and request id."""

    code: str
    message: str
    request_id: str = ""
    advice: str = ""
    service: str = ""
    status: int | None = None

    @classmethod
    def of(cls, error: LeaverError) -> ErrorRecord:
        """The record of an error."""
        code = error.code or type(error).__name__
        return cls(code, error.message, error.request_id, error.advice, error.service, error.status)


@dataclass
class TaskRecord:
    """One task of one offboarding."""

    task: str
    stage: str
    label: str = ""
    outcome: Outcome = Outcome.PLANNED
    changes: list[ChangeRecord] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    error: ErrorRecord | None = None
    estimate_seconds: float = 0.0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    facts_before: Json = None
    facts_after: Json = None
    next_attempt: NextAttempt | None = None
    """What it waits for, while Microsoft has to be asked again."""

    def as_json(self) -> dict[str, Json]:
        """The public shape."""
        again = {} if self.next_attempt is None else {"next_attempt": self.next_attempt.as_json()}
        return again | {
            "task": self.task,
            "stage": self.stage,
            "label": self.label,
            "outcome": self.outcome.value,
            "changes": [change.as_json() for change in self.changes],
            "notes": [note_json(note) for note in self.notes],
            "error": None if self.error is None else dataclasses.asdict(self.error),
            "estimate_seconds": round(self.estimate_seconds, 1),
            "started_at": stamp(self.started_at),
            "ended_at": stamp(self.ended_at),
        }


@dataclass(frozen=True)
class Pruned:
    """What is left of the content of an offboarding that was pruned."""

    state: str
    """The one that it ended in."""
    sha256: str
    """Of the evidence as it was."""


@dataclass
class Offboarding:
    """One run for one leaver."""

    id: str
    tenant: TenantName
    user: Leaver
    settings: dict[str, Json]
    requested_at: datetime
    """When this one was asked for."""
    asked_at: datetime
    """The moment that sessions and passwords are held against: an earlier offboarding's, while it is in force."""
    decisions: dict[str, str] = field(default_factory=dict)
    reference: str = ""
    asked_by: str = ""
    started: bool = False
    """Whether the first change may have been made."""
    ended_at: datetime | None = None
    digest: str = ""
    estimate_seconds: float = 0.0
    tasks: list[TaskRecord] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    people: dict[str, str] = field(default_factory=dict)
    """Colleagues as the settings name them, and the object id that each was resolved to."""
    placeholders: dict[str, str] = field(default_factory=dict)
    """What the texts of the settings are filled in with: as it was when this was accepted, and kept since."""
    kind: str = "offboarding"
    """`offboarding`, or `undo` of another one."""
    undo_of: str = ""
    at: datetime | None = None
    """When it is to start; empty: as soon as it was accepted."""
    time_zone: str = ""
    """In which it was scheduled, for people."""
    priority: int = 5
    """Lower goes first: 1 urgent, 5 usual, 10 bulk."""
    confirmed_digest: str = ""
    """The digest of the plan that a person saw and confirmed; empty: nobody saw one."""
    wake_at: datetime | None = None
    """When it is to be taken up again, while Microsoft needs time."""
    cancelled_at: datetime | None = None
    attempt: int = 0
    """How often a process has taken it up."""
    revision: int = 0
    """Rises with everything that is kept."""
    asked_via: str = "cli"
    asked_from: str = ""
    askers: list[str] = field(default_factory=list)
    """Everybody who asked for it or for more of it, and who made the tokens they asked with: none may approve it."""
    approval: Approval | None = None
    """What a second person must agree to; nothing: nobody has to."""
    notify: list[str] = field(default_factory=list)
    """How the request asked to be told of the end: `webhook`, `email`, `psa`."""
    report_to: list[str] = field(default_factory=list)
    """Mail addresses that get the report when it has ended."""

    full_scan: bool = False
    """Whether every mailbox is looked through for the leaver's rights, whatever the index of rights says."""
    pruned: Pruned | None = None
    """Set when its content was forgotten, and only its frame is left."""

    @property
    def awaits_approval(self) -> bool:
        """Whether it stands still until a second person has agreed."""
        return self.ended_at is None and self.approval is not None and self.approval.verdict is Verdict.PENDING

    @property
    def is_under_way(self) -> bool:
        """Whether it should be worked on as soon as nothing is waited for; not ended, not merely scheduled."""
        return self.ended_at is None and not self.awaits_approval and (self.started or self.at is None)

    @property
    def state(self) -> State:
        """What follows from the outcomes and the notes; what it was, once those are forgotten."""
        if self.pruned is not None:
            return State(self.pruned.state)
        undecided = any(note.kind is NoteKind.BLOCKER for note in self.notes)
        if undecided and not self.started:
            return State.BLOCKED
        if self.cancelled_at is not None and not self.started:
            return State.CANCELLED
        if not self.started and self.at is not None and self.ended_at is None:
            return State.SCHEDULED
        if not self.started and not self.tasks and self.ended_at is None:
            return State.PLANNED  # accepted, and not planned yet
        if self.started and self.awaits_approval:
            return State.WAITING
        return state_of((task.outcome for task in self.tasks), started=self.started)

    @property
    def permanent(self) -> list[Change]:
        """The planned changes that nobody can put back."""
        return [
            record.change
            for task in self.tasks
            for record in task.changes
            if record.change.reversibility is Reversibility.PERMANENT
        ]

    @property
    def blocked_sign_in(self) -> bool:
        """Whether it made sure that the account cannot sign in."""
        sure = (Outcome.VERIFIED, Outcome.ALREADY_IN_PLACE, Outcome.FOLLOW_UP)
        return any(task.task == "disable_sign_in" and task.outcome in sure for task in self.tasks)

    @property
    def closed_the_door(self) -> bool:
        """Whether the account could still sign in when it began, so that nothing earlier counts."""
        return any(task.task == "disable_sign_in" and any(c.made_at for c in task.changes) for task in self.tasks)

    def task(self, name: str) -> TaskRecord:
        """The record of a task."""
        return next(task for task in self.tasks if task.task == name)

    def as_json(self) -> dict[str, Json]:
        """The public shape of an offboarding."""
        left = {} if self.pruned is None else {"pruned": dataclasses.asdict(self.pruned)}
        return self._without_tasks() | {"tasks": [task.as_json() for task in self.tasks]} | left

    def _without_tasks(self) -> dict[str, Json]:
        return {
            "id": self.id,
            "state": self.state.value,
            "user": {"id": self.user.id, "upn": self.user.upn, "display_name": self.user.display_name},
            "kind": self.kind,
            "undo_of": self.undo_of,
            "reference": self.reference,
            "at": stamp(self.at),
            "time_zone": self.time_zone,
            "priority": self.priority,
            "requested_at": stamp(self.requested_at),
            "asked_at": stamp(self.asked_at),
            "asked_by": self.asked_by,
            "asked_via": self.asked_via,
            "wake_at": stamp(self.wake_at),
            "cancelled_at": stamp(self.cancelled_at),
            "ended_at": stamp(self.ended_at),
            "approval": None if self.approval is None else self.approval.as_json(),
            "digest": self.digest,
            "estimate_seconds": round(self.estimate_seconds, 1),
            "settings": self.settings,
            "decisions": dict(self.decisions),
            "full_scan": self.full_scan,
            "notify": list(self.notify),
            **({"report_to": list(self.report_to)} if self.report_to else {}),
            "notes": [note_json(note) for note in self.notes],
        }

    def to_store(self) -> dict[str, Json]:
        """Everything, as plain values; `from_store` reads it."""
        document = self.head_to_store()
        document["tasks"] = [task.as_json() for task in self.tasks]
        document["facts"] = {task.task: [task.facts_before, task.facts_after] for task in self.tasks}
        return document

    def head_to_store(self) -> dict[str, Json]:
        """Everything but its tasks, as plain values."""
        document = self._without_tasks()
        document["tenant"] = dataclasses.asdict(self.tenant)
        document["started"] = self.started
        document["people"] = dict(self.people)
        if self.placeholders:
            document["placeholders"] = dict(self.placeholders)
        document["confirmed_digest"] = self.confirmed_digest
        document["attempt"] = self.attempt
        document["revision"] = self.revision
        document["asked_from"] = self.asked_from
        document["askers"] = list(self.askers)
        return document

    @classmethod
    def from_store(cls, document: Mapping[str, Any]) -> Offboarding:
        """The offboarding that `to_store` wrote."""
        facts = document["facts"]
        return cls(
            id=document["id"],
            tenant=TenantName(**document["tenant"]),
            user=Leaver(**document["user"]),
            settings=document["settings"],
            requested_at=moment(document["requested_at"]),
            asked_at=moment(document["asked_at"]),
            decisions=document["decisions"],
            reference=document["reference"],
            asked_by=document["asked_by"],
            started=document["started"],
            ended_at=maybe_moment(document["ended_at"]),
            digest=document["digest"],
            estimate_seconds=document["estimate_seconds"],
            tasks=[_task(task, *facts.get(task["task"], (None, None))) for task in document["tasks"]],
            notes=[_note(note) for note in document["notes"]],
            people=document["people"],
            placeholders=document.get("placeholders", {}),
            kind=document["kind"],
            undo_of=document["undo_of"],
            at=maybe_moment(document["at"]),
            time_zone=document["time_zone"],
            priority=document["priority"],
            confirmed_digest=document["confirmed_digest"],
            wake_at=maybe_moment(document["wake_at"]),
            cancelled_at=maybe_moment(document["cancelled_at"]),
            attempt=document["attempt"],
            revision=document["revision"],
            asked_via=document["asked_via"],
            asked_from=document["asked_from"],
            askers=document.get("askers", []),
            approval=Approval.from_json(document.get("approval")),
            notify=list(document.get("notify", [])),
            report_to=list(document.get("report_to", [])),
            full_scan=document.get("full_scan", False),
            pruned=Pruned(**document["pruned"]) if document.get("pruned") else None,
        )


def document(tenant: TenantName, offboardings: Iterable[Offboarding], digest: str) -> dict[str, Json]:
    """The JSON of `plan`, `offboard` and `status`: a tenant and its offboardings."""
    return {
        "tenant": {"id": tenant.id, "domain": tenant.domain, "name": tenant.name},
        "digest": digest,
        "offboardings": [offboarding.as_json() for offboarding in offboardings],
    }


def note_json(note: Note) -> dict[str, Json]:
    """The public shape of a note."""
    return {
        "kind": note.kind.value,
        "code": note.code,
        "text": note.text,
        "choices": list(note.choices),
        "about": note.about,
    }


def plain(value: Any) -> Json:
    """Facts as plain values: what JSON can hold."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=str)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def stamp(value: datetime | None) -> str | None:
    """ISO 8601 in UTC with milliseconds and a Z."""
    if value is None:
        return None
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """The moment that `stamp` wrote."""
    return datetime.fromisoformat(text)


def maybe_moment(text: str | None) -> datetime | None:
    """The moment that `stamp` wrote, if there was one."""
    return None if text is None else moment(text)


def _task(document: Mapping[str, Any], before: Json, after: Json) -> TaskRecord:
    return TaskRecord(
        task=document["task"],
        stage=document["stage"],
        label=document["label"],
        outcome=Outcome(document["outcome"]),
        changes=[_change(change) for change in document["changes"]],
        notes=[_note(note) for note in document["notes"]],
        error=None if document["error"] is None else ErrorRecord(**document["error"]),
        estimate_seconds=document["estimate_seconds"],
        started_at=maybe_moment(document["started_at"]),
        ended_at=maybe_moment(document["ended_at"]),
        facts_before=before,
        facts_after=after,
        next_attempt=NextAttempt.from_json(document.get("next_attempt")),
    )


def _change(document: Mapping[str, Any]) -> ChangeRecord:
    return ChangeRecord(
        Change(
            what=document["what"],
            before=document["before"],
            after=document["after"],
            ref=document["ref"],
            reversibility=Reversibility(document["reversibility"]),
            lane=document["lane"],
        ),
        made_at=maybe_moment(document["made_at"]),
        verified_at=maybe_moment(document["verified_at"]),
        request_ids=document["request_ids"],
        error=document["error"],
        begun_at=maybe_moment(document.get("begun_at")),
    )


def _note(document: Mapping[str, Any]) -> Note:
    kind, about = NoteKind(document["kind"]), document.get("about", "")
    return Note(kind, document["code"], document["text"], tuple(document["choices"]), about)
