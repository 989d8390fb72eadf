"""How a run stands, as it is shown: the state of each task in a word and an icon, what waits for what, the timeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from leaver.domain.offboarding import Offboarding, TaskRecord
from leaver.domain.outcome import Outcome, State
from leaver.domain.plan import Change, NoteKind
from leaver.offboarding import words
from leaver.tasks.catalogue import all_tasks

GOOD = (Outcome.VERIFIED, Outcome.ALREADY_IN_PLACE, Outcome.NOT_APPLICABLE)
BAD = (Outcome.FAILED, Outcome.UNVERIFIED, Outcome.BLOCKED)
STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400)
"""Seconds that the marks of a timeline may be apart."""
MARKS = 5


@dataclass(frozen=True)
class Look:
    """How a task is shown."""

    css: str
    tone: str
    icon: str
    word: str


RUNNING = Look("running", "c-accent", "spinner", "Running")
RETRYING = Look("retrying", "c-warn", "retry", "Retrying")
CHECKING = Look("done", "c-ok", "check", "Done, checking")
AHEAD = Look("waiting", "c-mute", "clock", "Waiting")
ENDED: Mapping[Outcome, Look] = {
    Outcome.VERIFIED: Look("verified", "c-ok", "check-double", words.OUTCOMES[Outcome.VERIFIED]),
    Outcome.ALREADY_IN_PLACE: Look("skipped", "c-mute", "check", words.OUTCOMES[Outcome.ALREADY_IN_PLACE]),
    Outcome.NOT_APPLICABLE: Look("skipped", "c-mute", "blocked", words.OUTCOMES[Outcome.NOT_APPLICABLE]),
    Outcome.FOLLOW_UP: Look("follow_up", "c-warn", "user", words.OUTCOMES[Outcome.FOLLOW_UP]),
    Outcome.WAITING: Look("waiting", "c-mute", "clock", words.OUTCOMES[Outcome.WAITING]),
    Outcome.FAILED: Look("failed", "c-bad", "stop", words.OUTCOMES[Outcome.FAILED]),
    Outcome.UNVERIFIED: Look("failed", "c-bad", "stop", words.OUTCOMES[Outcome.UNVERIFIED]),
    Outcome.BLOCKED: Look("failed", "c-bad", "stop", words.OUTCOMES[Outcome.BLOCKED]),
    Outcome.CANCELLED: Look("skipped", "c-mute", "x-circle", words.OUTCOMES[Outcome.CANCELLED]),
}


@dataclass(frozen=True)
class Bar:
    """A piece of a timeline, in percent of its width."""

    kind: str
    x: float
    width: float


@dataclass(frozen=True)
class Timeline:
    """When each task ran."""

    rows: list[tuple[str, list[Bar]]]
    marks: list[tuple[float, str]]
    now: float | None
    sentence: str

    @property
    def height(self) -> int:
        """In pixels."""
        return 22 + 20 * len(self.rows)


def look(record: Offboarding, task: TaskRecord) -> Look:
    """How a task is shown."""
    if task.outcome is not Outcome.PLANNED:
        return ENDED[task.outcome]
    if not _at_work(record, task):
        return AHEAD
    if task.next_attempt is not None or any(change.error and change.made_at is None for change in task.changes):
        return RETRYING
    return CHECKING if task.changes and all(change.made_at for change in task.changes) else RUNNING


def seconds_to(moment: datetime) -> float:
    """How far ahead a moment is; a browser counts down from it, whatever its own clock says."""
    return round(max(0.0, (moment - datetime.now(UTC)).total_seconds()), 1)


def seconds_since(moment: datetime) -> float:
    """How long ago a moment is."""
    return round(max(0.0, (datetime.now(UTC) - moment).total_seconds()), 1)


def finished(record: Offboarding) -> int:
    """How many tasks have ended."""
    return sum(task.outcome not in (Outcome.PLANNED, Outcome.WAITING) for task in record.tasks)


def bad(record: Offboarding) -> list[TaskRecord]:
    """The tasks that need somebody."""
    return [task for task in record.tasks if task.outcome in BAD]


def left_to_a_person(record: Offboarding) -> list[TaskRecord]:
    """The tasks that leave something for a person to do."""
    return [task for task in record.tasks if any(note.kind is NoteKind.FOLLOW_UP for note in task.notes)]


def tally(tasks: list[TaskRecord]) -> str:
    """`3 of 5 verified, 1 failed`, of those that had something to do."""
    wanted = [task for task in tasks if task.outcome not in (Outcome.ALREADY_IN_PLACE, Outcome.NOT_APPLICABLE)]
    if not wanted:
        return "Nothing to do"
    if any(task.outcome is Outcome.PLANNED for task in wanted) and not any(task.started_at for task in wanted):
        return "Waiting"
    verified = sum(task.outcome is Outcome.VERIFIED for task in wanted)
    wrong = sum(task.outcome in BAD for task in wanted)
    return f"{verified} of {len(wanted)} verified" + (f", {wrong} failed" if wrong else "")


def waits_for(record: Offboarding, task: TaskRecord) -> list[str]:
    """The labels of the tasks that must end first."""
    types = {each.name: each for each in all_tasks()}
    known = types.get(task.task)
    if known is None or task.outcome is not Outcome.PLANNED or record.ended_at is not None or task.started_at:
        return []
    before = known.comes_behind()
    return [each.label for each in record.tasks if each.task in before and each.outcome is Outcome.PLANNED]


def held_up(record: Offboarding, task: TaskRecord) -> list[str]:
    """The labels of the tasks that are not done because this one failed."""
    types = {each.name: each for each in all_tasks()}
    unfinished = (Outcome.PLANNED, Outcome.CANCELLED, Outcome.BLOCKED, Outcome.WAITING)
    return [
        each.label
        for each in record.tasks
        if each.outcome in unfinished and each.task in types and task.task in types[each.task].needs
    ]


def began(record: Offboarding) -> datetime | None:
    """When the first task started."""
    return min((task.started_at for task in record.tasks if task.started_at), default=None)


def left(record: Offboarding, now: datetime | None = None) -> float:
    """Seconds that a run will about take from here; nothing where nobody can say."""
    start = began(record)
    if start is None or record.ended_at is not None or finished(record) == len(record.tasks):
        return 0.0
    ahead = max((task.estimate_seconds for task in record.tasks if task.outcome is Outcome.PLANNED), default=0.0)
    gone = ((now or datetime.now(UTC)) - start).total_seconds()
    return max(ahead, record.estimate_seconds - gone)


def so_far(record: Offboarding) -> str:
    """How long a run has taken: `4 min 29 s so far`."""
    took = words.took(began(record), record.ended_at or datetime.now(UTC))
    return took if record.ended_at else f"{took} so far"


def face(record: Offboarding) -> Look:
    """How a whole offboarding is shown beside others."""
    if record.ended_at is None:
        return RUNNING if record.started else AHEAD
    return ENDED[Outcome.FAILED] if bad(record) else ENDED[Outcome.VERIFIED]


def in_a_line(record: Offboarding, now: datetime | None = None) -> str:
    """What the list says below the state."""
    done = sum(task.outcome in GOOD for task in record.tasks)
    if record.state is State.SCHEDULED and record.at is not None:
        return words.in_time((record.at - (now or datetime.now(UTC))).total_seconds())
    if record.state is State.FAILED:
        return f"{words.counted(len(bad(record)), 'task')} failed, {done} done"
    if record.state is State.FOLLOW_UP:
        left_over = words.counted(len(words.notes_of(record, NoteKind.FOLLOW_UP)), "follow-up")
        return f"{done} of {len(record.tasks)} done, {left_over}"
    if record.state is State.COMPLETED:
        return f"{done} of {len(record.tasks)} verified"
    return ""


def put_back(record: Offboarding) -> str:
    """`9 of 9 put back`."""
    wanted = sum(len(task.changes) for task in record.tasks)
    return f"{sum(len(words.made(task)) for task in record.tasks)} of {wanted} put back"


def log(record: Offboarding) -> list[tuple[datetime, str]]:
    """What was sent and read back, the latest first, with Microsoft's request ids."""
    entries = []
    for task in record.tasks:
        for made in task.changes:
            ids = f", request {', '.join(made.request_ids)}" if made.request_ids else ""
            told = words.sentence(made.change, 80)
            if made.made_at is not None:
                entries.append((made.made_at, f"{task.task}  accepted: {told}{ids}"))
            if made.verified_at is not None:
                entries.append((made.verified_at, f"{task.task}  read back: {told}"))
        if task.error is not None and task.ended_at is not None:
            at_ = f", request {task.error.request_id}" if task.error.request_id else ""
            status = f"{task.error.status} " if task.error.status else ""
            entries.append((task.ended_at, f"{task.task}  {status}{task.error.code}: {task.error.message}{at_}"))
    return sorted(entries, key=lambda entry: entry[0], reverse=True)


