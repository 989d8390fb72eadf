"""Telephone numbers of Teams."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from leaver.domain.errors import NotFound, NotYet, Refused, Unavailable
from leaver.m365.graph.values import Row, literal, says, text
from leaver.m365.http import Answer, GraphWire, quote_id
from leaver.m365.target import Guard

_HOME = "/admin/teams/telephoneNumberManagement"
_OPERATION = re.compile(r"/operations(?:\('([^']+)'\)|/([^/?]+))")
_NO_TEAMS = ("Skype.Sync.Pstn", "Request not applicable to target tenant", "not found for the segment")
"""No Teams in the tenant, or a national cloud, where numbers cannot be managed from outside."""
_SECONDS_AT_MOST = 120.0
_FIRST_POLL = 0.2
_SLOWEST_POLL = 5.0


@dataclass(frozen=True)
class PhoneNumber:
    """A telephone number that is assigned to a user."""

    number: str
    kind: str
    """`directRouting`, `callingPlan` or `operatorConnect`."""
    category: str = "primary"
    source: str = "online"
    """`onPremises`: mastered in Active Directory, and not to be unassigned from here."""
    location_id: str = ""


class PhoneNumbers:
    """Reads anybody's numbers; takes the leaver's away and gives them back."""

    def __init__(
        self,
        wire: GraphWire,
        guard: Guard,
        *,
        budget: float = _SECONDS_AT_MOST,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._wire = wire
        self._guard = guard
        self._budget = budget
        self._sleep = sleep

    async def of(self, user_id: str) -> tuple[PhoneNumber, ...] | None:
        """The numbers assigned to a user; None where nobody can tell: a tenant without Teams, or a national cloud."""
        return await self._of(self._wire, user_id)

    async def unassign(self, number: PhoneNumber) -> None:
        """Take a number from the leaver; one that the leaver does not hold is left alone."""
        held = await self._of(self._wire.fresh(), self._guard.leaver_id)
        if held is None:
            text = "Teams does not show its numbers any more, so nothing was unassigned."
            raise Refused(text, code="no_number_management", service="graph")
        if number.number not in {each.number for each in held}:
            return
        body = {"telephoneNumber": number.number, "numberType": number.kind}
        await self._finished(await self._wire.post(f"{_HOME}/numberAssignments/unassignNumber", body))

    async def assign(self, number: PhoneNumber, user_id: str) -> None:
        """Give the leaver a number."""
        self._guard.only(user_id, "assigning a telephone number")
        body = {
            "telephoneNumber": number.number,
            "numberType": number.kind,
            "assignmentTargetId": user_id,
            "assignmentCategory": number.category,
        } | ({"locationId": number.location_id} if number.location_id else {})
        await self._finished(await self._wire.post(f"{_HOME}/numberAssignments/assignNumber", body))

    async def _of(self, wire: GraphWire, user_id: str) -> tuple[PhoneNumber, ...] | None:
        params = {"$filter": f"assignmentTargetId eq {literal(user_id)}"}
        try:
            rows = await wire.pages(f"{_HOME}/numberAssignments", params)
        except NotFound:
            return None
        except (Refused, Unavailable) as error:
            if says(error, *_NO_TEAMS):
                return None
            raise
        mine = [row for row in rows if text(row, "assignmentTargetId").casefold() == user_id.casefold()]
        return tuple(_number(row) for row in mine)

    async def _finished(self, accepted: Answer) -> None:
        """Wait for the operation that an accepted request started; the first look is quick, later ones 5 s apart."""
        named = _OPERATION.search(accepted.headers.get("location", ""))
        if accepted.status != 202 or named is None:
            return
        path = f"{_HOME}/operations/{quote_id(named[1] or named[2])}"
        waited, pause = 0.0, _FIRST_POLL
        while True:
            await self._sleep(pause)
            waited += pause
            operation: Row = {}
            with suppress(NotFound):  # An order that was only just given may not be shown yet.
                operation = await self._wire.fresh().get(path)
            status = text(operation, "status")
            if status == "succeeded":
                return
            if status == "failed":
                detail = _details(operation)
                raise Refused(f"Teams could not change the number: {detail}", code="number_failed", service="graph")
            if waited >= self._budget:
                raise NotYet("Teams is still working on the number.", code="number_pending", service="graph", wait=30.0)
            pause = min(pause * 2, _SLOWEST_POLL)


def _number(row: Row) -> PhoneNumber:
    return PhoneNumber(
        number=text(row, "telephoneNumber"),
        kind=text(row, "numberType"),
        category=text(row, "assignmentCategory") or "primary",
        source=text(row, "numberSource") or "online",
        location_id=text(row, "locationId"),
    )


def _details(operation: Row) -> str:
    words = [text(number, "statusDetail") or text(number, "message") for number in operation.get("numbers") or ()]
    return "; ".join(word for word in words if word) or "no reason given"
