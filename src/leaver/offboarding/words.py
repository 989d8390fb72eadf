"""How plans, progress and evidence are put into words: the same for the command line, the page and every other door."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from leaver.domain.approval import Verdict as Agreement
from leaver.domain.attempt import NextAttempt
from leaver.domain.offboarding import ChangeRecord, Offboarding, TaskRecord
from leaver.domain.outcome import Outcome, State
from leaver.domain.plan import Change, Json, Note, NoteKind, Reversibility

STAGES = {
    "lock_out": "Lock out",
    "hand_over": "Hand over",
    "clear_out": "Clear out",
    "close_account": "Close account",
}

OUTCOMES = {
    Outcome.PLANNED: "Planned",
    Outcome.VERIFIED: "Verified",
    Outcome.ALREADY_IN_PLACE: "Already in place",
    Outcome.NOT_APPLICABLE: "Not applicable",
    Outcome.FOLLOW_UP: "Follow-up",
    Outcome.WAITING: "Waiting for Microsoft",
    Outcome.FAILED: "Failed",
    Outcome.UNVERIFIED: "Not verified",
    Outcome.BLOCKED: "Blocked",
    Outcome.CANCELLED: "Not done",
}

STATES = {
    State.PLANNED: "Planned",
    State.SCHEDULED: "Scheduled",
    State.RUNNING: "Running",
    State.WAITING: "Waiting",
    State.COMPLETED: "Completed",
    State.FOLLOW_UP: "Follow-up",
    State.FAILED: "Failed",
    State.CANCELLED: "Canceled",
    State.BLOCKED: "Blocked",
}

REVERSIBILITY = {
    Reversibility.UNDO: "Can be undone",
    Reversibility.UNDO_30_DAYS: "Undo for 30 days",
    Reversibility.ONE_WAY: "One-way",
    Reversibility.PERMANENT: "Permanent",
}

UNTRIED = (Outcome.FAILED, Outcome.UNVERIFIED, Outcome.BLOCKED, Outcome.CANCELLED)
"""Outcomes that leave something undone or unproven."""

GONE = ("canceled",)
"""What a thing that goes away has become."""

GLYPHS = {"add": "+", "change": "~", "remove": "−", "done": "✓", "not_here": "⊘", "blocker": "!"}


def kind_of(change: Change) -> str:
    """Whether a change adds, removes or changes something: `add`, `remove` or `change`."""
    if change.after in GONE:
        return "remove"
    if _nothing(change.before) and not _nothing(change.after):
        return "add"
    if _nothing(change.after) and not _nothing(change.before):
        return "remove"
    return "change"


def kind_of_task(task: TaskRecord) -> str:
    """The glyph's name for a planned task."""
    if task.outcome is Outcome.BLOCKED:
        return "blocker"
    if task.outcome is Outcome.NOT_APPLICABLE:
        return "not_here"
    if not task.changes:
        return "not_here" if task.outcome in (Outcome.FOLLOW_UP, Outcome.FAILED) else "done"
    kinds = {kind_of(record.change) for record in task.changes}
    return kinds.pop() if len(kinds) == 1 else "change"


def mark(task: TaskRecord) -> Reversibility | None:
    """The least reversible of a task's changes; nothing when it has none."""
    order = list(Reversibility)
    marks = [record.change.reversibility for record in task.changes]
    return max(marks, key=order.index) if marks else None


def value(item: Json, limit: int = 0, zone: tzinfo = UTC) -> str:
    """A value for a reader; `limit` is the number of characters to cut it at, 0 for none."""
    text = _value(item, zone)
    return text[: limit - 1].rstrip() + "…" if limit and len(text) > limit else text


def sentence(change: Change, limit: int = 120, zone: tzinfo = UTC) -> str:
    """A change in one line: what, and from what to what where that says more."""
    kind, before, after = kind_of(change), value(change.before, limit, zone), value(change.after, limit, zone)
    if kind == "change":
        return f"{change.what}: {before or 'nothing'} → {after or 'nothing'}"
    shown = after if kind == "add" else before
    if shown in ("", "yes") or shown.lower() in change.what.lower():
        return change.what
    return f"{change.what}: {shown}" if kind == "add" else f"{change.what} ({shown})"


