"""Evidence: what was, what was done, what is, and how it was checked; as JSON and as a page that needs nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leaver import __version__
from leaver.domain.errors import Unusable
from leaver.domain.offboarding import Offboarding, TaskRecord, document, moment
from leaver.domain.outcome import Outcome
from leaver.domain.plan import Json, NoteKind
from leaver.offboarding import spoken, words
from leaver.offboarding.sections import by_section

if TYPE_CHECKING:
    from jinja2 import Template

FACTS_SHOWN = 4_000
"""Characters of one task's facts on the page; the JSON holds them all."""

NOT_DONE = "The run was stopped, or this task needs another one that did not end well."

TONES = {
    Outcome.VERIFIED: ("ok", "check-double"),
    Outcome.ALREADY_IN_PLACE: ("mute", "check"),
    Outcome.NOT_APPLICABLE: ("mute", "blocked"),
    Outcome.FOLLOW_UP: ("warn", "user"),
    Outcome.WAITING: ("accent", "clock"),
    Outcome.PLANNED: ("mute", "clock"),
    Outcome.FAILED: ("bad", "stop"),
    Outcome.UNVERIFIED: ("bad", "warning"),
    Outcome.BLOCKED: ("bad", "blocked"),
    Outcome.CANCELLED: ("warn", "blocked"),
}


def evidence(offboarding: Offboarding) -> dict[str, Any]:
    """The evidence as JSON: the shape of `leaver plan`, with each task's facts before and after, and a digest.

    Of one that was pruned there is none.
    """
    if offboarding.pruned is not None:
        raise Unusable(
            f"{offboarding.id} was pruned, so its evidence cannot be written again.",
            "pruned",
            advice=f"A copy that somebody kept is the right one if its SHA-256 is {offboarding.pruned.sha256}.",
        )
    body: dict[str, Any] = document(offboarding.tenant, [offboarding], offboarding.digest)
    for shown, task in zip(body["offboardings"][0]["tasks"], offboarding.tasks, strict=True):
        shown["facts_before"], shown["facts_after"] = task.facts_before, task.facts_after
    body["evidence"] = {
        "verdict": str(words.verdict(offboarding)),
        "created_by": f"Leaver {__version__}",
        "sha256": fingerprint(body),
        "sha256_of": "this document without its member `evidence`, keys sorted, no white space, UTF-8",
    }
    return body


