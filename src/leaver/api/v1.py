"""The native API, `/api/v1`: one list convention (`items`, `next`), problem details for every error."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, Literal
from urllib.parse import unquote

from fastapi import APIRouter, Header, Query, Request
from fastapi import Body as BodyOf
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from leaver.access.roles import Person, Right, Role, may, require
from leaver.access.targets import refuse_privileged
from leaver.api.door import Caller, Here, Rooms, caller, sound
from leaver.api.shapes import (
    EVENTS,
    LOCATION,
    AuditEntry,
    EffectivePreset,
    Evidence,
    Health,
    OffboardingListed,
    Offboardings,
    Page,
    Preset,
    TaskKind,
    TenantShown,
    TokenMade,
    TokenShown,
    UserShown,
    Verified,
    answers,
)
from leaver.domain.errors import LeaverError, Refused, Unusable
from leaver.domain.offboarding import Offboarding, document
from leaver.domain.outcome import State
from leaver.offboarding import paper, report, survey
from leaver.offboarding.desk import Request as Asked
from leaver.offboarding.health import look, summaries
from leaver.offboarding.presetting import preset
from leaver.store.audit import Wanted
from leaver.store.defaults import ORGANIZATION, effective
from leaver.store.tenants import KnownTenant
from leaver.tasks.catalogue import all_tasks

router = APIRouter(prefix="/api/v1", tags=["Leaver"])
LOOK = 0.5
"""Seconds between two looks for news of an offboarding."""
QUIET = 15.0
"""Seconds after which a quiet stream says that it is alive."""
PAPERS: dict[str, Any] = {
    "text/html": {"schema": {"type": "string"}},
    "application/pdf": {"schema": {"type": "string", "format": "binary"}},
}
SETTINGS_EXAMPLE = {"disable_sign_in": True, "remove_groups": True, "forward_mail": {"to": "manager"}}


class Body(BaseModel):
    """A request's body; unknown fields are refused, and what no database keeps."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _is_sound(cls, given: Any) -> Any:
        if isinstance(given, (dict, list)):
            sound(given)
        return given


def example(**values: Any) -> ConfigDict:
    """An example of a body, for the OpenAPI document."""
    return ConfigDict(json_schema_extra={"examples": [values]})


MOVE_EXAMPLE = {"at": "2030-01-31T18:00:00+01:00", "time_zone": "Europe/Berlin"}
DEFAULTS_EXAMPLE = {"disable_sign_in": {"value": True, "locked": True}}
PLAN_EXAMPLE: dict[str, Any] = {"tenant": "contoso.com", "users": ["ada@contoso.com"], "settings": SETTINGS_EXAMPLE}


class PlanRequest(Body):
    """Which tasks for which users of a tenant."""

    model_config = example(**PLAN_EXAMPLE)
    tenant: str = Field(min_length=1, description="The tenant's id, or any of its domains.", examples=["contoso.com"])
    users: list[str] = Field(
        min_length=1, max_length=500, description="UPNs or object ids.", examples=[["ada@contoso.com"]]
    )
    settings: dict[str, Any] = Field(description="Task name to its setting.", examples=[SETTINGS_EXAMPLE])
    decisions: dict[str, str] = Field(default={}, description="Blocker code to the choice.")
    full_scan: bool = Field(
        default=False, description="Look through every mailbox for the users' rights, whatever the rights index says."
    )


class OffboardingRequest(PlanRequest):
    """A plan to carry out, at once or later."""

    model_config = example(
        **PLAN_EXAMPLE, reference="HR-4711", at="2030-01-31T18:00:00+01:00", time_zone="Europe/Berlin"
    )
    reference: str = Field(default="", max_length=500)
    at: AwareDatetime | None = Field(default=None, description="When to start; with an offset.")
    time_zone: str = Field(default="", max_length=64, description="The zone to show it in, by its IANA name.")
    priority: int = Field(default=5, ge=1, le=10, description="Lower goes first.")
    digest: str = Field(default="", description="The digest of the plan that was confirmed.")
    notify: list[Literal["webhook", "email", "psa"]] = Field(
        default=[], description="Who is told of the end, whatever they subscribe to."
    )


