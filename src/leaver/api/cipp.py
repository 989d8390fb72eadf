"""CIPP's endpoints, for callers that were written for it (contracts/cipp-api.md)."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.routing import APIRoute

from leaver.access.roles import Person, Right, may, require
from leaver.access.targets import refuse_privileged
from leaver.api.cipp_answers import (
    DEFAULTS,
    DEFAULTS_EXAMPLE,
    ITEM,
    ITEM_EXAMPLE,
    OFFBOARD,
    OFFBOARD_EXAMPLE,
    TENANTS,
    TENANTS_EXAMPLE,
    GraphAnswer,
    ItemDetails,
    LogRow,
    ProgressRow,
    Queued,
    Results,
    ScheduledItem,
    TenantRow,
    Told,
    UserRow,
    WhoAmI,
    query,
    sent,
)
from leaver.api.cipp_shapes import read_offboarding, read_switches, texts_of
from leaver.api.door import Caller, Here, Rooms, sound
from leaver.api.problems import in_cipp_words, status_of
from leaver.api.shapes import answers
from leaver.api.v1 import offboarding_of, tenant_of
from leaver.domain.errors import LeaverError, NotFound, Refused, Unusable
from leaver.domain.offboarding import Offboarding
from leaver.domain.plan import NoteKind
from leaver.domain.products import product_name
from leaver.offboarding.conflicts import NEVER_A_DEFAULT, default_refusals
from leaver.offboarding.desk import Request as Asked
from leaver.offboarding.presetting import locked_in, preset
from leaver.store.audit import Wanted
from leaver.store.tenants import KnownTenant
from leaver.tasks.catalogue import all_tasks


def _folded_query(request: Request) -> dict[str, str]:
    """The query, its names in lower case."""
    return {name.lower(): value.strip() for name, value in request.query_params.items()}


Given = Annotated[dict[str, str], Depends(_folded_query)]
router = APIRouter(prefix="/api", tags=["CIPP-compatible"])
COMMAND = "Invoke-CIPPOffboardingJob"
DEPLOYMENT = "deployment"
BAD_NEWS = ("fail", "error", "unable", "could not", "does not exist")
"""Words by which some callers tell a failure, whatever the status is."""
DEPLOYMENTS_KEPT = timedelta(days=400)
TASK_STATES = {
    "planned": "Planned",
    "scheduled": "Planned",
    "running": "Running",
    "waiting": "Running",
    "completed": "Completed",
    "follow_up": "Completed",
}
"""What is not here is `Failed`. Completed means verified; what needs a person is in `Results`."""
PROGRESS = {"Planned": "queued", "Running": "running", "Completed": "succeeded", "Failed": "failed"}
_SELECT = (
    "id,displayName,userPrincipalName,givenName,surname,mail,mailNickname,accountEnabled,userType,usageLocation,"
    "jobTitle,department,officeLocation,companyName,city,country,mobilePhone,businessPhones,proxyAddresses,otherMails,"
    "assignedLicenses,onPremisesSyncEnabled,onPremisesImmutableId,createdDateTime"
)
_MANAGER = "manager($select=id,displayName,userPrincipalName)"
_PAGE = "999"
_OPTIONS = {"$select", "$filter", "$top", "$count", "$search", "$orderby"}
_NAME = re.compile(r"^[A-Za-z0-9_,./()$=' -]*$")


@router.post(
    "/ExecOffboardUser", summary="Offboard one or several users", **answers(Queued), **sent(OFFBOARD, OFFBOARD_EXAMPLE)
)
async def exec_offboard_user(request: Request, here: Here, person: Caller) -> JSONResponse:
    """Accept the work and answer at once; `Operations` says where each user's progress is."""
    require(person, Right.OFFBOARD)
    try:
        read = read_offboarding(sound(json.loads(await request.body() or b"null", object_pairs_hook=_pairs)))
    except (ValueError, RecursionError):
        return _refused(["The body is not JSON."])
    if read.reasons:
        return _refused(read.reasons)
    known = await _tenant(here, person, read.tenant, Right.OFFBOARD)
    asked = Asked(
        known.id, read.users, read.settings, reference=read.reference, at=read.at, time_zone="UTC", notify=read.notify
    )

    async def allowed(record: Offboarding) -> None:
        await refuse_privileged(person, here.house.doorway(known.id), record)

    answers = await here.desk.queue(asked, person.actor(), allowed=allowed)
    results, operations, accepted = [], [], []
    for user, answer in zip(read.users, answers, strict=True):
        if isinstance(answer, Offboarding):
            accepted.append(answer)
            results.append(_accepted(answer))
            operations.append(_operation(user, answer))
        else:
            results.append(f"Could not queue the offboarding of {user}: {answer}")
            operations.append({"User": user, "Id": "", "Url": "", "Status": "refused"})
    status = 200 if len(accepted) == len(answers) else 403 if accepted or _understood(answers) else 400
    content: dict[str, Any] = {
        "Results": results,
        "Operations": operations,
        "Warnings": read.warnings + await _unheard(here, read.notify, known),
    }
    headers = {}
    if accepted:
        content["DeploymentId"] = await _deployment(here, accepted)
        headers["Location"] = operations[_first(operations)]["Url"]
    return JSONResponse(content, status, headers)


