"""Offboardings as CIPP shows scheduled items: listed, looked at, cancelled, and how far each user is."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from leaver.access.roles import Right, require
from leaver.api.cipp.bodies import texts_of
from leaver.api.cipp.hearing import Given, body_of, plainly, refused, tenant_named
from leaver.api.cipp.offboard import DEPLOYMENT
from leaver.api.cipp.shapes import ITEM, ITEM_EXAMPLE, ItemDetails, ProgressRow, Results, ScheduledItem
from leaver.api.documented import answers, by_name, query, sent
from leaver.api.door import Caller, Here
from leaver.api.plain import as_list, plain
from leaver.api.sight import offboarding_of
from leaver.domain.errors import NotFound
from leaver.domain.offboarding import Offboarding
from leaver.domain.plan import NoteKind

router = APIRouter(prefix="/api", tags=["CIPP-compatible"], generate_unique_id_function=by_name)
COMMAND = "Invoke-CIPPOffboardingJob"
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


@router.get(
    "/ListScheduledItems",
    summary="Offboardings as scheduled items",
    **answers(list[ScheduledItem]),
    **query("Type", "tenantFilter", "Name", "Reference", "ShowHidden"),
)
async def list_scheduled_items(here: Here, person: Caller, given: Given) -> Response:
    """One row for each offboarding; those that have ended are there as well. There are no items of another type."""
    require(person, Right.SEE)
    tenant_ids = person.tenant_ids
    if given.get("tenantfilter", "").lower() not in ("", "alltenants"):
        tenant_ids = [(await tenant_named(here, person, given["tenantfilter"], Right.SEE)).id]
    if given.get("type", COMMAND).lower() not in ("", COMMAND.lower()):
        return plain([])
    name = given.get("name", "").lower().removeprefix("offboarding:").strip()
    reference = given.get("reference", "")
    rows: list[bytes] = []
    after = ""
    while True:
        marks, after = await here.desk.marks(
            tenant_ids=tenant_ids, upn=name, reference=reference, after=after, limit=200, kind="offboarding"
        )
        rows += await here.remembered.shown(marks, here.desk.several, _item)
        if not after:
            return Response(as_list(rows), media_type="application/json")


@router.get(
    "/ListScheduledItemDetails",
    summary="One offboarding with its tasks",
    **answers(ItemDetails),
    **query("RowKey", required=("RowKey",)),
)
async def list_scheduled_item_details(here: Here, person: Caller, given: Given) -> Response:
    """What was asked, and how each task stands."""
    if not given.get("rowkey"):
        return refused(["RowKey is missing."])
    record = await offboarding_of(here, person, given["rowkey"], Right.SEE)
    details = [
        {"Task": task.label or task.task, "Status": task.outcome.value, "Results": _sentences(task)}
        for task in record.tasks
    ]
    return plain({"Task": _item(record), "Details": details})


@router.post("/RemoveScheduledItem", summary="Cancel an offboarding", **answers(Results), **sent(ITEM, ITEM_EXAMPLE))
async def remove_scheduled_item(request: Request, here: Here, person: Caller) -> Response:
    """Stop it: the call under way finishes, the rest is not started."""
    given = await body_of(request)
    names = texts_of(given.get("id") or given.get("rowkey"))
    if len(names) != 1:
        return refused(["id is missing."])
    record = await offboarding_of(here, person, names[0], Right.OFFBOARD)
    await here.desk.cancel(record.id, person.actor())
    who = plainly(record.user.upn, record.user.id)
    return plain({"Results": f"Canceled the offboarding of {who}. What was done stays as it is."})


@router.get(
    "/ListOffboardingProgress",
    summary="How the users of one request stand",
    **answers(list[ProgressRow]),
    **query("DeploymentId", required=("DeploymentId",)),
)
async def list_offboarding_progress(here: Here, person: Caller, given: Given) -> Response:
    """One row for each user, with its steps."""
    require(person, Right.SEE)
    deployment_id = given.get("deploymentid", "")
    if not deployment_id:
        return refused(["DeploymentId is missing."])
    found = await here.house.papers.get(DEPLOYMENT, deployment_id)
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
    return plain(rows)


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
