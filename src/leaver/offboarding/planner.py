"""All tasks' plans for each leaver: the preview that a person confirms. It reads and writes nothing."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from types import MappingProxyType

from leaver.domain.errors import LeaverError, SignInRefused, Unavailable
from leaver.domain.offboarding import ChangeRecord, ErrorRecord, Offboarding, TaskRecord, document, plain
from leaver.domain.outcome import Outcome
from leaver.domain.people import TenantName
from leaver.domain.plan import Awaiting, Change, Json, NotApplicable, Note, NoteKind, PlanItem, blocker, info, warning
from leaver.m365.tenant import Tenant
from leaver.offboarding import conflicts
from leaver.offboarding.intake import House, Opened
from leaver.offboarding.readiness import granted_for, lacking
from leaver.offboarding.together import some_at_once
from leaver.tasks.catalogue import all_tasks, in_order, waits_for
from leaver.tasks.task import Context, Task, TaskType

SECONDS_TO_READ_BACK = 1.0


@dataclass(frozen=True)
class Seen:
    """The facts of a task."""

    facts: object
    began: float
    """When the reading began, on the monotonic clock."""


@dataclass(frozen=True)
class Planned:
    """An opened offboarding, its plan, and the tenant as its tasks see it."""

    opened: Opened
    tenant: Tenant
    types: dict[str, TaskType]
    seen: dict[str, Seen] = field(default_factory=dict)
    """What the plan was made from, by task; whoever carries it out at once need not look again."""

    @property
    def record(self) -> Offboarding:
        """What is kept of it."""
        return self.opened.record

    def make(
        self, name: str, accepted: Iterable[str] = (), begun: Mapping[str, Change] = MappingProxyType({})
    ) -> Task[object]:
        """A task with an empty memory of reads."""
        return self.make_in(self.tenant.fresh(), name, accepted, begun)

    def make_in(
        self,
        tenant: Tenant,
        name: str,
        accepted: Iterable[str] = (),
        begun: Mapping[str, Change] = MappingProxyType({}),
    ) -> Task[object]:
        """A task that shares what was read with the others of this tenant object."""
        opened = self.opened
        context = Context(
            asked_at=self.record.asked_at,
            decisions=self.record.decisions,
            chosen=frozenset(opened.chosen),
            people=opened.people,
            placeholders=self.record.placeholders,
            accepted=opened.accepted | frozenset(accepted),
            begun=begun,
        )
        return self.types[name](tenant, self.record.user, opened.chosen[name], context)


@dataclass(frozen=True)
class Preview:
    """What would happen, for every leaver of one request."""

    tenant: TenantName
    planned: Sequence[Planned]
    digest: str

    @property
    def offboardings(self) -> list[Offboarding]:
        """The records."""
        return [item.record for item in self.planned]

    @property
    def blocked(self) -> bool:
        """Whether anything must be resolved before the first change."""
        return any(record.state.value == "blocked" for record in self.offboardings)

    @property
    def unreachable(self) -> bool:
        """Whether a service did not answer, so that the plan is incomplete."""
        return any(task.error and task.error.code == UNREACHABLE for r in self.offboardings for task in r.tasks)

    def only(self, keep: Callable[[Offboarding], bool]) -> Preview:
        """The part of it that is about these offboardings."""
        planned = [item for item in self.planned if keep(item.record)]
        return Preview(self.tenant, planned, _digest(item.record.digest for item in planned))

    def as_json(self) -> dict[str, Json]:
        """The JSON of `leaver plan`."""
        return document(self.tenant, self.offboardings, self.digest)


UNREACHABLE = "service_unavailable"
PLANNED_AT_ONCE = 200
"""Leavers of one request whose plans are made side by side: enough to fill every batch."""


async def preview(house: House, opened: Sequence[Opened], *, progress: Callable[[str], None] | None = None) -> Preview:
    """Plans of all tasks of all leavers, read side by side.

    A service that refuses the sign-in for everything stops at once; a task that cannot be planned is a blocker.
    """
    planned = [planned_for(house, item) for item in opened]
    await some_at_once((_plan_one(item, progress) for item in planned), PLANNED_AT_ONCE)
    await some_at_once((_warn_of_missing_permissions(house, item) for item in planned), PLANNED_AT_ONCE)
    records = [item.record for item in planned]
    return Preview(records[0].tenant, planned, _digest(record.digest for record in records))


def planned_for(house: House, opened: Opened) -> Planned:
    """An opened offboarding with the tenant as its tasks see it; nothing is read yet."""
    record = opened.record
    max_age = timedelta(hours=house.config.rights_index_max_hours)
    index = None if record.full_scan else house.rights.of(record.tenant.id, max_age)
    # Where this offboarding has changed something is looked at, whatever the index says.
    made = [each for task in record.tasks for each in task.changes if each.made_at is not None or record.undo_of]
    always = {str(each.change.ref.get("id", "")) for each in made}
    tenant = house.doorway(record.tenant.id).acting_on(record.user, index, always)
    return Planned(opened, tenant, {task.name: task for task in in_order(all_tasks()) if task.name in opened.chosen})


async def _plan_one(planned: Planned, progress: Callable[[str], None] | None) -> None:
    record, opened = planned.record, planned.opened
    reading = planned.tenant.fresh()
    record.tasks = await asyncio.gather(*(_plan_task(planned, reading, name) for name in planned.types))
    record.notes = [note for note in record.notes if note.code == "user_renamed"]
    record.notes += conflicts.warnings(opened.chosen, opened.people, blocked=not opened.user.account_enabled)
    record.notes += _about_decisions(record)
    record.estimate_seconds = _longest_path(planned)
    record.digest = _digest(_digest_lines(record))
    if progress is not None:
        progress(record.user.display_name)


async def _warn_of_missing_permissions(house: House, planned: Planned) -> None:
    """Say beforehand what Microsoft will refuse; only of tasks that have something to do or could not be read."""
    record = planned.record
    granted = await granted_for(house, record.tenant.id, planned.types.values())
    tenant = record.tenant.name or record.tenant.domain or record.tenant.id
    for task in record.tasks:
        missing, _ = lacking(planned.types[task.task], granted, tenant)
        if missing and (task.changes or task.error):
            names = ", ".join(each.name for each in missing)
            where = " ".join(dict.fromkeys(each.where for each in missing))
            text = f"The app does not hold {names}, so Microsoft will probably refuse this. {where}"
            task.notes = [*task.notes, warning("missing_permission", text)]


async def _plan_task(planned: Planned, reading: Tenant, name: str) -> TaskRecord:
    task = planned.make_in(reading, name)
    record, began = TaskRecord(name, task.stage, task.option.label), monotonic()
    try:
        facts = await task.inspect()
        items = list(task.plan(facts))
    except SignInRefused as error:
        if error.service == "graph":
            raise
        cannot_be_planned(record, error, planned.record.decisions)
    except LeaverError as error:
        cannot_be_planned(record, error, planned.record.decisions)
    else:
        planned.seen[name] = Seen(facts, began)
        record.facts_before = plain(facts)
        note_down(record, items, planned.record.decisions)
        record.estimate_seconds = _estimate(task, record)
    return record


def note_down(record: TaskRecord, items: Sequence[PlanItem], decisions: dict[str, str]) -> None:
    """Turn a plan into the record's changes, notes and outcome."""
    record.changes = [ChangeRecord(item) for item in items if isinstance(item, Change)]
    record.notes = notes_of(items)
    if any(open_blocker(note, decisions) for note in record.notes):
        record.outcome = Outcome.BLOCKED
    elif record.changes or any(isinstance(item, Awaiting) for item in items):
        record.outcome = Outcome.PLANNED
    else:
        record.outcome = settled_outcome(items, changed=False)