@router.get(
    "/ListUsers",
    summary="All users of a tenant",
    **answers(list[UserRow]),
    **query("tenantFilter", "UserID", "graphFilter", required=("tenantFilter",)),
)
async def list_users(here: Here, person: Caller, given: Given) -> StreamingResponse:
    """Every user, not the first 999, as Graph shows them and with what CIPP adds; the answer is streamed."""
    known = await _tenant(here, person, given.get("tenantfilter", ""), Right.SEE)
    user_id, graph_filter = given.get("userid", ""), given.get("graphfilter", "")
    doorway = here.house.doorway(known.id)
    names = {sku.sku_id: product_name(sku.part_number, sku.sku_id) for sku in await doorway.licenses.skus()}
    params = {"$select": _SELECT, "$top": _PAGE}
    if user_id:
        params["$filter"] = f"id eq '{(await doorway.users.get(user_id)).id}'"
    elif graph_filter:
        params |= {"$filter": graph_filter, "$count": "true"}
    if not graph_filter or user_id:  # an advanced query cannot be combined with $expand (contracts/graph.md)
        params["$expand"] = _MANAGER
    rows = doorway.users.raw(params, advanced=bool(graph_filter and not user_id))
    with _as_the_callers_own(graph_filter):
        return StreamingResponse(await _array(rows, names), media_type="application/json")


@router.get(
    "/ListTenants",
    summary="The tenants that the caller may see",
    **answers(list[TenantRow]),
    **query("IncludeOffboardingDefaults", "AllTenantSelector"),
)
@router.post(
    "/ListTenants",
    summary="The tenants that the caller may see",
    operation_id="list_tenants_by_post",
    **answers(list[TenantRow]),
    **sent(TENANTS, TENANTS_EXAMPLE, required=False),
)
async def list_tenants(request: Request, here: Here, person: Caller, given: Given) -> JSONResponse:
    """An array; `IncludeOffboardingDefaults` adds each tenant's defaults, `AllTenantSelector` a first row for all."""
    require(person, Right.SEE)
    wanted = dict(given)
    if request.method == "POST":
        try:
            body = sound(await request.json())
        except (ValueError, RecursionError):
            body = {}
        if isinstance(body, dict):
            wanted |= {str(key).lower(): str(value) for key, value in body.items()}
    rows = []
    for tenant in await here.house.tenants.all():
        if not person.sees(tenant.id):
            continue
        row: dict[str, Any] = {
            "customerId": tenant.id,
            "defaultDomainName": tenant.domain,
            "initialDomainName": next((d for d in tenant.domains if d.endswith(".onmicrosoft.com")), tenant.domain),
            "displayName": tenant.name or tenant.domain,
            "domains": tenant.domains,
        }
        if wanted.get("includeoffboardingdefaults", "").lower() == "true":
            row["offboardingDefaults"] = _as_switches(await here.house.defaults.get(tenant.id))
        rows.append(row)
    if wanted.get("alltenantselector", "").lower() == "true" and person.tenants is None:
        everyone = dict.fromkeys(("customerId", "defaultDomainName", "initialDomainName"), "AllTenants")
        rows.insert(0, {**everyone, "displayName": "*All Tenants", "domains": []})
    return JSONResponse(rows)


