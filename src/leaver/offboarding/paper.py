"""The evidence as PDF: the page's content on A4, tagged and fit for archives (PDF/A). Only this module typesets."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leaver import __version__
from leaver.domain.errors import LeaverError
from leaver.domain.offboarding import ChangeRecord, Offboarding, TaskRecord
from leaver.domain.outcome import Outcome
from leaver.domain.plan import NoteKind
from leaver.offboarding import report, words
from leaver.offboarding.sections import by_section

if TYPE_CHECKING:
    import typst

TEMPLATE = Path(__file__).parent / "templates" / "report.typ"
LONGEST_WORD = 18
"""Characters of a word in a cell that are kept together."""
VALUE = 400


def pdf(offboarding: Offboarding, created_at: datetime | None = None) -> bytes:
    """The evidence on paper. It takes a tenth of a second of a processor; a server calls it in a thread."""
    import typst

    created = (created_at or datetime.now(UTC)).replace(microsecond=0)
    try:
        made = typst.compile(
            TEMPLATE,
            root=TEMPLATE.parent,
            font_paths=_fonts(),
            sys_inputs={"report": json.dumps(content(offboarding, created), ensure_ascii=False)},
            pdf_standards=["a-2a"],
            timestamp=created,
        )
    except typst.TypstError as error:
        raise LeaverError(
            "The report could not be typeset.", "pdf_failed", advice="Take the HTML report and print it."
        ) from error
    return bytes(made)


def content(it: Offboarding, created_at: datetime) -> dict[str, Any]:
    """What stands on the paper, in plain texts."""
    verdict = words.verdict(it)
    return {
        "id": it.id,
        "name": it.user.display_name,
        "upn": it.user.upn,
        "tenant": it.tenant.name or it.tenant.domain or it.tenant.id,
        "created": words.day_and_time(created_at),
        "version": __version__,
        "verdict": {"headline": verdict.headline, "figures": verdict.figures, "tone": verdict.tone},
        "summary": _summary(it),
        "follow_ups": [
            {"text": note.text, "task": (task.label or task.task) if task else ""}
            for task, note in words.notes_of(it, NoteKind.FOLLOW_UP)
        ],
        "changes_title": "Changes" if it.started else "Planned changes",
        "stages": [{"title": title, "tasks": [_task(it, task) for task in tasks]} for title, tasks in by_section(it)],
        "exceptions": _exceptions(it),
        "digest": (it.digest or "none").replace(":", " "),
        "sha256": report.fingerprint(report.evidence(it)),
    }


@cache
def _fonts() -> typst.Fonts:
    """The typesetter's own, and the system's for scripts that those lack; searched once."""
    import typst

    return typst.Fonts(include_system_fonts=True, include_embedded_fonts=True)


def _summary(it: Offboarding) -> list[dict[str, Any]]:
    started = min((task.started_at for task in it.tasks if task.started_at), default=None)
    span = words.clock(started, it.requested_at) or "not started"
    tenant = it.tenant.name or it.tenant.domain
    if it.tenant.name and it.tenant.domain:
        tenant += f" ({it.tenant.domain})"
    found = [
        ("Tenant", tenant, [it.tenant.id]),
        ("User", it.user.upn, [it.user.id]),
        ("Reference", it.reference or "–", []),
        ("Asked for by", it.asked_by or "–", []),
        ("Asked for", words.day_and_time(it.requested_at), []),
        ("Started, finished", f"{span}, {words.clock(it.ended_at, it.requested_at)}" if it.ended_at else span, []),
        ("Can be undone", report.undoable(it), []),
    ]
    if it.approval is not None:
        found.append(("Second person", words.approval(it), list(it.approval.reasons.values())))
    if it.asked_at < it.requested_at:
        found.append(("Counts from", words.day_and_time(it.asked_at), []))
    return [{"title": title, "text": _soft(text), "details": details} for title, text, details in found]


def _task(it: Offboarding, task: TaskRecord) -> dict[str, Any]:
    many = [words.counted(len(task.changes), "change")] if len(task.changes) > 1 else []
    return {
        "label": task.label or task.task,
        "outcome": words.OUTCOMES[task.outcome],
        "tone": report.TONES[task.outcome][0],
        "infos": many + [_soft(note.text) for note in task.notes if note.kind is NoteKind.INFO],
        "changes": [_change(it, record) for record in task.changes],
    }


def _change(it: Offboarding, record: ChangeRecord) -> dict[str, str]:
    started = min((each.started_at for each in it.tasks if each.started_at), default=None)
    missing = it.started and record.made_at is None
    after = words.value(record.change.after, VALUE) or "–"
    return {
        "what": _soft(record.change.what),
        "proof": "" if missing else words.REVERSIBILITY[record.change.reversibility],
        "requests": _soft(f"request {', '.join(record.request_ids)}") if record.request_ids else "",
        "error": f"not made: {_soft(record.error)}" if record.error and record.made_at is None else "",
        "before": _soft(words.value(record.change.before, VALUE)) or "–",
        "after": "not made" if missing else _soft(after),
        "made": words.clock(record.made_at, started),
        "verified": words.clock(record.verified_at, started),
    }


def _exceptions(it: Offboarding) -> list[dict[str, Any]]:
    found = [_problem(task) for task in it.tasks if task.error is not None]
    found += [
        _exception("warn", f"{task.label or task.task}: not done", report.NOT_DONE)
        for task in it.tasks
        if task.outcome is Outcome.CANCELLED and task.error is None
    ]
    for _, note in words.notes_of(it, NoteKind.BLOCKER):
        choices = f"Choices: {', '.join(note.choices)}" if note.choices else ""
        found.append(_exception("warn" if it.started else "bad", note.text, choices))
    found += [_exception("warn", note.text) for _, note in words.notes_of(it, NoteKind.WARNING)]
    for code, choice, question in report.decisions_of(it):
        found.append(_exception("mute", f"Decided: {code} → {choice}".replace("_", " "), question))
    return found


def _problem(task: TaskRecord) -> dict[str, Any]:
    error = task.error
    assert error is not None  # noqa: S101 - asked by the caller
    code = error.code + (f", HTTP {error.status}" if error.status else "")
    code += f", request {error.request_id}" if error.request_id else ""
    title = f"{task.label or task.task}: {words.OUTCOMES[task.outcome].lower()}"
    return _exception("bad", title, error.message, error.advice, code=code)


def _exception(tone: str, title: str, *parts: str, code: str = "") -> dict[str, Any]:
    return {"tone": tone, "title": title, "parts": [part for part in parts if part], "code": code}


def _soft(text: str) -> str:
    """The text with places to break in words that are too long for a cell."""
    return re.sub(rf"\S{{{LONGEST_WORD + 1},}}", lambda word: _broken(word[0]), text)


def _broken(word: str) -> str:
    """Behind the signs that addresses and ids are made of; somewhere, where there are none."""
    pieces = re.sub(r"([@._/:-])", "\\1\u200b", word).split("\u200b")
    short = [piece[i : i + LONGEST_WORD] for piece in pieces for i in range(0, max(len(piece), 1), LONGEST_WORD)]
    return "\u200b".join(short)