class Decisions(Body):
    """Choices for blockers."""

    model_config = example(decisions={"last_owner": "leave"})
    decisions: dict[str, str] = {}


class UndoRequest(Decisions):
    """What to put back."""

    model_config = example(tasks=["disable_sign_in"])
    tasks: list[str] = Field(default=[], description="Only these tasks; all of them if empty.")


class Move(Body):
    """Another moment."""

    model_config = example(**MOVE_EXAMPLE)
    at: AwareDatetime
    time_zone: str = Field(default="", max_length=64)


class Skip(Body):
    """A task that is left to a person."""

    model_config = example(task="remove_licenses", note="The reseller takes them back.")
    task: str
    note: str = Field(min_length=1, max_length=2000)


class TokenRequest(Body):
    """A new API token."""

    model_config = example(
        name="Ticket system", role="operator", tenants=["contoso.com"], expires_at="2030-01-31T00:00:00Z"
    )
    name: str = Field(min_length=1, max_length=200)
    role: Role
    tenants: list[str] = Field(default=[], description="Ids or domains; all tenants if empty.")
    expires_at: AwareDatetime | None = None


class DefaultValue(Body):
    """What a task is preset to."""

    model_config = example(value=True, locked=False)
    value: Any
    locked: bool = False


DefaultValues = Annotated[dict[str, DefaultValue], BeforeValidator(sound), BodyOf(examples=[DEFAULTS_EXAMPLE])]


@router.get("/tasks", summary="Every task, its setting and what it needs", **answers(Page[TaskKind]))
async def tasks(person: Caller) -> Response:
    """The catalogue."""
    require(person, Right.SEE)
    return Response(_catalogue(), media_type="application/json")


@cache
def _catalogue() -> bytes:
    """The answer, made once: it changes with the program alone."""
    items = [
        {
            "task": task.name,
            "stage": task.stage,
            "label": task.option.label,
            "section": task.option.section.value,
            "text": task.option.text,
            "description": (inspect.getdoc(task) or "").partition("\n")[0],
            "api_field": task.option.api_field,
            "reversibility": task.reversibility.value,
            "permissions": list(task.scopes),
            "roles": list(task.roles),
            "schema": task.option.setting.model_json_schema(),
            "list_of": task.option.list_of,
        }
        for task in all_tasks()
    ]
    return json.dumps({"items": items, "next": ""}).encode()


@router.get("/tenants", summary="The tenants that the caller may see", **answers(Page[TenantShown]))
async def tenants(here: Here, person: Caller, search: str = "") -> dict[str, Any]:
    """By name."""
    require(person, Right.SEE)
    wanted = search.strip().lower()
    seen = await summaries(here.house.papers)
    items = [
        {
            "id": tenant.id,
            "domain": tenant.domain,
            "name": tenant.name,
            "domains": tenant.domains,
            "health": seen[tenant.id].as_json() if tenant.id in seen else None,
        }
        for tenant in await here.house.tenants.all()
        if person.sees(tenant.id) and wanted in f"{tenant.name} {' '.join([tenant.domain, *tenant.domains])}".lower()
    ]
    return {"items": items, "next": ""}


@router.get(
    "/tenants/{tenant}/health", summary="Which tasks would work in this tenant, and what to grant", **answers(Health)
)
async def health(here: Here, person: Caller, tenant: str) -> dict[str, Any]:
    """One read-only probe for each service and permission."""
    known = await tenant_of(here, person, tenant, Right.PLAN)
    standing = await here.house.rights.standing(known.id)
    found, seen = await look(here.house, known.named)
    index = {"rights_index": survey.as_json(standing, here.house.config)}
    return found.as_json() | seen.summary.as_json() | index