@router.get(
    "/ListGraphRequest",
    summary="Users as Graph shows them; read-only",
    **answers(GraphAnswer),
    **query(
        "tenantFilter",
        "Endpoint",
        "$select",
        "$filter",
        "$top",
        "$count",
        "$search",
        "$orderby",
        required=("tenantFilter", "Endpoint"),
    ),
)
async def list_graph_request(here: Here, person: Caller, given: Given) -> JSONResponse:
    """Graph's `users` with its own query options; nothing else is served.

    A `$top` of 999, the largest page there is, asks for everybody: so CIPP's own pages and callers use it.
    """
    known = await _tenant(here, person, given.get("tenantfilter", ""), Right.SEE)
    endpoint = given.get("endpoint", "").strip("/").lower()
    if endpoint != "users":
        raise Unusable(f"The endpoint {endpoint!r} is not served.", "unsupported_endpoint", advice="Endpoint=users is.")
    params = {key: value for key, value in given.items() if key in _OPTIONS and value}
    if not all(_NAME.match(params.get(name, "")) for name in ("$select", "$orderby")):
        raise Unusable("A query option holds what Graph does not take.", "malformed_query")
    top = params.get("$top", "")
    most = int(top) if top.isascii() and top.isdigit() and len(top) < 7 and top != _PAGE else 0
    params["$top"] = str(min(most or int(_PAGE), int(_PAGE)))
    advanced = "$search" in params or "$filter" in params or "$count" in params
    if advanced:
        params["$count"] = "true"
    rows: list[dict[str, Any]] = []
    with _as_the_callers_own(params.get("$filter", "") + params.get("$search", "") + params.get("$orderby", "")):
        async for row in here.house.doorway(known.id).users.raw(params, advanced=advanced):
            rows.append(row)
            if most and len(rows) >= most:
                break
    return JSONResponse({"Results": rows, "Metadata": {"Endpoint": "users", "Count": len(rows)}})


@router.get(
    "/ListScheduledItems",
    summary="Offboardings as scheduled items",
    **answers(list[ScheduledItem]),
    **query("Type", "tenantFilter", "Name", "Reference", "ShowHidden"),
)
async def list_scheduled_items(here: Here, person: Caller, given: Given) -> JSONResponse:
    """One row for each offboarding; those that have ended are there as well. There are no items of another type."""
    require(person, Right.SEE)
    tenant_ids = person.tenant_ids
    if given.get("tenantfilter", "").lower() not in ("", "alltenants"):
        tenant_ids = [(await _tenant(here, person, given["tenantfilter"], Right.SEE)).id]
    if given.get("type", COMMAND).lower() not in ("", COMMAND.lower()):
        return JSONResponse([])
    name = given.get("name", "").lower().removeprefix("offboarding:").strip()
    reference = given.get("reference", "")
    rows: list[dict[str, Any]] = []
    after = ""
    while True:
        page, after = await here.desk.page(
            tenant_ids=tenant_ids, text=name, reference=reference, after=after, limit=200, kind="offboarding"
        )
        rows += [_item(record) for record in page if not name or record.user.upn.lower() == name]
        if not after:
            return JSONResponse(rows)


