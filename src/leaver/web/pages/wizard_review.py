"""The wizard's fourth step: the plan from the live tenant, what has to be decided, and the confirmation."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response

from leaver.access.sessions import Session
from leaver.access.targets import refuse_privileged
from leaver.domain.errors import LeaverError, Refused, TryAgain, Unusable
from leaver.domain.offboarding import Offboarding, TaskRecord
from leaver.domain.outcome import Outcome
from leaver.domain.plan import Note, NoteKind
from leaver.domain.rights import FROM_INDEX
from leaver.offboarding import spoken, words
from leaver.offboarding.planner import Preview
from leaver.offboarding.sections import by_section
from leaver.store.tenants import KnownTenant
from leaver.web.drafts import DRAFT, asked, draft_of, keep, take_decisions, where
from leaver.web.pages.together import remember
from leaver.web.pages.wizard_settings import faults_of, settings_page
from leaver.web.pages.wizard_users import SAVED
from leaver.web.reach import tenant_of
from leaver.web.readings import Reading, Replaced
from leaver.web.rooms import Here, Rooms
from leaver.web.shell import Signed, lists, page

router = APIRouter(include_in_schema=False)
NAMES_AT_MOST = 3
"""More users than this with something permanent, and their number is typed instead of each name."""
LOOK_AGAIN = "5"
"""Seconds until a page that shows a plan being read is asked for again."""


@router.get("/offboardings/new/{draft_id}/review")
async def show(request: Request, here: Here, session: Signed, draft_id: str, format: str = "") -> Response:
    """The plan; while it is being read, a page that says so and comes again."""
    draft = await draft_of(here, session, draft_id)
    if not draft["users"] or draft["settings"] is None:
        return RedirectResponse(f"/offboardings/new/{draft_id}", 303)
    known = await tenant_of(here, session.person, draft["tenant_id"])
    faults = faults_of(draft)
    if faults:
        return await settings_page(request, here, session, draft, faults=faults)
    try:
        reading = await _reading(here, session, draft)
        if not reading.task.done():
            answer = page(
                request, "wizard_reading.html", session, page="Offboardings", draft=draft, known=known, reading=reading
            )
            answer.headers["Refresh"] = LOOK_AGAIN
            return answer
        preview = reading.result()
    except Replaced:  # in another tab
        return RedirectResponse(request.url.path, 303)
    except (Unusable, Refused) as problem:
        here.readings.forget(draft_id)
        return await settings_page(request, here, session, draft, error=_advised(problem))
    except TryAgain as problem:
        here.readings.forget(draft_id)
        return _silent(request, session, draft, known, problem)
    if format == "json":
        headers = {"Content-Disposition": f'attachment; filename="plan-{draft_id}.json"'}
        return Response(json.dumps(preview.as_json(), indent=2), media_type="application/json", headers=headers)
    if format == "txt":
        headers = {"Content-Disposition": f'attachment; filename="plan-{draft_id}.txt"'}
        return PlainTextResponse(_as_text(preview), headers=headers)
    return _page(request, session, draft, known, reading, preview)


@router.post("/offboardings/new/{draft_id}/review")
async def take(request: Request, here: Here, session: Signed, draft_id: str) -> Response:
    """Decide, read again, or confirm; what is confirmed is exactly the plan that was shown."""
    draft = await draft_of(here, session, draft_id)
    known = await tenant_of(here, session.person, draft["tenant_id"])
    form = lists(await request.form())
    do = "".join(form.get("do", [])[:1])
    if do == "enter":  # pressed in a field: it confirms behind a typed name, and keeps what was decided elsewhere
        do = "confirm" if any("".join(said) for name, said in form.items() if name.startswith("confirm:")) else "decide"
    before = json.dumps(draft["decisions"], sort_keys=True)
    take_decisions(draft, form)
    looks_further = "scan" in form and ("full_scan" in form) != bool(draft.get("full_scan"))
    draft["full_scan"] = "full_scan" in form if "scan" in form else bool(draft.get("full_scan"))
    decided_more = json.dumps(draft["decisions"], sort_keys=True) != before
    await keep(here, draft)
    path = request.url.path
    if do == "draft":
        return RedirectResponse(SAVED, 303)
    if do == "refresh":
        here.readings.forget(draft_id)
    if do != "confirm" or decided_more:  # another decision is another plan, which nobody has seen yet
        return RedirectResponse(path, 303)
    if looks_further:
        said = "You changed how far Leaver looks, so the plan was made anew. Review it, then confirm it."
        return await _again(request, here, session, draft, known, said)
    digest = "".join(form.get("digest", []))
    shown = here.readings.shown(draft_id, digest)
    if shown is None:
        return await _again(request, here, session, draft, known, "The plan was read again. Review it, then confirm.")
    wrong = _wrong_names(shown.offboardings, form)
    if wrong:
        reading = await _reading(here, session, draft)
        return _page(request, session, draft, known, reading, shown, wrong=wrong)

    async def allowed(record: Offboarding) -> None:
        await refuse_privileged(session.person, here.house.doorway(known.id), record)

    try:
        records = await here.desk.submit(asked(draft), session.person.actor(), confirmed_digest=digest, allowed=allowed)
    except Unusable as error:
        if error.code != "plan_changed":
            return await _again(request, here, session, draft, known, _advised(error))
        return await _again(request, here, session, draft, known, "", before=shown)
    except TryAgain as problem:
        return _silent(request, session, draft, known, problem)
    await remember(here, draft_id, records)
    await here.house.papers.remove(DRAFT, draft_id)
    here.readings.forget(draft_id)
    return RedirectResponse(where(draft_id, [record.id for record in records]), 303)


async def _reading(here: Rooms, session: Session, draft: dict[str, Any]) -> Reading:
    request = asked(draft)
    key = json.dumps(asdict(request), sort_keys=True, default=str)

    async def read(progress: Callable[[str], None]) -> Preview:
        return await here.desk.plan(request, session.person.actor(), progress=progress)

    return await here.readings.of(draft["id"], key, len(request.users), read)


def _silent(
    request: Request, session: Session, draft: dict[str, Any], known: KnownTenant, problem: TryAgain
) -> Response:
    """The tenant did not answer: nothing was changed, and the draft is kept."""
    return page(
        request,
        "wizard_silent.html",
        session,
        code=503,
        page="Offboardings",
        draft=draft,
        known=known,
        problem=problem,
    )


async def _again(
    request: Request,
    here: Rooms,
    session: Session,
    draft: dict[str, Any],
    known: KnownTenant,
    error: str,
    *,
    before: Preview | None = None,
) -> Response:
    """The plan of this moment; with what is different from the one that was shown, where the tenant has changed."""
    then = None if before is None else here.readings.read_at(draft["id"])
    here.readings.forget(draft["id"])
    reading = await _reading(here, session, draft)
    try:
        fresh = await reading.whole()
    except Replaced:
        return RedirectResponse(request.url.path, 303)
    except LeaverError as problem:
        here.readings.forget(draft["id"])
        return await settings_page(request, here, session, draft, error=_advised(problem))
    here.readings.settled(draft["id"])
    changed = "" if before is None else differences(before, fresh)
    return _page(
        request, session, draft, known, reading, fresh, error=error, changed=changed, changed_since=then, code=409
    )


def _page(
    request: Request,
    session: Session,
    draft: dict[str, Any],
    known: KnownTenant,
    reading: Reading,
    preview: Preview,
    *,
    wrong: Mapping[str, str] | None = None,
    error: str = "",
    changed: str = "",
    changed_since: datetime | None = None,
    code: int = 200,
) -> Response:
    records = preview.offboardings
    expected = _expected(records)
    return page(
        request,
        "wizard_review.html",
        session,
        page="Offboardings",
        code=400 if wrong else code,
        draft=draft,
        known=known,
        records=records,
        digest=preview.digest,
        blocked=preview.blocked,
        unreachable=preview.unreachable,
        reading=reading,
        counts=Counter(_glyphs(records)),
        blockers=_linked(records, NoteKind.BLOCKER),
        resolved=_resolved(records),
        warnings=_linked(records, NoteKind.WARNING),
        permanent=[record for record in records if record.permanent],
        marks=Counter(
            made.change.reversibility for record in records for task in record.tasks for made in task.changes
        ),
        expected=expected,
        by_index=any(
            note.code == FROM_INDEX for record in records for _, note in words.notes_of(record, NoteKind.INFO)
        ),
        spared=[record for record in records if not record.permanent] if expected and len(records) > 1 else [],
        changes=sum(len(task.changes) for record in records for task in record.tasks),
        seconds=max((record.estimate_seconds for record in records), default=0.0),
        starts=asked(draft).at,
        wrong=wrong or {},
        changed=changed,
        changed_since=changed_since,
        error=error,
    )


def differences(before: Preview, fresh: Preview) -> str:
    """What another plan holds and this one does not, and the other way round, in a sentence for each user."""
    then = {record.user.id: _lines(record) for record in before.offboardings}
    said = []
    for record in fresh.offboardings:
        now, was = _lines(record), then.get(record.user.id, [])
        more = [line for line in now if line not in was]
        less = [line for line in was if line not in now]
        told = [f"{word} {words.listed(lines[:5])}" for word, lines in (("also", more), ("no more", less)) if lines]
        if told:
            said.append(f"{record.user.display_name}: {'; '.join(told)}.")
    return " ".join(said)


def _lines(record: Offboarding) -> list[str]:
    return [words.sentence(made.change) for task in record.tasks for made in task.changes]


def _glyphs(records: Iterable[Offboarding]) -> Iterable[str]:
    for record in records:
        for task in record.tasks:
            yield from (words.kind_of(made.change) for made in task.changes)
            if not task.changes:
                yield words.kind_of_task(task)


def _linked(records: Iterable[Offboarding], kind: NoteKind) -> list[tuple[str, str, str]]:
    """Anchor, person and text of every note of a kind; what is open of blockers, and the same text once."""
    found: dict[tuple[str, str], str] = {}
    for record in records:
        for task in record.tasks:
            for note in task.notes:
                decided = kind is NoteKind.WARNING and note.choices  # told of as a resolved blocker
                still_open = kind is not NoteKind.BLOCKER or task.outcome is Outcome.BLOCKED
                if note.kind is kind and still_open and not decided:
                    found.setdefault((record.user.display_name, note.text), f"plan-{record.user.id}-{task.task}")
        for note in record.notes:
            if note.kind is kind:
                found.setdefault((record.user.display_name, note.text), f"user-{record.user.id}")
    return [(anchor, who, text) for (who, text), anchor in found.items()]


def _resolved(records: Iterable[Offboarding]) -> list[tuple[str, str, Note, str]]:
    """Anchor, person, note and choice of every blocker that was decided."""
    return [
        (f"plan-{record.user.id}-{task.task}", record.user.display_name, note, record.decisions[note.key])
        for record in records
        for task in record.tasks
        for note in task.notes
        if note.kind is NoteKind.WARNING and record.decisions.get(note.key) in note.choices
    ]


def _expected(records: list[Offboarding]) -> list[tuple[str, str]]:
    """What must be typed: a name for each user with something permanent, or one sentence for many."""
    permanent = [record for record in records if record.permanent]
    if len(permanent) > NAMES_AT_MOST:
        return [("all", f"offboard {words.counted(len(records), 'user')}")]
    return [(record.user.id, record.user.display_name) for record in permanent]


def _wrong_names(records: list[Offboarding], form: Mapping[str, list[str]]) -> dict[str, str]:
    """The fields in which something else was typed, and what is expected there."""
    found = {}
    for key, expected in _expected(records):
        typed = " ".join("".join(form.get(f"confirm:{key}", [])).split())
        if typed.casefold() != " ".join(expected.split()).casefold():
            found[key] = expected
    return found


def _advised(error: LeaverError) -> str:
    """What went wrong, and what to do; but for what is done at the command line."""
    return error.message if "`leaver " in error.advice else f"{error.message} {error.advice}".strip()


def _as_text(preview: Preview) -> str:
    """The plan for a ticket: one line for each change."""
    lines = [f"Plan for {preview.tenant.name or preview.tenant.domain} ({preview.tenant.domain})", preview.digest, ""]
    for record in preview.offboardings:
        lines.append(f"{record.user.display_name} ({record.user.upn}), {words.about(record.estimate_seconds)}")
        for title, tasks in by_section(record):
            lines.append(f"  {title}")
            for task in tasks:
                lines.append(f"    {words.GLYPHS[words.kind_of_task(task)]} {task.label}: {_short(task)}")
                lines += [
                    f"        {words.GLYPHS[words.kind_of(made.change)]} {words.sentence(made.change)}"
                    for made in (task.changes if len(task.changes) > 1 else ())
                ]
                lines += [f"        {note.kind.value.replace('_', '-')}: {note.text}" for note in task.notes]
        lines.append("")
    return "\n".join(lines)


def _short(task: TaskRecord) -> str:
    return words.sentence(task.changes[0].change) if len(task.changes) == 1 else spoken.in_short(task)
