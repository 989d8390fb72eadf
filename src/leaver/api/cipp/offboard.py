"""`POST ExecOffboardUser`: one request for several users, accepted at once."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from leaver.access.roles import Right, require
from leaver.access.targets import refuse_privileged
from leaver.api.cipp.bodies import read_offboarding
from leaver.api.cipp.hearing import plainly, refused, tenant_named
from leaver.api.cipp.shapes import OFFBOARD, OFFBOARD_EXAMPLE, Queued
from leaver.api.documented import answers, by_name, sent
from leaver.api.door import Caller, Here, Rooms, sound
from leaver.api.plain import plain
from leaver.api.problems import status_of
from leaver.domain.errors import LeaverError, Unusable
from leaver.domain.offboarding import Offboarding
from leaver.offboarding.desk import Request as Asked
from leaver.store.tenants import KnownTenant

router = APIRouter(prefix="/api", tags=["CIPP-compatible"], generate_unique_id_function=by_name)
DEPLOYMENT = "deployment"
DEPLOYMENTS_KEPT = timedelta(days=400)


@router.post(
    "/ExecOffboardUser", summary="Offboard one or several users", **answers(Queued), **sent(OFFBOARD, OFFBOARD_EXAMPLE)
)
async def exec_offboard_user(request: Request, here: Here, person: Caller) -> Response:
    """Accept the work and answer at once; `Operations` says where each user's progress is."""
    require(person, Right.OFFBOARD)
    try:
        read = read_offboarding(sound(json.loads(await request.body() or b"null", object_pairs_hook=_pairs)))
    except (ValueError, RecursionError):
        return refused(["The body is not JSON."])
    if read.reasons:
        return refused(read.reasons)
    try:
        known = await tenant_named(here, person, read.tenant, Right.OFFBOARD)
    except Unusable as error:
        if person.tenants is not None:
            raise  # whoever is limited to tenants is told of others what every address says: not there
        return refused([str(error)])
    asked = Asked(
        known.id, read.users, read.settings, reference=read.reference, at=read.at, time_zone="UTC", notify=read.notify
    )

    async def allowed(record: Offboarding) -> None:
        await refuse_privileged(person, here.house.doorway(known.id), record)

    answers = await here.desk.queue(asked, person.actor(), allowed=allowed)
    results, operations, accepted = [], [], []
    for user, answer in zip(read.users, answers, strict=True):
        if isinstance(answer, Offboarding):
            if answer in accepted:
                continue
            accepted.append(answer)
            results.append(_accepted(answer))
            operations.append(_operation(user, answer))
        else:
            results.append(f"Could not queue the offboarding of {user}: {answer}")
            operations.append({"User": user, "Id": "", "Url": "", "Status": "refused"})
    status = 200 if len(accepted) == len(operations) else 403 if accepted or _understood(answers) else 400
    content: dict[str, Any] = {
        "Results": results,
        "Operations": operations,
        "Warnings": read.warnings + await _unheard(here, read.notify, known),
    }
    headers = {}
    if accepted:
        content["DeploymentId"] = await _deployment(here, accepted)
        headers["Location"] = operations[_first(operations)]["Url"]
    return plain(content, status, headers)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; the same key twice with another value is kept apart, so that it is noticed."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        twice = key in found and found[key] != value
        found[f"{key} " if twice else key] = value
    return found


def _understood(answers: list[Offboarding | LeaverError]) -> bool:
    """Whether somebody could not be queued although the request made sense: not allowed, or under way already."""
    return any(isinstance(answer, LeaverError) and status_of(answer) in (403, 409) for answer in answers)


def _accepted(record: Offboarding) -> str:
    who = plainly(f"{record.user.display_name} ({record.user.upn})", record.user.upn, record.user.id)
    if record.awaits_approval:
        return f"The offboarding of {who} waits for the approval of a second person."
    if record.at is not None:
        return f"Scheduled the offboarding of {who} for {record.at:%Y-%m-%d %H:%M} UTC."
    return f"Queued the offboarding of {who}."


def _operation(user: str, record: Offboarding) -> dict[str, Any]:
    return {
        "User": user,
        "Id": record.id,
        "Url": f"/api/v1/offboardings/{record.id}",
        "Status": record.state.value,
    }


def _first(operations: list[dict[str, Any]]) -> int:
    return next(index for index, operation in enumerate(operations) if operation["Id"])


async def _deployment(here: Rooms, accepted: list[Offboarding]) -> str:
    deployment = secrets.token_hex(16)
    until = datetime.now(UTC) + DEPLOYMENTS_KEPT
    document = {"id": deployment, "ids": [record.id for record in accepted]}
    await here.house.papers.put(DEPLOYMENT, deployment, document, expires_at=until)
    return deployment


async def _unheard(here: Rooms, notify: list[str], known: KnownTenant) -> list[str]:
    """A sentence for each way of telling that has nobody to tell."""
    where = {"email": "mail address", "webhook": "webhook or channel", "psa": "webhook"}
    return [
        f"PostExecution.{channel} tells nobody: no {where[channel]} is set up for {known.domain}. "
        "An administrator adds one in the settings."
        for channel in await here.house.book.unheard(notify, known.id)
    ]