def fingerprint(body: Mapping[str, Any]) -> str:
    """The SHA-256 of evidence: of its JSON without the member `evidence`, keys sorted, no white space."""
    rest = {key: item for key, item in body.items() if key != "evidence"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def page(offboarding: Offboarding, created_at: datetime | None = None) -> str:
    """The evidence as one HTML document: no script, no address outside it, readable on paper."""
    return _template().render(
        it=offboarding,
        verdict=words.verdict(offboarding),
        words=words,
        spoken=spoken,
        by_section=by_section,
        tones=TONES,
        started=min((task.started_at for task in offboarding.tasks if task.started_at), default=None),
        follow_ups=words.notes_of(offboarding, NoteKind.FOLLOW_UP),
        warnings=words.notes_of(offboarding, NoteKind.WARNING),
        blockers=words.notes_of(offboarding, NoteKind.BLOCKER),
        problems=[task for task in offboarding.tasks if task.error is not None],
        undone=[task for task in offboarding.tasks if task.outcome is Outcome.CANCELLED and task.error is None],
        undo=undoable(offboarding),
        decisions=decisions_of(offboarding),
        facts=_facts(offboarding),
        sha256=fingerprint(evidence(offboarding)),
        created_at=created_at or datetime.now(UTC),
        version=__version__,
        not_done=NOT_DONE,
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")


def undoable(offboarding: Offboarding) -> str:
    """How many of the changes that were made can be put back."""
    done = [record.change for task in offboarding.tasks for record in words.made(task)]
    if not done:
        return "Nothing was changed"
    return f"{sum(change.reversible for change in done)} of {words.counted(len(done), 'change')}"


@dataclass(frozen=True)
class Row:
    """A task in the report's table."""

    before: str
    after: str
    changed: datetime | None = None
    verified: datetime | None = None
    skipped: bool = False


def row_of(task: TaskRecord, zone: tzinfo = UTC) -> Row:
    """What was before and what is after, over all changes of a task."""
    skipped = any(note.code == "skipped" for note in task.notes)
    if not task.changes:
        found = "Nothing changed" if task.outcome is Outcome.FOLLOW_UP else spoken.in_short(task)
        return Row(found, "", skipped=skipped)
    made = words.made(task)
    changed = max((each.made_at for each in made if each.made_at), default=None)
    verified = max((each.verified_at for each in made if each.verified_at), default=None)
    pairs = [spoken.before_and_after(each.change, made=each.made_at is not None, zone=zone) for each in task.changes]
    before, after = (", ".join(dict.fromkeys(text for text in side if text)) for side in zip(*pairs, strict=True))
    return Row(before or "None", after or "None", changed, verified, skipped)


def decisions_of(offboarding: Offboarding) -> list[tuple[str, str, str]]:
    """Code, choice and the question that it answered, where the last plan still shows it."""
    asked = {note.code: note.text for task in offboarding.tasks for note in task.notes}
    asked |= {note.code: note.text for note in offboarding.notes}
    return [(code, choice, asked.get(code.partition(":")[0], "")) for code, choice in offboarding.decisions.items()]


def exceptions(offboarding: Offboarding) -> list[tuple[str, str, str, list[str]]]:
    """What did not go as usual and what was chosen, as notes: tone, icon, title and texts; each title comes once."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for tone, icon, title, text in _exceptions(offboarding):
        found.setdefault((tone, icon, title), []).append(text.strip())
    return [(*head, texts) for head, texts in found.items()]


def _exceptions(offboarding: Offboarding) -> list[tuple[str, str, str, str]]:
    found = []
    for task in offboarding.tasks:
        label = task.label or task.task
        if task.error is not None:
            ids = f" Request {task.error.request_id}." if task.error.request_id else ""
            text = f"{task.error.message} {task.error.advice} Code {task.error.code}.{ids}"
            skipped = next((note.text for note in task.notes if note.code == "skipped"), "")
            title = f"{label} was not done" if skipped else f"{label}: {words.OUTCOMES[task.outcome].lower()}"
            found.append(("warn" if skipped else "bad", "warning" if skipped else "stop", title, f"{text} {skipped}"))
        elif task.outcome is Outcome.CANCELLED:
            found.append(("warn", "blocked", f"{label}: not done", NOT_DONE))
    for code, choice, asked in decisions_of(offboarding):
        question, _, about = code.partition(":")
        title = f"{spoken.question(question)}{f' of {about}' if about else ''}: {spoken.choice(choice).label}"
        found.append(("", "info", title, f"{asked} Chosen in the plan."))
    said = {task.task for task in offboarding.tasks if task.error is not None}
    for note_task, note in words.notes_of(offboarding, NoteKind.BLOCKER, NoteKind.FOLLOW_UP, NoteKind.WARNING):
        if note_task is not None and note_task.task in said and note.code == "skipped":
            continue
        if any(code.partition(":")[0] == note.code for code in offboarding.decisions):
            continue
        tone, icon = {"blocker": ("bad", "stop"), "follow_up": ("warn", "user")}.get(
            note.kind.value, ("warn", "warning")
        )
        title = "Left for a person" if note.kind is NoteKind.FOLLOW_UP else note.kind.value.capitalize()
        found.append(
            (tone, icon, f"{title}: {note_task.label if note_task else offboarding.user.display_name}", note.text)
        )
    return found


TOLD = {
    "offboarding.accepted": "Confirmed {changes}{permanent}.",
    "undo.accepted": "Asked for the undo of {changes}.",
    "offboarding.retried": "Retried {tasks}.",
    "offboarding.cancel_requested": "Canceled what had not been done.",
    "offboarding.rescheduled": "Moved it to another time.",
    "offboarding.approved": "Approved it as a second person{note}.",
    "offboarding.refused": "Refused it as a second person{note}.",
    "task.skipped": "Skipped {task}{note}.",
}


def decided(offboarding: Offboarding, entries: Iterable[Mapping[str, Any]]) -> list[tuple[datetime, str, str]]:
    """Who decided what, and when: what was chosen in the plan, and what the audit trail holds of it."""
    labels = {task.task: task.label or task.task for task in offboarding.tasks}
    number = sum(len(task.changes) for task in offboarding.tasks)
    permanent = len(offboarding.permanent)
    typed = f", {permanent} permanent, by typing “{offboarding.user.display_name}”" if permanent else ""
    found = [
        (offboarding.requested_at, offboarding.asked_by, f"{spoken.question(code.partition(':')[0])}: {label}.")
        for code, choice in offboarding.decisions.items()
        for label in [spoken.choice(choice).label]
    ]
    for entry in entries:
        text = TOLD.get(entry["what"])
        after = entry["after"] if isinstance(entry["after"], dict) else {}
        if text is None:
            continue
        told = text.format(
            changes=words.counted(number, "change"),
            permanent=typed if offboarding.asked_via == "portal" else "",
            tasks=words.listed(labels.get(task, task) for task in after.get("tasks", [])),
            task=labels.get(str(after.get("task", "")), str(after.get("task", ""))),
            note=f": “{after['note']}”" if after.get("note") else "",
        )
        found.append((moment(entry["at"]), entry["actor"], told))
    return found


def _facts(offboarding: Offboarding) -> list[tuple[str, str, str]]:
    """Each task's facts before and after; what tasks share is shown with each of them."""
    return [
        (task.label or task.task, _pretty(task.facts_before), _pretty(task.facts_after))
        for task in offboarding.tasks
        if task.facts_before is not None
    ]


def _pretty(facts: Json) -> str:
    text = json.dumps(facts, indent=2, ensure_ascii=False)
    if len(text) <= FACTS_SHOWN:
        return text
    return text[:FACTS_SHOWN] + "\n… the JSON evidence holds all of it"