def approval(offboarding: Offboarding, zone: tzinfo = UTC) -> str:
    """Who agreed or refused, when and why; what is waited for; empty when nobody has to."""
    found = offboarding.approval
    if found is None:
        return ""
    if found.verdict is Agreement.PENDING:
        return (
            "Waits for the approval of a second person." if offboarding.ended_at is None else "Ended without approval."
        )
    at = day_and_time(found.decided_at, zone) + _name(found.decided_at, zone)
    said = f"{found.verdict.value.capitalize()} by {found.decided_by}, {at}"
    return f"{said}: {found.note}" if found.note else f"{said}."


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 change`, `3 changes`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def initials(name: str) -> str:
    """`AV` for Adele Vance, `AD` for admin: letters and digits only, so that no emoji is cut in two."""
    parts = ["".join(each for each in part if each.isalnum()) for part in name.split()]
    first, *others = [part for part in parts if part] or ["?"]
    return (first[0] + others[0][0] if others else first[:2]).upper()


def gigabytes(size: int) -> str:
    """`62.4 GB`."""
    return f"{size / 2**30:.1f} GB"


def listed(items: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *most, last = list(items) or [""]
    return f"{', '.join(most)} and {last}" if most else last


def some(items: Sequence[str], most: int = 4) -> str:
    """`a, b and c`; of a long list the first ones and how many more there are."""
    return listed([*items[:most], f"{len(items) - most} more"]) if len(items) > most + 1 else listed(items)


def about(seconds: float) -> str:
    """An estimate of time: `about 45 s`, `about 3 min`."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    return f"about {round(seconds / 60)} min"


def in_time(seconds: float) -> str:
    """How long until something: `in 40 min`, `in 3 h 23 min`, `in 5 days`, `in 2 years`."""
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"in {minutes} min"
    if minutes < 1440:
        return f"in {minutes // 60} h {minutes % 60} min"
    days = minutes // 1440
    return f"in {counted(days, 'day')}" if days < 730 else f"in {counted(days // 365, 'year')}"


def until(seconds: float) -> str:
    """How long until a moment that is near: `now`, `in 18 s`, `in 2 min 05 s`."""
    whole = math.ceil(seconds)
    return f"in {lasting(whole)}" if whole > 0 else "now"


def lasting(seconds: float) -> str:
    """How long something has been going on: `4 s`, `2 min 37 s`."""
    whole = int(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


def next_attempt(attempt: NextAttempt, now: datetime | None = None) -> str:
    """`Exchange is busy (429). Attempt 3 of 5 in 18 s`."""
    left = (attempt.at - (now or datetime.now(UTC))).total_seconds()
    return f"{attempt.reason}. {which_attempt(attempt)} {until(left)}"


def which_attempt(attempt: NextAttempt) -> str:
    """`Attempt 3 of 5`; `Attempt 3` where it ends with a time."""
    return f"Attempt {attempt.number} of {attempt.of}" if attempt.of else f"Attempt {attempt.number}"


def took(start: datetime | None, end: datetime | None) -> str:
    """How long something took: `0.8 s`, `2 min 05 s`; empty if it is not known."""
    if start is None or end is None:
        return ""
    seconds = max(0.0, (end - start).total_seconds())
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"


def day_and_time(moment: datetime | None, zone: tzinfo = UTC) -> str:
    """`11 Jun 2026, 14:02:09`."""
    if moment is None:
        return ""
    at = moment.astimezone(zone)
    return f"{at.day} {at:%b %Y, %H:%M:%S}"


def day(moment: datetime, zone: tzinfo = UTC) -> str:
    """`Thursday 11 June 2026`."""
    at = moment.astimezone(zone)
    return f"{at:%A} {at.day} {at:%B %Y}"


def ago(moment: datetime, now: datetime | None = None) -> str:
    """`just now`, `2 min ago`, `3 h ago`, `5 days ago`."""
    seconds = max(0, int(((now or datetime.now(UTC)) - moment).total_seconds()))
    if seconds < 60:
        return "just now"
    if seconds < 5400:
        return f"{seconds // 60} min ago"
    return f"{seconds // 3600} h ago" if seconds < 172_800 else f"{seconds // 86_400} days ago"


def span(seconds: float) -> str:
    """`90 seconds`, `15 minutes`, `hour`, `6 hours`: what comes behind *every*."""
    for size, noun in ((3600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            return noun if seconds == size else f"{int(seconds // size)} {noun}s"
    return f"{int(seconds)} seconds"


def short_day(moment: datetime, zone: tzinfo = UTC, *, year: bool = False) -> str:
    """`Fri 12 Jun, 17:30`, with the year if it is asked for."""
    at = moment.astimezone(zone)
    return f"{at:%a} {at.day} {at:%b %Y}, {at:%H:%M}" if year else f"{at:%a} {at.day} {at:%b}, {at:%H:%M}"


def near_day(moment: datetime, zone: tzinfo = UTC, now: datetime | None = None) -> str:
    """`Today 14:02`, `Yesterday 16:44`, `Tue 9 Jun, 17:00`; with the year where it is another one."""
    at, today = moment.astimezone(zone), (now or datetime.now(UTC)).astimezone(zone)
    days = (today.date() - at.date()).days
    if days in (0, 1):
        return f"{'Yesterday' if days else 'Today'} {at:%H:%M}"
    return short_day(moment, zone, year=at.year != today.year)


def near_date(moment: datetime, zone: tzinfo = UTC, now: datetime | None = None) -> str:
    """`Today 14:02`, `Yesterday 16:44`, `2 Jun 2026`."""
    near = near_day(moment, zone, now)
    at = moment.astimezone(zone)
    return f"{at.day} {at:%b %Y}" if "," in near else near


def zone_words(moment: datetime, zone: tzinfo = UTC) -> str:
    """`CEST (UTC+2)`, or `UTC` where that is it."""
    at = moment.astimezone(zone)
    off = at.strftime("%z")
    hours = f"UTC{off[0]}{int(off[1:3])}{':' + off[3:] if off[3:] != '00' else ''}"
    name = at.tzname() or ""
    return "UTC" if name == "UTC" else f"{name} ({hours})" if name.isalpha() else hours


def zone_called(zone: tzinfo, now: datetime | None = None) -> str:
    """`Europe/Amsterdam (CEST)`, or `UTC` where that is it."""
    name, short = str(zone), (now or datetime.now(UTC)).astimezone(zone).tzname() or ""
    return f"{name} ({short})" if short.isalpha() and short not in name else name


def zone_named(name: str) -> tzinfo:
    """A time zone by its name; UTC for a name that is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def clock(moment: datetime | None, day_of: datetime | None = None, zone: tzinfo = UTC) -> str:
    """`14:02:09`, with the day in front if it is another than that of `day_of`."""
    if moment is None:
        return ""
    at = moment.astimezone(zone)
    same_day = day_of is None or day_of.astimezone(zone).date() == at.date()
    return f"{at:%H:%M:%S}" if same_day else f"{at.day} {at:%b %H:%M:%S}"


@dataclass(frozen=True)
class Verdict:
    """How an offboarding ended, in a headline and the figures behind it."""

    headline: str
    figures: str
    tone: str
    """`ok`, `warn`, `bad` or `info`."""

    def __str__(self) -> str:
        """Both in one line."""
        return f"{self.headline} {self.figures}".strip()


def verdict(offboarding: Offboarding) -> Verdict:
    """The sentence at the head of the evidence."""
    counts = Counter(task.outcome for task in offboarding.tasks)
    if offboarding.pruned is not None:
        ended = STATES[offboarding.state]
        figures = f"The SHA-256 of its evidence was {offboarding.pruned.sha256}."
        return Verdict(f"Pruned: its content is forgotten. It had ended as {ended.lower()}.", figures, "info")
    if offboarding.awaits_approval:
        return Verdict("Waits for the approval of a second person.", _figures(offboarding, counts), "info")
    total, follow_ups = len(offboarding.tasks), len(notes_of(offboarding, NoteKind.FOLLOW_UP))
    headline, tone = {
        State.COMPLETED: ("Completed.", "ok"),
        State.FOLLOW_UP: (f"Completed, with {counted(follow_ups, 'follow-up')} for a person.", "warn"),
        State.FAILED: (_failed(counts, total), "bad"),
        State.WAITING: ("Not complete: Microsoft has not finished.", "info"),
        State.CANCELLED: ("Canceled before the end.", "warn"),
        State.BLOCKED: ("Blocked: nothing more is changed until it is decided.", "bad"),
        State.PLANNED: ("Planned. Nothing was changed.", "info"),
        State.SCHEDULED: ("Scheduled. Nothing was changed.", "info"),
        State.RUNNING: ("Not finished: it is running, or was broken off.", "info"),
    }[offboarding.state]
    return Verdict(headline, _figures(offboarding, counts), tone)


def notes_of(offboarding: Offboarding, *kinds: NoteKind) -> list[tuple[TaskRecord | None, Note]]:
    """The notes of these kinds, the offboarding's own first, each with its task; the same text once."""
    found: dict[str, tuple[TaskRecord | None, Note]] = {}
    for task, note in _notes(offboarding):
        if note.kind in kinds:
            found.setdefault(note.text, (task, note))
    return list(found.values())


def made(task: TaskRecord) -> list[ChangeRecord]:
    """The changes that Microsoft accepted."""
    return [record for record in task.changes if record.made_at is not None]


def _notes(offboarding: Offboarding) -> Iterator[tuple[TaskRecord | None, Note]]:
    for note in offboarding.notes:
        yield None, note
    for task in offboarding.tasks:
        for note in task.notes:
            yield task, note


def _failed(counts: Counter[Outcome], total: int) -> str:
    if failed := counts[Outcome.FAILED]:
        return f"{failed} of {counted(total, 'task')} failed."
    return f"{counts[Outcome.UNVERIFIED]} of {counted(total, 'task')} could not be verified."


def _figures(offboarding: Offboarding, counts: Counter[Outcome]) -> str:
    done = [record for task in offboarding.tasks for record in made(task)]
    verified = [record for record in done if record.verified_at is not None]
    parts = []
    if not offboarding.started:
        parts.append(f"{counted(sum(len(task.changes) for task in offboarding.tasks), 'change')} planned")
    elif len(verified) == len(done):
        parts.append(f"{counted(len(done), 'change')} made and verified")
    else:
        parts.append(f"{counted(len(done), 'change')} made, {len(verified)} of them verified")
    for outcome, words in (
        (Outcome.ALREADY_IN_PLACE, "already in place"),
        (Outcome.NOT_APPLICABLE, "not applicable"),
        (Outcome.WAITING, "waiting for Microsoft"),
        (Outcome.UNVERIFIED, "not verified"),
        (Outcome.BLOCKED, "blocked"),
        (Outcome.CANCELLED, "not done"),
    ):
        if counts[outcome]:
            parts.append(f"{counted(counts[outcome], 'task')} {words}")
    return ", ".join(parts) + "."


_MINUTE = re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d UTC\b")
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")


def _nothing(item: Json) -> bool:
    return item is None or item in ("", [], {})


def _value(item: Json, zone: tzinfo) -> str:
    if item is None:
        return ""
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, list):
        return ", ".join(_value(part, zone) for part in item)
    if isinstance(item, dict):
        told = ((key.replace("_", " "), _value(part, zone)) for key, part in item.items())
        return "; ".join(f"{key}: {words}" for key, words in told if words)
    text = " ".join(str(item).split())
    if not _ISO.fullmatch(text):
        return _MINUTE.sub(lambda found: _minute(found[0], zone), text)
    at = datetime.fromisoformat(text)
    return day_and_time(at, zone) + _name(at, zone)


def _minute(text: str, zone: tzinfo) -> str:
    at = datetime.strptime(text, "%Y-%m-%d %H:%M UTC").replace(tzinfo=UTC).astimezone(zone)
    return f"{at.day} {at:%b %Y, %H:%M %Z}"


def _name(moment: datetime | None, zone: tzinfo) -> str:
    return f" {moment.astimezone(zone):%Z}" if moment else ""
