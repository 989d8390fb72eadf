"""The portal's pages: server-rendered, through the same desk as the API, and working without a script."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Protocol
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import FormData

from leaver import __version__
from leaver.access.accounts import Accounts
from leaver.access.roles import Person, Right, Role, may, require
from leaver.access.sessions import LASTS, Session, Sessions
from leaver.access.targets import refuse_privileged
from leaver.access.tokens import Tokens
from leaver.domain.errors import Denied, LeaverError, NotSignedIn, Unusable
from leaver.domain.offboarding import Offboarding
from leaver.domain.outcome import Outcome
from leaver.domain.plan import NoteKind
from leaver.offboarding import readiness, report, words
from leaver.offboarding.desk import Desk
from leaver.offboarding.desk import Request as Asked
from leaver.offboarding.settings import as_plain, parse
from leaver.store.defaults import ORGANIZATION, effective
from leaver.store.tenants import KnownTenant
from leaver.web import forms
from leaver.wiring import House

router = APIRouter(include_in_schema=False)
COOKIE = "leaver"
DRAFT = "draft"
DRAFT_LASTS = timedelta(days=14)
MOST_USERS = 50
NAMES_AT_MOST = 3
"""More users than this with something permanent, and their number is typed instead of each name."""
ACTIVE = ("planned", "scheduled", "running", "waiting")
SHOWN = {"running": ("running", "waiting", "planned"), "scheduled": ("scheduled",), "failed": ("failed", "blocked")}
SHOWN |= {"completed": ("completed", "follow_up"), "": ()}
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
LOOK = 0.4


class Rooms(Protocol):
    """What the running program keeps for its doors."""

    house: House
    desk: Desk
    tokens: Tokens
    accounts: Accounts
    sessions: Sessions


_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
)
_PAGES.globals |= {"words": words, "version": __version__}


def rooms(request: Request) -> Rooms:
    """The running program's rooms."""
    found: Rooms = request.app.state
    return found


Here = Annotated[Rooms, Depends(rooms)]


async def signed_in(request: Request, here: Here) -> Session:
    """Who is signed in; a posted form must have been made for this session."""
    address = request.client.host if request.client else ""
    session = await here.sessions.of(request.cookies.get(COOKIE, ""), address)
    if session is None:
        raise NotSignedIn("Nobody is signed in.", "not_signed_in")
    if request.method == "POST" and not session.allows(str((await request.form()).get("csrf", ""))):
        raise Denied("The form was not made for this session.", "forged_form", advice="Open the page again.")
    if session.must_change and request.url.path not in ("/password", "/signout"):
        raise NotSignedIn("The password must be changed first.", "must_change")
    return session


Signed = Annotated[Session, Depends(signed_in)]


def page(request: Request, name: str, session: Session | None, *, code: int = 200, **values: Any) -> HTMLResponse:
    """A page with its strict policy."""

    def allowed(right: str) -> bool:
        return session is not None and may(session.person, Right(right), _some(session.person, right))

    theme = request.cookies.get("theme", "")
    given: dict[str, Any] = {"session": session, "theme": theme if theme in ("light", "dark") else "", "live": False}
    given |= {"may": allowed, "page": "", "bare": False, "error": "", "done": _done, "failed": _failed} | values
    html = _PAGES.get_template(name).render(**given)
    return HTMLResponse(html, code, {"Content-Security-Policy": POLICY})


async def on_error(request: Request, here: Rooms, error: LeaverError, status: int) -> Response:
    """An error as a page; who is not signed in is asked to, and comes back to the same place."""
    if isinstance(error, NotSignedIn):
        if error.code == "must_change":
            return RedirectResponse("/password", 303)
        back = request.url.path if request.method == "GET" else "/"
        return RedirectResponse(f"/signin?next={quote(back)}", 303)
    session = await here.sessions.of(request.cookies.get(COOKIE, ""))
    title = {403: "Not allowed", 404: "Not found", 503: "Not reachable"}.get(status, "That did not work")
    return page(request, "problem.html", session, code=status, title=title, text=error.message, advice=error.advice)


@router.get("/signin")
async def signin(request: Request, next: str = "/") -> Response:
    """Ask who it is."""
    return page(request, "signin.html", None, next=_inside(next))