@router.get(
    "/ListScheduledItemDetails",
    summary="One offboarding with its tasks",
    **answers(ItemDetails),
    **query("RowKey", required=("RowKey",)),
)
async def list_scheduled_item_details(here: Here, person: Caller, given: Given) -> JSONResponse:
    """What was asked, and how each task stands."""
    record = await offboarding_of(here, person, given.get("rowkey", ""), Right.SEE)
    details = [
        {"Task": task.label or task.task, "Status": task.outcome.value, "Results": _sentences(task)}
        for task in record.tasks
    ]
    return JSONResponse({"Task": _item(record), "Details": details})


@router.post("/RemoveScheduledItem", summary="Cancel an offboarding", **answers(Results), **sent(ITEM, ITEM_EXAMPLE))
async def remove_scheduled_item(request: Request, here: Here, person: Caller) -> JSONResponse:
    """Stop it: the call under way finishes, the rest is not started."""
    try:
        body = sound(await request.json())
    except (ValueError, RecursionError):
        body = None
    given = {str(key).lower(): value for key, value in body.items()} if isinstance(body, dict) else {}
    names = texts_of(given.get("id") or given.get("rowkey"))
    if len(names) != 1:
        return _refused(["id is missing."])
    record = await offboarding_of(here, person, names[0], Right.OFFBOARD)
    await here.desk.cancel(record.id, person.actor())
    who = _plainly(record.user.upn, record.user.id)
    return JSONResponse({"Results": f"Cancelled the offboarding of {who}. What was done stays as it is."})


@router.get(
    "/ListOffboardingProgress",
    summary="How the users of one request stand",
    **answers(list[ProgressRow]),
    **query("DeploymentId", required=("DeploymentId",)),
)
async def list_offboarding_progress(here: Here, person: Caller, given: Given) -> JSONResponse:
    """One row for each user, with its steps."""
    require(person, Right.SEE)
    deployment_id = given.get("deploymentid", "")
    found = await here.house.papers.get(DEPLOYMENT, deployment_id) if deployment_id else None
    if found is None:
        raise NotFound(f"There is no request {deployment_id!r}.", "unknown_deployment")
    rows = []
    for offboarding_id in found["ids"]:
        record = await offboarding_of(here, person, offboarding_id, Right.SEE)
        rows.append(
            {
                "Name": record.user.upn,
                "TenantFilter": record.tenant.domain,
                "Status": PROGRESS[_task_state(record)],
                "Id": record.id,
                "Steps": [
                    {"Name": task.label or task.task, "Status": task.outcome.value, "Results": _sentences(task)}
                    for task in record.tasks
                ],
            }
        )
    return JSONResponse(rows)


@router.post(
    "/EditTenantOffboardingDefaults",
    summary="Set a tenant's default switches",
    **answers(Told),
    **sent(DEFAULTS, DEFAULTS_EXAMPLE),
)
async def edit_defaults(request: Request, here: Here, person: Caller) -> JSONResponse:
    """Replace the tenant's defaults by these switches."""
    try:
        body = sound(await request.json())
    except (ValueError, RecursionError):
        body = None
    given = {str(key).lower(): value for key, value in body.items()} if isinstance(body, dict) else {}
    named = texts_of(given.get("customerid")) or texts_of(given.get("defaultdomainname"))
    switches = given.get("offboardingdefaults")
    if isinstance(switches, str):
        try:
            switches = json.loads(switches)
        except ValueError:
            switches = None
    if not named or not isinstance(switches, dict):
        return _refused(["customerId and offboardingDefaults are needed."])
    known = await _tenant(here, person, named[0], Right.MANAGE)
    values, warnings = read_switches(switches)
    if not values and switches:
        return _refused(["No switch is known.", *warnings])
    if values.get(NEVER_A_DEFAULT):
        warnings += [f"Not kept: {reason}" for reason in default_refusals({NEVER_A_DEFAULT: None})]
        values[NEVER_A_DEFAULT] = False
    kept = {task: {"value": value, "locked": False} for task, value in values.items()}
    for task in await locked_in(here.house, known.id):
        if kept.pop(task, None):
            warnings.append(f"Not kept: {task} is locked by your organization.")
    await preset(here.house, known.id, kept, person.actor())
    text = f"Set the offboarding defaults of {_plainly(known.name or known.domain, known.domain, known.id)}."
    return JSONResponse({"Results": text, "Warnings": warnings})