def notes_of(items: Iterable[PlanItem]) -> list[Note]:
    """The notes of a plan; what does not apply or is awaited is one too."""
    notes = []
    for item in items:
        if isinstance(item, Note):
            notes.append(item)
        elif isinstance(item, (NotApplicable, Awaiting)):
            notes.append(info(item.code, item.text))
    return notes


def settled_outcome(items: Sequence[PlanItem], *, changed: bool) -> Outcome:
    """How a task ended whose plan holds no more changes."""
    if any(isinstance(item, Note) and item.kind is NoteKind.FOLLOW_UP for item in items):
        return Outcome.FOLLOW_UP
    if changed:
        return Outcome.VERIFIED
    if any(isinstance(item, NotApplicable) for item in items):
        return Outcome.NOT_APPLICABLE
    return Outcome.ALREADY_IN_PLACE


def open_blocker(note: Note, decisions: dict[str, str]) -> bool:
    """Whether a note still stops the run: no decision, or one that it does not offer."""
    return note.kind is NoteKind.BLOCKER and decisions.get(note.code) not in note.choices


def cannot_be_planned(record: TaskRecord, error: LeaverError, decisions: dict[str, str]) -> None:
    """A task whose facts could not be read: it stops the run, unless it was decided to leave it out."""
    record.error = ErrorRecord.of(error)
    if isinstance(error, Unavailable):
        record.error = ErrorRecord.of(_recoded(error))
    text = f"{record.label} cannot be planned: {error.message}"
    note = blocker("cannot_be_planned", text, "leave_out")
    record.notes = [note]
    record.outcome = Outcome.BLOCKED if open_blocker(note, decisions) else Outcome.FAILED


def _recoded(error: Unavailable) -> LeaverError:
    return LeaverError(error.message, UNREACHABLE, error.status, error.request_id, error.advice, error.service)


def _about_decisions(record: Offboarding) -> list[Note]:
    """Decisions that answer nothing are said, so that a typing error is not taken for an answer."""
    asked = {note.code for task in record.tasks for note in task.notes if note.choices}
    return [
        info("decision_not_needed", f"The decision {code}={choice} answers no question of this plan.")
        for code, choice in record.decisions.items()
        if code.partition(":")[0] not in asked and not _was_used(record, code, choice)
    ]


def _was_used(record: Offboarding, code: str, choice: str) -> bool:
    return any(code == note.code or choice in note.text for task in record.tasks for note in task.notes)


def _estimate(task: Task[object], record: TaskRecord) -> float:
    """Seconds: the longest lane of changes, and the reading back."""
    if not record.changes:
        return 0.0
    lanes: dict[str, int] = {}
    for index, change in enumerate(record.changes):
        lane = change.change.lane or f"#{index}"
        lanes[lane] = lanes.get(lane, 0) + 1
    return max(lanes.values()) * task.usual_seconds + SECONDS_TO_READ_BACK


def _longest_path(planned: Planned) -> float:
    ends: dict[str, float] = {}
    for name, task in planned.types.items():
        start = max((ends.get(other, 0.0) for other in waits_for(task, planned.types)), default=0.0)
        ends[name] = start + planned.record.task(name).estimate_seconds
    return max(ends.values(), default=0.0)


def _digest_lines(record: Offboarding) -> Iterable[str]:
    yield json.dumps([record.tenant.id, record.user.id, record.settings, record.decisions], sort_keys=True)
    for task in record.tasks:
        yield json.dumps([task.task, sorted(change.change.key for change in task.changes)])


def _digest(lines: Iterable[str]) -> str:
    return "sha256:" + hashlib.sha256("\n".join(lines).encode()).hexdigest()