def to_undo(record: Offboarding) -> list[tuple[TaskRecord, list[Change]]]:
    """The tasks that changed something that can be put back, with the changes that would do so."""
    found = [
        (task, [_back(made.change) for made in words.made(task) if made.change.reversible]) for task in record.tasks
    ]
    return [(task, changes) for task, changes in found if changes]


def not_to_undo(record: Offboarding) -> list[str]:
    """The labels of the tasks whose changes stay as they are."""
    return [task.label for task in record.tasks if any(not made.change.reversible for made in words.made(task))]


def timeline(record: Offboarding, now: datetime | None = None) -> Timeline | None:
    """When each task ran, and about how long the others will; nothing before the first has started."""
    started = [task for task in record.tasks if task.started_at is not None]
    if not started:
        return None
    live = record.ended_at is None
    now = max(now or datetime.now(UTC), *(task.started_at for task in started if task.started_at))
    begin = min(task.started_at for task in started if task.started_at)
    ahead = (
        [task for task in record.tasks if task.started_at is None and task.outcome is Outcome.PLANNED] if live else []
    )
    end = now if live else max(task.ended_at or task.started_at or begin for task in started)
    end = max([end, *(now + timedelta(seconds=task.estimate_seconds) for task in ahead)])
    span = max((end - begin).total_seconds(), 1.0)

    def at(moment: datetime) -> float:
        return min(100.0, max(0.0, 100 * (moment - begin).total_seconds() / span))

    rows = []
    for task in record.tasks:
        if task.started_at is not None:
            rows.append((_short_name(task), _bars(record, task, at, now if live else end)))
        elif task in ahead:
            width = max(1.0, 100 * task.estimate_seconds / span)
            rows.append((_short_name(task), [Bar("wait", min(at(now), 100 - width), width)]))
    step = next((each for each in STEPS if span / each <= MARKS), STEPS[-1])
    marks = [(round(100 * second / span, 2), _short(second)) for second in range(0, int(span) + 1, step)]
    wrong = len(bad(record))
    sentence = (
        f"Timeline. {words.counted(finished(record), 'task')} of {len(record.tasks)} ended in {_short(int(span))}"
    )
    sentence += f", {wrong} failed" if wrong else ""
    sentence += ". The task list holds the same facts."
    return Timeline(rows, marks, round(at(now), 2) if live else None, sentence)