@router.get("/ListLogs", summary="The audit trail, the latest first", **answers(list[LogRow]))
async def list_logs(here: Here, person: Caller) -> JSONResponse:
    """The last thousand entries that the caller may see."""
    if not may(person, Right.AUDIT, next(iter(person.tenants or {""}))):
        require(person, Right.AUDIT)
    limits = None if person.tenants is None else sorted(person.tenants)
    rows = [
        {
            "DateTime": entry["at"],
            "Tenant": entry["tenant_id"],
            "User": entry["actor"],
            "API": entry["what"],
            "Message": entry["what"].replace(".", " ").replace("_", " "),
            "Severity": "Info",
            "LogData": {"before": entry["before"], "after": entry["after"]},
            "IP": entry["address"],
            "RowKey": str(entry["number"]),
        }
        for entry in await here.house.audit.latest(Wanted(limits), limit=1000)
    ]
    return JSONResponse(rows)


@router.get("/ListApiTest", summary="Who am I", **answers(WhoAmI))
async def list_api_test(person: Caller) -> JSONResponse:
    """The caller's name, role and limits."""
    tenants = None if person.tenants is None else sorted(person.tenants)
    return JSONResponse({"Name": person.name, "Role": person.role.value, "Tenants": tenants})


ADDRESSES = {route.path.lower(): route.path for route in router.routes if isinstance(route, APIRoute)}


def address(path: str) -> str:
    """An address as the routes name it, also for one in another letter case or with a slash at its end.

    CIPP's host takes those, and its callers rely on it.
    """
    return ADDRESSES.get(path.rstrip("/").lower(), path)


async def _unheard(here: Rooms, notify: list[str], known: KnownTenant) -> list[str]:
    """A sentence for each way of telling that has nobody to tell."""
    where = {"email": "mail address", "webhook": "webhook or channel", "psa": "webhook"}
    return [
        f"PostExecution.{channel} tells nobody: no {where[channel]} is set up for {known.domain}. "
        "An administrator adds one in the settings."
        for channel in await here.house.book.unheard(notify, known.id)
    ]


async def _tenant(here: Rooms, person: Person, text: str, right: Right) -> KnownTenant:
    """The tenant that the caller may see; one outside its limits looks like one that is not there."""
    if not text.strip():
        raise Unusable("tenantFilter is missing.", "tenant_missing", advice="Give a domain or the tenant's id.")
    return await tenant_of(here, person, text, right)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; the same key twice with another value is kept apart, so that it is noticed."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        twice = key in found and found[key] != value
        found[f"{key} " if twice else key] = value
    return found


def _refused(reasons: list[str]) -> JSONResponse:
    return JSONResponse(in_cipp_words(reasons), 400)


def _understood(answers: list[Offboarding | LeaverError]) -> bool:
    """Whether somebody could not be queued although the request made sense: not allowed, or under way already."""
    return any(isinstance(answer, LeaverError) and status_of(answer) in (403, 409) for answer in answers)


def _first(operations: list[dict[str, Any]]) -> int:
    return next(index for index, operation in enumerate(operations) if operation["Id"])


@contextmanager
def _as_the_callers_own(said: str) -> Iterator[None]:
    """Let Microsoft's refusal of what the caller `said` be the caller's error, not Microsoft's."""
    try:
        yield
    except Refused as error:
        if not said or error.status != 400:
            raise
        raise Unusable(error.message, error.code, advice="Look at the filter.") from error


