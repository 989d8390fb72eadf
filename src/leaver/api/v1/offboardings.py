"""Offboardings: planned, accepted, listed, read, and what is done with one that was accepted."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response
from pydantic import AwareDatetime, Field

from leaver.access.roles import Right, require
from leaver.access.targets import refuse_privileged
from leaver.api.documented import LOCATION, answers, by_name
from leaver.api.door import Caller, Here
from leaver.api.plain import as_list, in_json, plain
from leaver.api.sight import changeable_of, offboarding_of, shown, tenant_of
from leaver.api.v1.bodies import SETTINGS_EXAMPLE, Body, Decisions, example
from leaver.api.v1.shapes import OffboardingListed, Offboardings, Page
from leaver.domain.offboarding import Offboarding, document
from leaver.domain.outcome import State
from leaver.offboarding.desk import Request as Asked

router = APIRouter(prefix="/api/v1", tags=["Leaver"], generate_unique_id_function=by_name)
MOVE_EXAMPLE = {"at": "2030-01-31T18:00:00+01:00", "time_zone": "Europe/Berlin"}
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
    priority: int | None = Field(
        default=None, ge=1, le=10, description="Lower goes first; 5 for one user and 10 for several, if not given."
    )
    digest: str = Field(default="", description="The digest of the plan that was confirmed.")
    notify: list[Literal["webhook", "email", "psa"]] = Field(
        default=[], description="Who is told of the end, whatever they subscribe to."
    )
    report_to: list[str] = Field(
        default=[], max_length=20, description="Mail addresses that get the report as PDF when it has ended."
    )


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
) -> Response:
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
        here.house.book.report_to(body.report_to),
        body.full_scan,
    )

    async def submit() -> list[Offboarding]:
        return await here.desk.submit(asked, person.actor(), confirmed_digest=body.digest, allowed=allowed)

    wish = {**body.model_dump(mode="json"), "tenant": known.id, "priority": asked.urgency}
    records = await here.desk.once(idempotency_key, wish, person.actor(), submit)
    location = f"/api/v1/offboardings/{records[0].id}"
    return plain(document(known.named, records, records[0].digest), 201, {"Location": location})


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
) -> Response:
    """A page of those that the caller may see."""
    require(person, Right.SEE)
    ids = person.tenant_ids
    if tenant:
        ids = [(await tenant_of(here, person, tenant, Right.SEE)).id]
    marks, following = await here.desk.marks(
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
    items = await here.remembered.shown(marks, here.desk.several, _listed)
    body = b'{"items":' + as_list(items) + b',"next":' + in_json(following) + b"}"
    return Response(body, media_type="application/json")


def _listed(record: Offboarding) -> dict[str, Any]:
    return {"tenant": asdict(record.tenant), **record.as_json()}


@router.get("/offboardings/{offboarding_id}", summary="One offboarding", **answers(Offboardings))
async def offboarding(here: Here, person: Caller, offboarding_id: str) -> Response:
    """With every task, change, note and error."""
    return plain(shown(await offboarding_of(here, person, offboarding_id, Right.SEE)))


@router.post("/offboardings/{offboarding_id}/retry", summary="Do what is still missing", **answers(Offboardings))
async def retry(here: Here, person: Caller, offboarding_id: str, body: Decisions | None = None) -> dict[str, Any]:
    """What is verified is left as it is."""
    record = await changeable_of(here, person, offboarding_id)
    return shown(await here.desk.retry(record.id, person.actor(), body.decisions if body else {}))


@router.post("/offboardings/{offboarding_id}/cancel", summary="Stop; what was done stays", **answers(Offboardings))
async def cancel(here: Here, person: Caller, offboarding_id: str) -> dict[str, Any]:
    """The call under way finishes, the rest is not started."""
    record = await offboarding_of(here, person, offboarding_id, Right.OFFBOARD)
    return shown(await here.desk.cancel(record.id, person.actor()))


@router.post(
    "/offboardings/{offboarding_id}/reschedule", summary="Move one that has not started", **answers(Offboardings)
)
async def reschedule(here: Here, person: Caller, offboarding_id: str, body: Move) -> dict[str, Any]:
    """To another moment."""
    record = await changeable_of(here, person, offboarding_id)
    return shown(await here.desk.reschedule(record.id, body.at, body.time_zone, person.actor()))


@router.post(
    "/offboardings/{offboarding_id}/skip", summary="Leave a task to a person, with a note", **answers(Offboardings)
)
async def skip(here: Here, person: Caller, offboarding_id: str, body: Skip) -> dict[str, Any]:
    """Only a task that did not end well."""
    record = await changeable_of(here, person, offboarding_id)
    return shown(await here.desk.skip(record.id, body.task, body.note, person.actor()))