def _short_name(task: TaskRecord) -> str:
    known = next((each.option for each in all_tasks() if each.name == task.task), None)
    return (known.short if known else "") or task.label or task.task


def _back(change: Change) -> Change:
    return replace(change, before=change.after, after=change.before)


def _at_work(record: Offboarding, task: TaskRecord) -> bool:
    return task.started_at is not None and task.ended_at is None and record.ended_at is None


def _bars(record: Offboarding, task: TaskRecord, at: Callable[[datetime], float], now: datetime) -> list[Bar]:
    start, end = task.started_at or now, task.ended_at or now
    shown = look(record, task)
    made = max((change.made_at for change in task.changes if change.made_at), default=None)
    kind = {"failed": "fail", "running": "run", "retrying": "retry"}.get(shown.css, "verified")
    if made is None or kind != "verified":
        return [_bar(kind, at(start), at(end))]
    return [_bar(kind, at(start), at(made)), _bar("check", at(made), at(end))]


def _bar(kind: str, start: float, end: float) -> Bar:
    width = max(0.8, end - start)
    return Bar(kind, round(min(start, 100 - width), 2), round(width, 2))


def _short(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} s"
    if seconds >= 7200:
        return f"{seconds // 3600} h"
    return f"{seconds // 60}:{seconds % 60:02d}" if seconds % 60 else f"{seconds // 60} min"