@router.post("/signin")
async def signin_post(request: Request, here: Here) -> Response:
    """Let somebody in."""
    form = await request.form()
    address = request.client.host if request.client else ""
    back = _inside(str(form.get("next", "/")))
    try:
        person, must_change = await here.accounts.check(
            str(form.get("username", "")), str(form.get("password", "")), address
        )
    except NotSignedIn as error:
        return page(request, "signin.html", None, code=401, next=back, error=error.message)
    answer = RedirectResponse("/password" if must_change else back, 303)
    await _let_in(request, here, answer, person, must_change=must_change)
    return answer


@router.post("/signout")
async def signout(request: Request, here: Here, _: Signed) -> Response:
    """Close the session."""
    await here.sessions.close(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/signin", 303)
    answer.delete_cookie(COOKIE)
    return answer


@router.get("/password")
async def password(request: Request, session: Signed) -> Response:
    """Choose another password."""
    return page(request, "password.html", session, bare=True)


@router.post("/password")
async def password_post(request: Request, here: Here, session: Signed) -> Response:
    """Set it, and open a new session."""
    form = await request.form()
    try:
        await here.accounts.change(session.person.name, str(form.get("old", "")), str(form.get("new", "")))
    except (NotSignedIn, Unusable) as error:
        return page(request, "password.html", session, code=400, bare=True, error=error.message)
    await here.sessions.close(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/", 303)
    await _let_in(request, here, answer, session.person, must_change=False)
    return answer


@router.post("/theme")
async def theme(request: Request, _: Signed) -> Response:
    """Switch between light and dark, where no script does it."""
    answer = RedirectResponse("/", 303)
    dark = request.cookies.get("theme") == "dark"
    answer.set_cookie("theme", "light" if dark else "dark", max_age=31_536_000, samesite="lax")
    return answer


@router.get("/")
async def home(
    request: Request, here: Here, session: Signed, status: str = "", q: str = "", tenant: str = "", after: str = ""
) -> Response:
    """Offboardings, the latest first."""
    person = session.person
    require(person, Right.SEE)
    known = [each for each in await here.house.tenants.all() if person.sees(each.id)]
    ids = [tenant] if tenant and person.sees(tenant) else person.tenant_ids
    states = SHOWN.get(status, ())
    found, following = await here.desk.page(tenant_ids=ids, states=states, text=q, after=after, limit=25)
    counts = await here.house.offboardings.counts(person.tenant_ids)
    figures = {key: sum(counts.get(each, 0) for each in of) for key, of in SHOWN.items()}
    figures[""] = sum(counts.values())
    return page(
        request,
        "home.html",
        session,
        page="Offboardings",
        records=found,
        following=following,
        figures=figures,
        status=status if status in SHOWN else "",
        q=q,
        tenant=tenant,
        tenants=known,
    )


@router.get("/offboardings/new")
async def new(here: Here, session: Signed) -> Response:
    """A new draft."""
    require(session.person, Right.OFFBOARD, _some(session.person, "offboard"))
    draft: dict[str, Any] = {
        "id": secrets.token_hex(8),
        "owner": session.person.name,
        "tenant_id": "",
        "users": {},
        "settings": None,
    }
    draft |= {"at": "", "tz": "", "reference": "", "decisions": {}}
    await _keep(here, draft)
    return RedirectResponse(f"/offboardings/new/{draft['id']}/tenant", 303)


@router.get("/offboardings/new/{draft_id}/tenant")
async def wizard_tenant(request: Request, here: Here, session: Signed, draft_id: str, q: str = "") -> Response:
    """Step 1."""
    draft = await _draft(here, session, draft_id)
    everyone = [each for each in await here.house.tenants.all() if session.person.sees(each.id)]
    wanted = q.strip().lower()
    found = [each for each in everyone if wanted in f"{each.name} {each.domain} {' '.join(each.domains)}".lower()]
    return page(request, "wizard_tenant.html", session, draft=draft, tenants=found[:100], total=len(everyone), q=q)


@router.post("/offboardings/new/{draft_id}/tenant")
async def wizard_tenant_post(request: Request, here: Here, session: Signed, draft_id: str) -> Response:
    """Choose it; another tenant empties the rest of the draft."""
    draft = await _draft(here, session, draft_id)
    known = await _tenant(here, session.person, str((await request.form()).get("tenant", "")))
    if draft["tenant_id"] != known.id:
        draft |= {"tenant_id": known.id, "users": {}, "settings": None, "decisions": {}}
    await _keep(here, draft)
    return RedirectResponse(f"/offboardings/new/{draft_id}/users", 303)


@router.get("/offboardings/new/{draft_id}/users")
async def wizard_users(
    request: Request, here: Here, session: Signed, draft_id: str, q: str = "", after: str = "", error: str = ""
) -> Response:
    """Step 2."""
    draft = await _draft(here, session, draft_id)
    known = await _tenant(here, session.person, draft["tenant_id"])
    search = q.strip() if len(q.strip()) > 1 else ""
    rows, following = await here.house.doorway(known.id).users.page(search, after)
    active, _ = await here.desk.page(tenant_ids=[known.id], states=ACTIVE, limit=500)
    busy = {record.user.id: record for record in active}
    return page(
        request,
        "wizard_users.html",
        session,
        draft=draft,
        known=known,
        rows=rows,
        following=following,
        busy=busy,
        q=q,
        error=error,
    )


@router.post("/offboardings/new/{draft_id}/users")
async def wizard_users_post(request: Request, here: Here, session: Signed, draft_id: str) -> Response:
    """Keep the selection across searches and pages; every id is looked up in the tenant."""
    draft = await _draft(here, session, draft_id)
    known = await _tenant(here, session.person, draft["tenant_id"])
    form = await request.form()
    users = {key: name for key, name in draft["users"].items() if key not in form.getlist("seen")}
    wanted = [str(each) for each in form.getlist("user")]
    wanted += [line.strip() for line in str(form.get("list", "")).splitlines() if line.strip()]
    doorway = here.house.doorway(known.id)
    found = await asyncio.gather(*(doorway.users.get(text) for text in wanted), return_exceptions=True)
    missing = [text for text, user in zip(wanted, found, strict=True) if isinstance(user, LeaverError)]
    for user in found:
        if isinstance(user, BaseException):
            if not isinstance(user, LeaverError):
                raise user
        else:
            users[user.id] = user.display_name or user.upn
    users.pop(str(form.get("remove", "")), None)
    draft["users"] = dict(list(users.items())[:MOST_USERS])
    await _keep(here, draft)
    here_again = f"/offboardings/new/{draft_id}/users"
    if missing:
        return RedirectResponse(f"{here_again}?error={quote('Not found: ' + ', '.join(missing[:10]))}", 303)
    if form.get("do") != "next" or form.get("remove"):
        return RedirectResponse(here_again, 303)
    if not users:
        return RedirectResponse(f"{here_again}?error={quote('Choose at least one user.')}", 303)
    return RedirectResponse(f"/offboardings/new/{draft_id}/settings", 303)


@router.get("/offboardings/new/{draft_id}/settings")
async def wizard_settings(request: Request, here: Here, session: Signed, draft_id: str) -> Response:
    """Step 3."""
    draft = await _draft(here, session, draft_id)
    return await _settings_page(request, here, session, draft, draft["settings"])


@router.post("/offboardings/new/{draft_id}/settings")
async def wizard_settings_post(request: Request, here: Here, session: Signed, draft_id: str) -> Response:
    """Keep what was chosen, right or wrong, and go on when it is right."""
    draft = await _draft(here, session, draft_id)
    form = await request.form()
    if form.get("do") == "reset":
        draft["settings"] = None
        await _keep(here, draft)
        return RedirectResponse(request.url.path, 303)
    chosen = forms.read(_lists(form))
    for task, said in (await _effective(here, draft["tenant_id"])).items():
        if said.locked:  # the server decides again; the page only shows it
            chosen.pop(task, None)
            if said.value not in (None, False):
                chosen[task] = said.value
    later = form.get("when") == "later"
    draft |= {"settings": chosen, "reference": str(form.get("reference", ""))[:64], "decisions": {}}
    draft |= {"at": str(form.get("at", "")) if later else "", "tz": str(form.get("tz", "")) if later else ""}
    await _keep(here, draft)
    try:
        draft["settings"] = as_plain(parse(chosen))
        if later:
            _moment(draft)
    except Unusable as error:
        return await _settings_page(request, here, session, draft, chosen, error.message)
    await _keep(here, draft)
    return RedirectResponse(f"/offboardings/new/{draft_id}/review", 303)


@router.get("/offboardings/new/{draft_id}/review")
async def wizard_review(request: Request, here: Here, session: Signed, draft_id: str, error: str = "") -> Response:
    """Step 4: the plan from the live tenant."""
    draft = await _draft(here, session, draft_id)
    known = await _tenant(here, session.person, draft["tenant_id"])
    try:
        preview = await here.desk.plan(_asked(draft), session.person.actor())
    except Unusable as problem:
        return await _settings_page(request, here, session, draft, draft["settings"], problem.message)
    records = preview.offboardings
    permanent = [record for record in records if record.permanent]
    warnings = [note.text for record in records for _, note in words.notes_of(record, NoteKind.WARNING)]
    return page(
        request,
        "wizard_review.html",
        session,
        draft=draft,
        known=known,
        records=records,
        digest=preview.digest,
        blocked=preview.blocked,
        warnings=list(dict.fromkeys(warnings)),
        permanent=permanent,
        expected=_expected(records),
        changes=sum(len(task.changes) for record in records for task in record.tasks),
        error=error,
    )


@router.post("/offboardings/new/{draft_id}/review")
async def wizard_review_post(request: Request, here: Here, session: Signed, draft_id: str) -> Response:
    """Decide, read again, or confirm; what is confirmed is exactly the plan that was shown."""
    draft = await _draft(here, session, draft_id)
    known = await _tenant(here, session.person, draft["tenant_id"])
    form = await request.form()
    decided = {key.partition(":")[2]: str(value) for key, value in form.items() if key.startswith("decide:")}
    draft["decisions"] = draft["decisions"] | decided
    await _keep(here, draft)
    path = request.url.path
    if form.get("do") != "confirm":
        return RedirectResponse(path, 303)
    actor = session.person.actor()
    planned = await here.desk.plan(_asked(draft), actor)
    for key, expected in _expected(planned.offboardings):
        if " ".join(str(form.get(f"confirm:{key}", "")).split()).lower() != expected.lower():
            return RedirectResponse(f"{path}?error={quote('Type the name exactly: ' + expected)}", 303)

    async def allowed(record: Offboarding) -> None:
        await refuse_privileged(session.person, here.house.doorway(known.id), record)

    try:
        records = await here.desk.submit(
            _asked(draft), actor, confirmed_digest=str(form.get("digest", "")), allowed=allowed
        )
    except Unusable as error:
        return RedirectResponse(f"{path}?error={quote(error.message)}", 303)
    await here.house.papers.remove(DRAFT, draft_id)
    if len(records) == 1:
        return RedirectResponse(f"/offboardings/{records[0].id}", 303)
    return RedirectResponse("/", 303)


@router.get("/offboardings/{offboarding_id}")
async def run(request: Request, here: Here, session: Signed, offboarding_id: str, error: str = "") -> Response:
    """How it stands, live."""
    record = await _record(here, session.person, offboarding_id, Right.SEE)
    undecided = [
        (note.code, note.text, note.choices) for _, note in words.notes_of(record, NoteKind.BLOCKER) if note.choices
    ]
    return page(
        request,
        "run.html",
        session,
        page="Offboardings",
        record=record,
        live=record.ended_at is None,
        blockers=undecided,
        may_change=may(session.person, Right.OFFBOARD, record.tenant.id),
        error=error,
    )


@router.get("/offboardings/{offboarding_id}/events")
async def events(request: Request, here: Here, session: Signed, offboarding_id: str) -> StreamingResponse:
    """The parts of the run page that changed, as they change."""
    record = await _record(here, session.person, offboarding_id, Right.SEE)
    stream = _parts(request, here, session, record.id)
    return StreamingResponse(stream, media_type="text/event-stream")


@router.get("/offboardings/{offboarding_id}/report")
async def evidence(here: Here, session: Signed, offboarding_id: str) -> Response:
    """The evidence, as a page of its own."""
    record = await _record(here, session.person, offboarding_id, Right.SEE)
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return HTMLResponse(report.page(record), headers={"Content-Security-Policy": policy})


@router.get("/offboardings/{offboarding_id}/undo")
async def undo(request: Request, here: Here, session: Signed, offboarding_id: str, error: str = "") -> Response:
    """What an undo would put back."""
    record = await _record(here, session.person, offboarding_id, Right.OFFBOARD)
    planned = await here.desk.undo_plan(record.id, session.person.actor())
    return page(request, "undo.html", session, record=planned, error=error)


@router.post("/offboardings/{offboarding_id}/undo")
async def undo_post(request: Request, here: Here, session: Signed, offboarding_id: str) -> Response:
    """Put back what was chosen."""
    record = await _changeable(here, session.person, offboarding_id)
    form = await request.form()
    decided = {key.partition(":")[2]: str(value) for key, value in form.items() if key.startswith("decide:")}
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
    """Retry, cancel, or skip a task with a note."""
    record = await _changeable(here, session.person, offboarding_id)
    form = await request.form()
    actor = session.person.actor()
    back = f"/offboardings/{record.id}"
    try:
        if what == "retry":
            decided = {key.partition(":")[2]: str(value) for key, value in form.items() if key.startswith("decide:")}
            await here.desk.retry(record.id, actor, decided)
        elif what == "cancel":
            await here.desk.cancel(record.id, actor)
        elif what == "skip":
            await here.desk.skip(record.id, str(form.get("task", "")), str(form.get("note", "")), actor)
        else:
            raise Unusable(f"There is nothing called {what!r} to do.", "unknown_action")
    except Unusable as error:
        return RedirectResponse(f"{back}?error={quote(error.message)}", 303)
    return RedirectResponse(back, 303)


@router.get("/tenants")
async def tenants(request: Request, here: Here, session: Signed) -> Response:
    """The tenants."""
    require(session.person, Right.SEE)
    found = [each for each in await here.house.tenants.all() if session.person.sees(each.id)]
    return page(request, "tenants.html", session, page="Tenants", tenants=found)


@router.get("/tenants/{tenant_id}")
async def tenant(request: Request, here: Here, session: Signed, tenant_id: str) -> Response:
    """Which tasks would work there, and what to grant."""
    known = await _tenant(here, session.person, tenant_id)
    found = (await readiness.check(here.house, known.named)).as_json()
    return page(request, "tenant.html", session, page="Tenants", known=known, health=found)


@router.get("/defaults/{scope}")
async def defaults(request: Request, here: Here, session: Signed, scope: str, saved: str = "") -> Response:
    """What the tasks are preset to."""
    title = await _scope(here, session.person, scope)
    said = await here.house.defaults.get(scope)
    shown = {task: value.get("value") for task, value in said.items()}
    origins = {task: ("", bool(value.get("locked"))) for task, value in said.items()}
    stages = forms.rows(shown, {task: (origin, False) for task, (origin, _) in origins.items()})
    return page(request, "defaults.html", session, page="Defaults", title=title, stages=stages, saved=saved)


@router.post("/defaults/{scope}")
async def defaults_post(request: Request, here: Here, session: Signed, scope: str) -> Response:
    """Replace them."""
    title = await _scope(here, session.person, scope)
    chosen = forms.read(_lists(await request.form()))
    try:
        plain = as_plain(parse(chosen)) if chosen else {}
    except Unusable as error:
        stages = forms.rows(chosen, {})
        return page(
            request,
            "defaults.html",
            session,
            code=400,
            page="Defaults",
            title=title,
            stages=stages,
            saved="",
            error=error.message,
        )
    before = await here.house.defaults.get(scope)
    kept = {task: {"value": value, "locked": bool(before.get(task, {}).get("locked"))} for task, value in plain.items()}
    await here.house.defaults.save(scope, kept, session.person.actor())
    return RedirectResponse(f"/defaults/{scope}?saved=1", 303)


@router.get("/audit")
async def audit(request: Request, here: Here, session: Signed) -> Response:
    """The audit trail, with a check of its chain."""
    require(session.person, Right.AUDIT, _some(session.person, "audit"))
    problems = await here.house.audit.verify() if session.person.tenants is None else []
    ids = None if session.person.tenants is None else sorted(session.person.tenants)
    entries = await here.house.audit.latest(tenant_ids=ids, limit=200)
    return page(request, "audit.html", session, page="Audit log", entries=entries, problems=problems)


@router.get("/settings")
async def settings(request: Request, here: Here, session: Signed) -> Response:
    """API tokens."""
    require(session.person, Right.MANAGE)
    return page(request, "settings.html", session, page="Settings", tokens=await here.tokens.all(), secret="")


@router.post("/settings")
async def settings_post(request: Request, here: Here, session: Signed) -> Response:
    """Make or revoke a token."""
    require(session.person, Right.MANAGE)
    form = await request.form()
    secret, problem = "", ""
    try:
        if form.get("revoke"):
            await here.tokens.revoke(str(form["revoke"]), session.person.actor())
        else:
            days = str(form.get("days", ""))
            if not days.isdigit() or not 0 < int(days) < 3651:
                raise Unusable("Give a number of days.", "malformed_days")
            until = datetime.now(UTC) + timedelta(days=int(days))
            role = Role(str(form.get("role", "viewer")))
            _, secret = await here.tokens.create(
                str(form.get("name", "")), role, session.person.actor(), expires_at=until
            )
    except (Unusable, ValueError) as error:
        problem = str(error)
    found = await here.tokens.all()
    return page(request, "settings.html", session, page="Settings", tokens=found, secret=secret, error=problem)


async def _parts(request: Request, here: Rooms, session: Session, offboarding_id: str) -> AsyncIterator[str]:
    """Each part whose HTML changed, as `part` with its id; `end` once the run has ended."""
    parts = _PAGES.get_template("parts.html")
    given = {"session": session, "done": _done, "failed": _failed}
    given["may_change"] = may(session.person, Right.OFFBOARD, "")
    module = parts.make_module(given)
    shown: dict[str, str] = {}
    seen = -1
    while not await request.is_disconnected():
        revision = await here.house.offboardings.revision(offboarding_id)
        if revision != seen:
            seen = revision
            record = await here.desk.get(offboarding_id)
            fresh = {"summary": str(module.summary(record))}  # type: ignore[attr-defined]
            for task in record.tasks:
                fresh[f"task-{task.task}"] = str(module.task_line(record, task))  # type: ignore[attr-defined]
            new_tasks = bool(shown) and not set(fresh) <= set(shown)
            for key, html in fresh.items():
                if shown.get(key) != html:
                    yield f"event: part\ndata: {json.dumps({'id': key, 'html': html})}\n\n"
            shown = fresh
            if record.ended_at is not None or new_tasks:
                yield "event: end\ndata: {}\n\n"
                return
        else:
            yield ": still here\n\n"
        await asyncio.sleep(LOOK)


async def _settings_page(
    request: Request, here: Rooms, session: Session, draft: dict[str, Any], chosen: Any, error: str = ""
) -> Response:
    known = await _tenant(here, session.person, draft["tenant_id"])
    found = await _effective(here, known.id)
    presets = {task: said.value for task, said in found.items()}
    shown = presets if chosen is None else chosen
    origins = {
        task: (said.origin if shown.get(task) == said.value else "", said.locked) for task, said in found.items()
    }
    return page(
        request,
        "wizard_settings.html",
        session,
        code=400 if error else 200,
        draft=draft,
        known=known,
        stages=forms.rows(shown, origins),
        by_tenant=sum(said.origin == "tenant" for said in found.values()),
        by_organization=sum(said.origin == "organization" for said in found.values()),
        zones=sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc")),
        error=error,
    )


async def _effective(here: Rooms, tenant_id: str) -> Mapping[str, Any]:
    kept = here.house.defaults
    return effective(await kept.get(ORGANIZATION), await kept.get(tenant_id))


def _expected(records: list[Offboarding]) -> list[tuple[str, str]]:
    """What must be typed: a name for each user with something permanent, or one sentence for many."""
    permanent = [record for record in records if record.permanent]
    if len(permanent) > NAMES_AT_MOST:
        return [("all", f"offboard {words.counted(len(records), 'user')}")]
    return [(record.user.id, record.user.display_name) for record in permanent]


def _asked(draft: Mapping[str, Any]) -> Asked:
    at, zone = _moment(draft) if draft["at"] else (None, "")
    return Asked(
        draft["tenant_id"],
        list(draft["users"]),
        draft["settings"] or {},
        draft["decisions"],
        draft["reference"],
        at,
        zone,
        idempotency_key=draft["id"],
    )


def _moment(draft: Mapping[str, Any]) -> tuple[datetime, str]:
    zone = str(draft["tz"]).strip() or "UTC"
    try:
        at = datetime.fromisoformat(str(draft["at"])).replace(tzinfo=ZoneInfo(zone))
    except (ValueError, ZoneInfoNotFoundError, OSError) as error:
        raise Unusable("The date, the time or the time zone is not one.", "malformed_time") from error
    if at <= datetime.now(UTC):
        raise Unusable("The time has passed.", "time_has_passed")
    return at.astimezone(UTC), zone


async def _draft(here: Rooms, session: Session, draft_id: str) -> dict[str, Any]:
    found = await here.house.papers.get(DRAFT, draft_id)
    if found is None or found["owner"] != session.person.name:
        raise Unusable("There is no such draft.", "unknown_offboarding", advice="Start a new offboarding.")
    require(session.person, Right.OFFBOARD, found["tenant_id"] or _some(session.person, "offboard"))
    return found


async def _keep(here: Rooms, draft: dict[str, Any]) -> None:
    await here.house.papers.put(DRAFT, draft["id"], draft, expires_at=datetime.now(UTC) + DRAFT_LASTS)


async def _tenant(here: Rooms, person: Person, tenant_id: str) -> KnownTenant:
    known = await here.house.tenants.find(tenant_id)
    if not person.sees(known.id):
        raise Unusable("Leaver does not know this tenant.", "unknown_tenant")
    require(person, Right.PLAN, known.id)
    return known


async def _scope(here: Rooms, person: Person, scope: str) -> str:
    if scope == ORGANIZATION:
        require(person, Right.MANAGE)
        return "your organization"
    known = await _tenant(here, person, scope)
    require(person, Right.MANAGE, known.id)
    return known.name or known.domain


async def _record(here: Rooms, person: Person, offboarding_id: str, right: Right) -> Offboarding:
    unknown = Unusable("There is no such offboarding.", "unknown_offboarding")
    try:
        record = await here.desk.get(offboarding_id)
    except Unusable as error:
        raise unknown from error
    if not person.sees(record.tenant.id):
        raise unknown
    require(person, right, record.tenant.id)
    return record


async def _changeable(here: Rooms, person: Person, offboarding_id: str) -> Offboarding:
    record = await _record(here, person, offboarding_id, Right.OFFBOARD)
    await refuse_privileged(person, here.house.doorway(record.tenant.id), record)
    return record


async def _let_in(request: Request, here: Rooms, answer: Response, person: Person, *, must_change: bool) -> None:
    cookie = await here.sessions.open(person, must_change=must_change)
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, cookie, max_age=int(LASTS.total_seconds()), httponly=True, samesite="lax", secure=secure)


def _inside(path: str) -> str:
    """A path of this site; anything else leads home."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


def _some(person: Person, right: str) -> str:
    """One of the tenants that somebody is limited to, to ask whether a right is there at all."""
    return next(iter(sorted(person.tenants)), "") if person.tenants and right != "manage" else ""


def _lists(form: FormData) -> dict[str, list[str]]:
    return {key: [str(value) for value in form.getlist(key)] for key in form}


def _done(record: Offboarding) -> int:
    open_ones = (Outcome.PLANNED, Outcome.WAITING)
    return sum(task.outcome not in open_ones for task in record.tasks)


def _failed(record: Offboarding) -> int:
    return sum(task.outcome in (Outcome.FAILED, Outcome.UNVERIFIED) for task in record.tasks)