def _accepted(record: Offboarding) -> str:
    who = _plainly(f"{record.user.display_name} ({record.user.upn})", record.user.upn, record.user.id)
    if record.awaits_approval:
        return f"The offboarding of {who} waits for the approval of a second person."
    if record.at is not None:
        return f"Scheduled the offboarding of {who} for {record.at:%Y-%m-%d %H:%M} UTC."
    return f"Queued the offboarding of {who}."


def _plainly(*names: str) -> str:
    """The first of somebody's names that no caller takes for the news of a failure (Tom Failla)."""
    return next((name for name in names if not any(word in name.lower() for word in BAD_NEWS)), names[-1])


def _operation(user: str, record: Offboarding) -> dict[str, Any]:
    return {
        "User": user,
        "Id": record.id,
        "Url": f"/api/v1/offboardings/{record.id}",
        "Status": record.state.value,
    }


async def _deployment(here: Rooms, accepted: list[Offboarding]) -> str:
    deployment = secrets.token_hex(16)
    until = datetime.now(UTC) + DEPLOYMENTS_KEPT
    document = {"id": deployment, "ids": [record.id for record in accepted]}
    await here.house.papers.put(DEPLOYMENT, deployment, document, expires_at=until)
    return deployment


def _task_state(record: Offboarding) -> str:
    return TASK_STATES.get(record.state.value, "Failed")


def _item(record: Offboarding) -> dict[str, Any]:
    when = record.at or record.requested_at
    return {
        "Tenant": record.tenant.domain,
        "Name": f"Offboarding: {record.user.upn}",
        "Command": COMMAND,
        "Parameters": {"Username": record.user.upn, "tenantFilter": record.tenant.domain},
        "TaskState": _task_state(record),
        "ScheduledTime": int(when.timestamp()),
        "ExecutedTime": int(record.ended_at.timestamp()) if record.ended_at else None,
        "Reference": record.reference,
        "Results": [f"{task.label or task.task}: {text}" for task in record.tasks for text in _sentences(task)]
        + [note.text for note in record.notes if note.kind is not NoteKind.INFO],
        "RowKey": record.id,
    }


def _sentences(task: Any) -> list[str]:
    """How a task stands, and what it leaves for a person."""
    found = [task.outcome.value.replace("_", " ")]
    if task.error is not None:
        found.append(f"{task.error.message} [{task.error.code}]")
    wanted = (NoteKind.FOLLOW_UP, NoteKind.BLOCKER)
    return found + [note.text for note in task.notes if note.kind in wanted]


def _as_switches(defaults: dict[str, dict[str, Any]]) -> dict[str, bool]:
    fields = {task.name: task.option.api_field for task in all_tasks()}
    return {fields[task]: bool(said.get("value")) for task, said in defaults.items() if task in fields}


async def _array(rows: AsyncIterator[dict[str, Any]], names: dict[str, str]) -> AsyncIterator[str]:
    """The rows as a JSON array, written as they come; the first page is read before the answer begins."""
    first = await anext(rows, None)

    async def write() -> AsyncIterator[str]:
        yield "["
        if first is not None:
            yield json.dumps(_user(first, names))
            async for row in rows:
                yield "," + json.dumps(_user(row, names))
        yield "]"

    return write()


def _user(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    local, _, domain = str(row.get("userPrincipalName") or "").partition("@")
    held = [str(item.get("skuId", "")) for item in row.get("assignedLicenses") or []]
    addresses = [str(each) for each in row.get("proxyAddresses") or []]
    return row | {
        "username": local,
        "Aliases": ", ".join(each.partition(":")[2] for each in addresses if each.startswith("smtp:")),
        "LicJoined": ", ".join(names.get(sku) or product_name("", sku) for sku in held),
        "primDomain": {"value": domain, "label": domain},
        "onPremisesSyncEnabled": bool(row.get("onPremisesSyncEnabled")),
        "manager": row.get("manager"),
    }
