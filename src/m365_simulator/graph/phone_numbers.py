"""Teams telephone numbers: who has which, and the operations that change it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from m365_simulator.graph import odata
from m365_simulator.graph.errors import GraphError, not_found
from m365_simulator.graph.filters import Filter
from m365_simulator.graph.router import GraphCall, route
from m365_simulator.state import Answer
from m365_simulator.world import TEAMS_PHONE, PhoneNumber

_READ = ("TeamsTelephoneNumber.Read.All", "TeamsTelephoneNumber.ReadWrite.All")
_WRITE = ("TeamsTelephoneNumber.ReadWrite.All",)
_ROOT = "/admin/teams/telephoneNumberManagement"
_ACTIONS = f"{_ROOT}/numberAssignments"
NO_TEAMS = "Exception of type 'Microsoft.Skype.Sync.Pstn.Tnm.Common.Http.HttpResponseException' was thrown."


@route("GET", _ACTIONS, *_READ)
def listed(call: GraphCall) -> Answer:
    """The numbers of the tenant, each with whom it is assigned to."""
    _demand_teams(call)
    rows = [_shape(call, number) for number in call.world.numbers]
    if "$filter" in call.query:
        wanted = Filter(call.query["$filter"])
        rows = [row for row in rows if wanted.matches(row.get)]
    return odata.rows(call, rows, lambda row: row, page=500, most=1000, skip_allowed=True)


@route(
    "POST",
    f"{_ACTIONS}/unassignNumber",
    *_WRITE,
    also=(f"{_ACTIONS}/microsoft.graph.teamsAdministration.unassignNumber",),
)
def unassigned(call: GraphCall) -> Answer:
    """Orders that a number be taken back."""
    number = _number(call)

    def effect() -> str:
        if number.source == "onPremises":
            return "The number is managed on premises."
        if number.assigned_to is None:
            return "The number is not assigned."
        number.assigned_to = None
        return ""

    return _ordered(call, number, effect)


@route(
    "POST",
    f"{_ACTIONS}/assignNumber",
    *_WRITE,
    also=(f"{_ACTIONS}/microsoft.graph.teamsAdministration.assignNumber",),
)
def assigned(call: GraphCall) -> Answer:
    """Orders that a number be given to somebody who has the license for it."""
    number = _number(call)
    user = call.directory.user(str(call.given("assignmentTargetId") or ""))
    if user is None:
        raise not_found(str(call.given("assignmentTargetId")))
    category, location = call.given("assignmentCategory"), call.given("locationId")

    def effect() -> str:
        if number.assigned_to not in (None, user.alias):
            return "The number is assigned to somebody else."
        if not any(held.sku_id == TEAMS_PHONE for held in user.licenses):
            return "The user has no Teams Phone license."
        number.assigned_to = user.alias
        number.category = category or number.category
        number.location_id = location or number.location_id
        return ""

    return _ordered(call, number, effect)


@route("GET", f"{_ROOT}/operations/{{}}", *_READ)
def operation(call: GraphCall) -> Answer:
    """How far an order has got."""
    found = call.state.operations.get(call.keys[0])
    if found is None:
        raise not_found(call.keys[0])
    return Answer(body=found)


def _ordered(call: GraphCall, number: PhoneNumber, effect: Callable[[], str]) -> Answer:
    order = str(uuid.uuid4())
    state = call.state
    detail: dict[str, Any] = {"resourceLocation": None, "status": "running", "statusDetail": ""}
    found = state.operations[order] = {
        "@odata.context": f"{call.base}/$metadata#admin/teams/telephoneNumberManagement/operations/$entity",
        "id": order,
        "createdDateTime": state.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "status": "running",
        "numbers": [detail],
    }

    def finish() -> None:
        failure = state.behaviour.number_operation_fails or effect()
        found["status"] = detail["status"] = "failed" if failure else "succeeded"
        detail["statusDetail"] = failure

    state.later(state.behaviour.number_operation_delay, finish)
    return Answer(202, headers={"location": f"{call.base}{_ROOT}/operations('{order}')"})


def _number(call: GraphCall) -> PhoneNumber:
    _demand_teams(call)
    wanted, kind = call.given("telephoneNumber"), call.given("numberType")
    for number in call.world.numbers:
        if number.number == wanted and kind in (None, number.kind):
            return number
    raise GraphError(404, "NotFound", f"The telephone number {wanted} of type {kind} was not found.")


def _demand_teams(call: GraphCall) -> None:
    if not call.world.teams:
        raise GraphError(400, "BadRequest", NO_TEAMS)


def _shape(call: GraphCall, number: PhoneNumber) -> dict[str, Any]:
    user = call.world.users.get(number.assigned_to or "")
    return {
        "id": call.world.new_id("number", number.number),
        "telephoneNumber": number.number,
        "numberType": number.kind,
        "activationState": "activated",
        "capabilities": ["userAssignment"],
        "locationId": number.location_id,
        "numberSource": number.source,
        "assignmentTargetId": user.id if user else None,
        "assignmentCategory": number.category if user else None,
        "assignmentStatus": "userAssigned" if user else "unassigned",
        "portInStatus": None,
        "isoCountryCode": "NL",
        "city": "Amsterdam",
        "reverseNumberLookupOptions": [],
    }
