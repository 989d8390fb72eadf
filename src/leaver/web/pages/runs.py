"""One offboarding: how it stands, live, its report, its undo, and what can be done with it."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from leaver.access.roles import Right, may
from leaver.access.targets import refuse_approver
from leaver.domain.errors import LeaverError, Unusable
from leaver.domain.offboarding import Offboarding
from leaver.domain.plan import NoteKind, Reversibility
from leaver.offboarding import report, words
from leaver.offboarding.approval import is_asker
from leaver.offboarding.on_paper import file_name, on_paper
from leaver.offboarding.sections import by_section
from leaver.store.audit import Wanted
from leaver.web import progress
from leaver.web.live import stream
from leaver.web.pages.together import started_together
from leaver.web.reach import changeable, record_of
from leaver.web.rooms import Here, Rooms
from leaver.web.shell import Signed, page

router = APIRouter(include_in_schema=False)
LOOK = 0.4
"""Seconds between two looks for news of a run."""


@router.get("/offboardings/{offboarding_id}")
async def run(
    request: Request, here: Here, session: Signed, offboarding_id: str, error: str = "", together: str = ""
) -> Response:
    """How it stands, live."""
    record = await record_of(here, session.person, offboarding_id, Right.SEE)
    may_change = may(session.person, Right.OFFBOARD, record.tenant.id)
    shown = record
    if record.awaits_approval and not record.tasks and may_change:  # whoever decides sees what they decide
        try:
            shown = await here.desk.planned(record.id)
        except LeaverError as problem:
            error = error or f"It could not be planned just now: {problem}"
    undecided = [
        (note.key, note.text, note.choices) for _, note in words.notes_of(record, NoteKind.BLOCKER) if note.choices
    ]
    together = together if re.fullmatch(r"[0-9a-f]{1,64}", together) else ""
    beside = await started_together(here, session.person, together) if together else []
    undos = await _undos(here, record) if record.ended_at else []
    undoable = progress.to_undo(record) if record.kind == "offboarding" and record.ended_at and may_change else []
    return page(
        request,
        "run.html",
        session,
        page="Offboardings",
        record=record,
        shown=shown,
        live=record.ended_at is None and not record.awaits_approval,
        blockers=undecided,
        together=together if len(beside) > 1 else "",
        beside=beside,
        undoable=undoable,
        undos=undos,
        undo_until=undo_until(record),
        may_change=may_change,
        may_privileged=may(session.person, Right.PRIVILEGED, record.tenant.id),
        asked_by_viewer=is_asker(record, session.person.actor()),
        error=error,
    )


@router.get("/offboardings/{offboarding_id}/events")
async def events(request: Request, here: Here, session: Signed, offboarding_id: str) -> StreamingResponse:
    """The parts of the run page that changed, as they change."""
    record = await record_of(here, session.person, offboarding_id, Right.SEE)

    async def parts(macros: Any) -> tuple[dict[str, str], bool]:
        found = await here.desk.get(record.id)
        fresh = {
            name: str(getattr(macros, name.replace("-", "_"))(found))
            for name in ("summary", "banner", "timeline", "log")
        }
        if found.ended_at is None:
            fresh["cancel-words"] = str(macros.cancel_words(found))
        for number, (_, tasks) in enumerate(by_section(found), 1):
            fresh[f"tally-{number}"] = str(macros.tally(number, tasks))
        fresh |= {f"task-{task.task}": str(macros.task_line(found, task)) for task in found.tasks}
        return fresh, found.ended_at is not None

    async def revision() -> object:
        return await here.house.offboardings.revision(record.id)

    change = may(session.person, Right.OFFBOARD, record.tenant.id)
    return stream(request, here, session, revision=revision, parts=parts, look=LOOK, may_change=change)


@router.get("/offboardings/{offboarding_id}/report")
async def evidence(
    request: Request,
    here: Here,
    session: Signed,
    offboarding_id: str,
    version: str = "",
    error: str = "",
    to: str = "",
) -> Response:
    """The evidence, to read and to print. An undo makes another version; the earlier ones stay."""
    record = await record_of(here, session.person, offboarding_id, Right.SEE)
    undos = [each for each in await _undos(here, record) if each.ended_at is not None]
    versions = 1 + len(undos)
    number = int(version) if version.isdecimal() and 0 < int(version[:4]) <= versions else versions
    entries = [entry async for entry in here.house.audit.entries(Wanted(offboarding_id=record.id))]
    return page(
        request,
        "report.html",
        session,
        page="Offboardings",
        record=record,
        undos=undos[: number - 1],
        number=number,
        versions=versions,
        verdict=words.verdict(record),
        tones=report.TONES,
        row_of=report.row_of,
        undoable=report.undoable(record),
        undo_until=undo_until(record),
        exceptions=report.exceptions(record),
        decided=report.decided(record, entries),
        sha256=report.fingerprint(report.evidence(record)),
        audit_entries=_numbers(entries),
        created_at=datetime.now(UTC),
        mails=here.house.book.mails,
        hands_on=may(session.person, Right.MAIL, record.tenant.id),
        sent=await here.house.book.reports(record),
        error=error,
        to=to,
    )


@router.post("/offboardings/{offboarding_id}/report/email")
async def mail(request: Request, here: Here, session: Signed, offboarding_id: str) -> Response:
    """Send the report to mail addresses."""
    record = await record_of(here, session.person, offboarding_id, Right.MAIL)
    to = str((await request.form()).get("to", ""))
    back = f"/offboardings/{record.id}/report"
    try:
        await here.house.book.mail_report(record, [to], session.person.actor())
    except Unusable as problem:
        said = f"{problem.message} {problem.advice}".strip()
        return RedirectResponse(f"{back}?error={quote(said)}&to={quote(to[:500])}#email", 303)
    return RedirectResponse(f"{back}#sent", 303)


@router.get("/offboardings/{offboarding_id}/report.json")
async def as_document(here: Here, session: Signed, offboarding_id: str) -> Response:
    """The evidence, as JSON."""
    record = await record_of(here, session.person, offboarding_id, Right.SEE)
    text = json.dumps(report.evidence(record), indent=2, ensure_ascii=False)
    headers = {"Content-Disposition": f'attachment; filename="offboarding-{record.id}.json"'}
    return Response(text, media_type="application/json", headers=headers)


@router.get("/offboardings/{offboarding_id}/report.html")
async def alone(here: Here, session: Signed, offboarding_id: str) -> Response:
    """The evidence, as a file that needs nothing else."""
    record = await record_of(here, session.person, offboarding_id, Right.SEE)
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return HTMLResponse(report.page(record), headers={"Content-Security-Policy": policy})


@router.get("/offboardings/{offboarding_id}/report.pdf")
async def as_pdf(here: Here, session: Signed, offboarding_id: str) -> Response:
    """The evidence, as PDF."""
    record = await record_of(here, session.person, offboarding_id, Right.SEE)
    headers = {"Content-Disposition": f'attachment; filename="{file_name(record)}"'}
    made = await on_paper(record, here.house.audit, here.house.config.organization)
    return Response(made, media_type="application/pdf", headers=headers)


@router.get("/offboardings/{offboarding_id}/undo")
async def undo(
    request: Request,
    here: Here,
    session: Signed,
    offboarding_id: str,
    task: Annotated[list[str] | None, Query()] = None,
    error: str = "",
) -> Response:
    """What an undo would put back."""
    record = await record_of(here, session.person, offboarding_id, Right.OFFBOARD)
    planned = await here.desk.undo_plan(record.id, session.person.actor(), task or [])
    return page(
        request,
        "undo.html",
        session,
        page="Offboardings",
        record=planned,
        counts=Counter(words.kind_of(made.change) for task in planned.tasks for made in task.changes),
        error=error,
    )


@router.post("/offboardings/{offboarding_id}/undo")
async def undo_post(request: Request, here: Here, session: Signed, offboarding_id: str) -> Response:
    """Put back what was chosen."""
    record = await changeable(here, session.person, offboarding_id)
    form = await request.form()
    decided = {key.split("|", 2)[2]: str(value) for key, value in form.items() if key.startswith("decide|") and value}
    tasks = [str(each) for each in form.getlist("task")]
    try:
        if not tasks:
            raise Unusable("Choose what to put back.", "no_task")
        made = await here.desk.undo(record.id, session.person.actor(), tasks, decided)
    except Unusable as error:
        return RedirectResponse(f"{request.url.path}?error={quote(error.message)}", 303)
    return RedirectResponse(f"/offboardings/{made.id}", 303)


@router.post("/offboardings/{offboarding_id}/{what}")
async def act(request: Request, here: Here, session: Signed, offboarding_id: str, what: str) -> Response:
    """Retry, cancel, skip a task with a note, or decide as a second person."""
    record = await changeable(here, session.person, offboarding_id)
    form = await request.form()
    actor = session.person.actor()
    back = f"/offboardings/{record.id}"

    async def approver(found: Offboarding) -> None:
        await refuse_approver(session.person, here.house.doorway(found.tenant.id), found)

    try:
        if what == "retry":
            decided = {key.partition(":")[2]: str(value) for key, value in form.items() if key.startswith("decide:")}
            await here.desk.retry(record.id, actor, decided)
        elif what == "cancel":
            await here.desk.cancel(record.id, actor)
        elif what == "skip":
            await here.desk.skip(record.id, str(form.get("task", "")), str(form.get("note", "")), actor)
        elif what == "approve":
            await here.desk.approve(record.id, actor, str(form.get("note", "")), allowed=approver)
        elif what == "refuse":
            await here.desk.refuse(record.id, actor, str(form.get("note", "")), allowed=approver)
        else:
            raise Unusable(f"There is nothing called {what!r} to do.", "unknown_action")
    except Unusable as error:
        return RedirectResponse(f"{back}?error={quote(error.message)}", 303)
    return RedirectResponse(back, 303)


def undo_until(record: Offboarding) -> datetime | None:
    """Until when Microsoft keeps what it keeps for thirty days; nothing where nothing of that kind was changed."""
    kept = Reversibility.UNDO_30_DAYS
    made = [
        each.made_at
        for task in record.tasks
        for each in task.changes
        if each.made_at is not None and each.change.reversibility is kept
    ]
    return min(made) + timedelta(days=30) if made else None


def _numbers(entries: list[dict[str, Any]]) -> str:
    if not entries:
        return "none"
    first, last = entries[0]["number"], entries[-1]["number"]
    return f"{len(entries)}, numbered {first:,} to {last:,}" if len(entries) > 1 else f"1, numbered {first:,}"


async def _undos(here: Rooms, record: Offboarding) -> list[Offboarding]:
    """The runs that put changes of this one back, the first one first."""
    every = await here.house.offboardings.of_user(record.tenant.id, record.user.id)
    return [each for each in reversed(every) if each.undo_of == record.id]
