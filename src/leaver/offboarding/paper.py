"""The evidence as PDF: the page's content on A4, tagged and fit for archives (PDF/A). Only this module typesets."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leaver import __version__
from leaver.domain.errors import LeaverError
from leaver.domain.offboarding import ChangeRecord, Offboarding, TaskRecord
from leaver.domain.plan import NoteKind
from leaver.offboarding import report, spoken, words
from leaver.offboarding.sections import by_section

if TYPE_CHECKING:
    import typst

TEMPLATE = Path(__file__).parent / "templates" / "report.typ"
LONGEST_WORD = 18
"""Characters of a word in a cell that are kept together."""
VALUE = 400
"""Characters of what was before, or is after, in one row."""
Decided = Sequence[tuple[datetime, str, str]]
"""When, who, what."""


def pdf(
    offboarding: Offboarding, created_at: datetime | None = None, *, organization: str = "", decided: Decided = ()
) -> bytes:
    """The evidence on paper. It takes a tenth of a second of a processor; a server calls it in a thread.

    `organization` is who hands it over; `decided` is who decided what, where the audit trail is at hand.
    """
    import typst

    created = (created_at or datetime.now(UTC)).replace(microsecond=0)
    try:
        made = typst.compile(
            TEMPLATE,
            root=TEMPLATE.parent,
            font_paths=_fonts(),
            sys_inputs={"report": json.dumps(content(offboarding, created, organization, decided), ensure_ascii=False)},
            pdf_standards=["a-2a"],
            timestamp=created,
        )
    except typst.TypstError as error:
        raise LeaverError(
            "The report could not be typeset.", "pdf_failed", advice="Take the HTML report and print it."
        ) from error
    return bytes(made)


def content(it: Offboarding, created_at: datetime, organization: str = "", decided: Decided = ()) -> dict[str, Any]:
    """What stands on the paper, in plain texts."""
    verdict = words.verdict(it)
    return {
        "id": it.id,
        "name": it.user.display_name,
        "upn": it.user.upn,
        "from": organization or it.tenant.name or it.tenant.domain or it.tenant.id,
        "created": words.day_and_time(created_at),
        "version": __version__,
        "verdict": {"headline": verdict.headline, "figures": verdict.figures, "tone": verdict.tone},
        "summary": _summary(it),
        "changes_title": "Changes" if it.started else "Planned changes",
        "stages": [{"title": title, "tasks": [_task(it, task) for task in tasks]} for title, tasks in by_section(it)],
        "exceptions": [
            {"tone": tone or "mute", "title": title, "texts": [text for text in texts if text]}
            for tone, _, title, texts in report.exceptions(it)
        ],
        "decided": [[words.clock(at, it.requested_at), who, _soft(what)] for at, who, what in decided],
        "proofs": [_proof(it, task) for _, tasks in by_section(it) for task in tasks if task.changes or task.notes],
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
        ("Technician", it.asked_by or "–", []),
        ("Plan confirmed", words.day_and_time(it.requested_at), []),
        ("Started, finished", f"{span}, {words.clock(it.ended_at, it.requested_at)}" if it.ended_at else span, []),
        ("Can be undone", report.undoable(it), []),
    ]
    if it.approval is not None:
        found.append(("Second person", words.approval(it), list(it.approval.reasons.values())))
    if it.asked_at < it.requested_at:
        found.append(("Counts from", words.day_and_time(it.asked_at), []))
    return [{"title": title, "text": _soft(text), "details": details} for title, text, details in found]


def _task(it: Offboarding, task: TaskRecord) -> dict[str, Any]:
    """A row of the table: what was before and what is after, over all changes of the task."""
    row = report.row_of(task)
    return {
        "label": task.label or task.task,
        "before": _soft(_shortened(row.before)),
        "after": _soft(_shortened(row.after)),
        "outcome": "Skipped" if row.skipped else words.OUTCOMES[task.outcome],
        "tone": report.TONES[task.outcome][0],
        "made": words.clock(row.changed, it.requested_at),
        "verified": words.clock(row.verified, it.requested_at),
    }


def _proof(it: Offboarding, task: TaskRecord) -> dict[str, Any]:
    """Each change of a task with what Microsoft answered to it, and what is worth knowing besides."""
    return {
        "label": task.label or task.task,
        "infos": [_soft(note.text) for note in task.notes if note.kind is NoteKind.INFO],
        "changes": [_change(it, record) for record in task.changes],
    }


def _change(it: Offboarding, record: ChangeRecord) -> dict[str, str]:
    missing = it.started and record.made_at is None
    before, after = spoken.in_full(record.change)
    return {
        "what": _soft(spoken.name_of(record.change)),
        "proof": "" if missing else words.REVERSIBILITY[record.change.reversibility],
        "requests": _soft(f"request {', '.join(record.request_ids)}") if record.request_ids else "",
        "error": f"not made: {_soft(record.error)}" if record.error and record.made_at is None else "",
        "before": _soft(before),
        "after": "not made" if missing else _soft(after),
        "made": words.clock(record.made_at, it.requested_at),
        "verified": words.clock(record.verified_at, it.requested_at),
    }


def _shortened(text: str) -> str:
    return text if len(text) <= VALUE else f"{text[: VALUE - 1].rstrip()}…"


def _soft(text: str) -> str:
    """The text with places to break in words that are too long for a cell."""
    return re.sub(rf"\S{{{LONGEST_WORD + 1},}}", lambda word: _broken(word[0]), text)


def _broken(word: str) -> str:
    """Behind the signs that addresses and ids are made of; somewhere, where there are none."""
    pieces = re.sub(r"([@._/:-])", "\\1\u200b", word).split("\u200b")
    short = [piece[i : i + LONGEST_WORD] for piece in pieces for i in range(0, max(len(piece), 1), LONGEST_WORD)]
    return "\u200b".join(short)