@router.get(
    "/tenants/{tenant}/defaults",
    summary="What the tasks are preset to, and who says so",
    **answers(Page[EffectivePreset]),
)
async def tenant_defaults(here: Here, person: Caller, tenant: str) -> dict[str, Any]:
    """The effective defaults."""
    known = await tenant_of(here, person, tenant, Right.SEE)
    defaults = here.house.defaults
    found = effective(await defaults.get(ORGANIZATION), await defaults.get(known.id))
    return {"items": [{"task": task, **asdict(value)} for task, value in found.items()], "next": ""}


@router.get(
    "/defaults/{scope}", summary="What one scope says: `organization`, or a tenant", **answers(dict[str, Preset])
)
async def defaults(here: Here, person: Caller, scope: str) -> dict[str, Any]:
    """Only the tasks that it speaks of."""
    return await here.house.defaults.get(await _scope(here, person, scope, Right.SEE))


@router.put("/defaults/{scope}", summary="Replace what one scope says", **answers(dict[str, Preset]))
async def put_defaults(
    here: Here,
    person: Caller,
    scope: str,
    values: DefaultValues,
) -> dict[str, Any]:
    """Changes count for new offboardings only."""
    where = await _scope(here, person, scope, Right.MANAGE)
    await preset(here.house, where, {task: value.model_dump() for task, value in values.items()}, person.actor())
    return await here.house.defaults.get(where)


@router.get("/tenants/{tenant}/users", summary="Users of a tenant, a hundred at a time", **answers(Page[UserShown]))
async def users(here: Here, person: Caller, tenant: str, search: str = "", cursor: str = "") -> dict[str, Any]:
    """Those whose name or address has a word that begins so; all of them without a search."""
    known = await tenant_of(here, person, tenant, Right.SEE)
    if cursor and "$skiptoken=" not in unquote(cursor).lower():
        raise Unusable("The cursor is not one of this list.", "malformed_cursor", advice="Begin without a cursor.")
    try:
        found, following = await here.house.doorway(known.id).users.page(search.strip(), cursor)
    except Refused as error:
        if cursor and error.status == 400:
            raise Unusable("The cursor is not valid any more.", "malformed_cursor", advice="Begin again.") from error
        raise
    active, _ = await here.desk.page(tenant_ids=[known.id], states=ACTIVE, limit=500)
    busy = {record.user.id: record for record in active}
    items = []
    for row in found:
        badges = []
        badges += ["guest"] if row.is_guest else []
        badges += ["synced"] if row.synced else []
        badges += [] if row.account_enabled else ["disabled"]
        badges += ["protected"] if row.id in known.protected else []
        badges += [busy[row.id].state.value] if row.id in busy else []
        item = {"id": row.id, "upn": row.upn, "display_name": row.display_name, "mail": row.mail}
        items.append(
            item
            | {"enabled": row.account_enabled, "licensed": row.licensed, "department": row.department, "badges": badges}
        )
    return {"items": items, "next": following}


ACTIVE = ("planned", "scheduled", "running", "waiting")


@router.post("/plans", summary="What would change; nothing is written anywhere", **answers(Offboardings))
async def plan(here: Here, person: Caller, body: PlanRequest) -> dict[str, Any]:
    """The plan of every user, with its digest."""
    known = await tenant_of(here, person, body.tenant, Right.PLAN)
    asked = Asked(known.id, body.users, body.settings, body.decisions, full_scan=body.full_scan)
    return (await here.desk.plan(asked, person.actor())).as_json()


@router.post("/offboardings", summary="Plan, accept and carry out", **answers(Offboardings, 201, **LOCATION))
async def create(
    here: Here,
    person: Caller,
    body: OffboardingRequest,
    idempotency_key: Annotated[str, Header(max_length=200)] = "",
) -> JSONResponse:
    """All users or none: a blocker, a conflict, or a plan other than the confirmed one refuses the request."""
    known = await tenant_of(here, person, body.tenant, Right.OFFBOARD)

    async def allowed(record: Offboarding) -> None:
        await refuse_privileged(person, here.house.doorway(known.id), record)

    asked = Asked(
        known.id,
        body.users,
        body.settings,
        body.decisions,
        body.reference,
        body.at,
        body.time_zone,
        body.priority,
        idempotency_key,
        body.notify,
        body.full_scan,
    )

    async def submit() -> list[Offboarding]:
        return await here.desk.submit(asked, person.actor(), confirmed_digest=body.digest, allowed=allowed)

    wish = {**body.model_dump(mode="json"), "tenant": known.id}
    records = await here.desk.once(idempotency_key, wish, person.actor(), submit)
    location = f"/api/v1/offboardings/{records[0].id}"
    return JSONResponse(document(known.named, records, records[0].digest), 201, {"Location": location})


@router.get("/offboardings", summary="Offboardings, the latest first", **answers(Page[OffboardingListed]))
async def offboardings(
    here: Here,
    person: Caller,
    tenant: str = "",
    state: Annotated[list[State], Query()] = [],  # noqa: B006 - FastAPI copies it
    search: str = "",
    reference: str = "",
    asked_by: str = "",
    since: AwareDatetime | None = None,
    awaits_approval: bool = False,
    cursor: str = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> JSONResponse:
    """A page of those that the caller may see."""
    require(person, Right.SEE)
    ids = person.tenant_ids
    if tenant:
        ids = [(await tenant_of(here, person, tenant, Right.SEE)).id]
    found, following = await here.desk.page(
        tenant_ids=ids,
        states=[each.value for each in state],
        text=search,
        reference=reference,
        asked_by=asked_by,
        since=since,
        awaits_approval=awaits_approval,
        after=cursor,
        limit=limit,
    )
    items = [{"tenant": asdict(record.tenant), **record.as_json()} for record in found]
    return JSONResponse({"items": items, "next": following})  # plain values: FastAPI need not look for others


@router.get("/offboardings/{offboarding_id}", summary="One offboarding", **answers(Offboardings))
async def offboarding(here: Here, person: Caller, offboarding_id: str) -> JSONResponse:
    """With every task, change, note and error."""
    return JSONResponse(_shown(await offboarding_of(here, person, offboarding_id, Right.SEE)))


@router.get(
    "/offboardings/{offboarding_id}/events",
    summary="News of an offboarding, as server-sent events",
    response_class=StreamingResponse,
    responses={200: EVENTS},
)
async def events(
    request: Request,
    here: Here,
    person: Caller,
    offboarding_id: str,
    last_event_id: Annotated[str, Header()] = "",
) -> StreamingResponse:
    """An `offboarding` event with the whole state after every change, and `end`; resumes after `Last-Event-ID`."""
    record = await offboarding_of(here, person, offboarding_id, Right.SEE)
    digits = last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < 10
    seen = int(last_event_id) if digits else -1
    stream = _events(request, here, record.id, seen)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@router.post("/offboardings/{offboarding_id}/retry", summary="Do what is still missing", **answers(Offboardings))
async def retry(here: Here, person: Caller, offboarding_id: str, body: Decisions | None = None) -> dict[str, Any]:
    """What is verified is left as it is."""
    record = await _changeable(here, person, offboarding_id)
    return _shown(await here.desk.retry(record.id, person.actor(), body.decisions if body else {}))


@router.post("/offboardings/{offboarding_id}/cancel", summary="Stop; what was done stays", **answers(Offboardings))
async def cancel(here: Here, person: Caller, offboarding_id: str) -> dict[str, Any]:
    """The call under way finishes, the rest is not started."""
    record = await offboarding_of(here, person, offboarding_id, Right.OFFBOARD)
    return _shown(await here.desk.cancel(record.id, person.actor()))


@router.post(
    "/offboardings/{offboarding_id}/reschedule", summary="Move one that has not started", **answers(Offboardings)
)
async def reschedule(here: Here, person: Caller, offboarding_id: str, body: Move) -> dict[str, Any]:
    """To another moment."""
    record = await _changeable(here, person, offboarding_id)
    return _shown(await here.desk.reschedule(record.id, body.at, body.time_zone, person.actor()))


@router.post(
    "/offboardings/{offboarding_id}/skip", summary="Leave a task to a person, with a note", **answers(Offboardings)
)
async def skip(here: Here, person: Caller, offboarding_id: str, body: Skip) -> dict[str, Any]:
    """Only a task that did not end well."""
    record = await _changeable(here, person, offboarding_id)
    return _shown(await here.desk.skip(record.id, body.task, body.note, person.actor()))


@router.post(
    "/offboardings/{offboarding_id}/undo-plan",
    summary="What an undo would put back; writes nothing",
    **answers(Offboardings),
)
async def undo_plan(here: Here, person: Caller, offboarding_id: str, body: UndoRequest | None = None) -> dict[str, Any]:
    """Planned from the changes that were really made."""
    wish = body or UndoRequest()
    record = await offboarding_of(here, person, offboarding_id, Right.PLAN)
    return _shown(await here.desk.undo_plan(record.id, person.actor(), wish.tasks, wish.decisions))


@router.post(
    "/offboardings/{offboarding_id}/undo",
    summary="Put back what can be put back",
    **answers(Offboardings, 201, **LOCATION),
)
async def undo(here: Here, person: Caller, offboarding_id: str, body: UndoRequest | None = None) -> JSONResponse:
    """A run of its own, carried out and verified like an offboarding."""
    wish = body or UndoRequest()
    record = await _changeable(here, person, offboarding_id)
    made = await here.desk.undo(record.id, person.actor(), wish.tasks, wish.decisions)
    return JSONResponse(_shown(made), 201, {"Location": f"/api/v1/offboardings/{made.id}"})


@router.get(
    "/offboardings/{offboarding_id}/report",
    summary="The evidence, as JSON, as a page or as PDF",
    **answers(Evidence, content=PAPERS),
)
async def evidence(
    here: Here, person: Caller, offboarding_id: str, format: Literal["json", "html", "pdf"] = "json"
) -> Response:
    """What was, what is, who asked, when."""
    record = await offboarding_of(here, person, offboarding_id, Right.SEE)
    if format == "html":
        headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}
        return HTMLResponse(report.page(record), headers=headers)
    if format == "pdf":
        return Response(await asyncio.to_thread(paper.pdf, record), headers=paper_headers(record))
    return JSONResponse(report.evidence(record))


@router.get("/audit", summary="The audit trail, the oldest entry first", **answers(Page[AuditEntry]))
async def audit(
    here: Here,
    person: Caller,
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    offboarding: str = "",
    tenant: str = "",
    search: Annotated[str, Query(max_length=200, description="Who, from where, about whom, or a reference.")] = "",
    what: Annotated[list[str], Query(description="What it begins with: `sign_in`, `undo.`.")] = [],  # noqa: B006
    since: AwareDatetime | None = None,
    cursor: Annotated[str, Query(max_length=10)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> dict[str, Any]:
    """Entries with a number above `after`, which is what the cursor says too."""
    _require_audit(person)
    if cursor and not (cursor.isascii() and cursor.isdigit() and int(cursor) < 2**31):
        raise Unusable("The cursor is not one of this list.", "malformed_cursor", advice="Begin without a cursor.")
    after = int(cursor or after)
    ids = person.tenant_ids
    if tenant:
        ids = [(await tenant_of(here, person, tenant, Right.AUDIT)).id]
    wanted = Wanted(ids, offboarding, search, what, since)
    found = here.house.audit.entries(wanted, after=after, limit=limit)
    items = [entry async for entry in found]
    return {"items": items, "next": str(items[-1]["number"]) if len(items) == limit else ""}


@router.get("/audit/verify", summary="Whether an entry was changed, taken away or moved", **answers(Verified))
async def verify(here: Here, person: Caller) -> dict[str, Any]:
    """Every entry is held against the one before it."""
    require(person, Right.AUDIT)
    problems = await here.house.audit.verify()
    return {"intact": not problems, "problems": problems}


@router.get("/tokens", summary="API tokens, without their secrets", **answers(Page[TokenShown]))
async def tokens(here: Here, person: Caller) -> dict[str, Any]:
    """Those that are valid."""
    require(person, Right.MANAGE)
    return {"items": [asdict(token) for token in await here.tokens.all()], "next": ""}


@router.post("/tokens", summary="A new API token; its secret is shown once", **answers(TokenMade, 201))
async def create_token(here: Here, person: Caller, body: TokenRequest) -> dict[str, Any]:
    """Limited to a role, to tenants and in time."""
    require(person, Right.MANAGE)
    ids = [(await here.house.tenants.find(text)).id for text in body.tenants]
    token, secret = await here.tokens.create(
        body.name, body.role, person.actor(), tenants=ids, expires_at=body.expires_at
    )
    return {**asdict(token), "token": secret}


@router.delete("/tokens/{token_id}", status_code=204, summary="Make a token worthless")
async def revoke_token(here: Here, person: Caller, token_id: str) -> Response:
    """At once."""
    require(person, Right.MANAGE)
    await here.tokens.revoke(token_id, person.actor())
    return Response(status_code=204)


def paper_headers(record: Offboarding) -> dict[str, str]:
    """What a PDF is sent with: it is kept under the offboarding's id, which holds nobody's name."""
    name = f'attachment; filename="offboarding-{record.id}.pdf"'
    return {"Content-Type": "application/pdf", "Content-Disposition": name}


async def tenant_of(here: Rooms, person: Person, text: str, right: Right) -> KnownTenant:
    """The tenant that the caller may see; one outside its limits looks like one that is not there."""
    require(person, right, next(iter(person.tenants or {""})))
    unknown = Unusable(f"Leaver does not know the tenant {text!r}.", "unknown_tenant", advice="`/tenants` lists them.")
    try:
        known = await here.house.tenants.find(text)
    except Unusable as error:
        raise unknown from error
    if not person.sees(known.id):
        raise unknown
    return known


async def offboarding_of(here: Rooms, person: Person, offboarding_id: str, right: Right) -> Offboarding:
    """The offboarding that the caller may see; one of another tenant looks like one that is not there."""
    require(person, right, next(iter(person.tenants or {""})))
    unknown = Unusable(f"There is no offboarding with the id {offboarding_id!r}.", "unknown_offboarding")
    try:
        record = await here.desk.get(offboarding_id)
    except Unusable as error:
        raise unknown from error
    if record.id != offboarding_id or not person.sees(record.tenant.id):
        raise unknown
    return record


async def _changeable(here: Rooms, person: Person, offboarding_id: str) -> Offboarding:
    record = await offboarding_of(here, person, offboarding_id, Right.OFFBOARD)
    await refuse_privileged(person, here.house.doorway(record.tenant.id), record)
    return record


async def _scope(here: Rooms, person: Person, scope: str, right: Right) -> str:
    if scope == ORGANIZATION:
        require(person, right)
        return scope
    return (await tenant_of(here, person, scope, right)).id


def _require_audit(person: Person) -> None:
    limit = next(iter(person.tenants), "") if person.tenants else ""
    if not may(person, Right.AUDIT, limit):
        require(person, Right.AUDIT)


def _shown(record: Offboarding) -> dict[str, Any]:
    return document(record.tenant, [record], record.digest)


async def _events(request: Request, here: Rooms, offboarding_id: str, seen: int) -> AsyncIterator[str]:
    quiet = timedelta()
    while not await request.is_disconnected():
        revision = await here.house.offboardings.revision(offboarding_id)
        if revision > seen:
            seen, quiet = revision, timedelta()
            record = await here.desk.get(offboarding_id)
            ended = record.ended_at is not None
            data = json.dumps(_shown(record))
            yield f"id: {record.revision}\nevent: offboarding\ndata: {data}\n\n"
            if ended:
                yield "event: end\ndata: {}\n\n"
                return
        elif seen >= 0 and quiet >= timedelta(seconds=QUIET):
            quiet = timedelta()
            yield ": still here\n\n"
            try:
                await caller(request, here)
            except LeaverError:  # the token was revoked or has expired meanwhile; who comes back is told so
                return
            if (await here.desk.get(offboarding_id)).ended_at is not None:
                yield "event: end\ndata: {}\n\n"
                return
        await asyncio.sleep(LOOK)
        quiet += timedelta(seconds=LOOK)
