"""What the running program keeps, as a page is handed it."""

from __future__ import annotations

from typing import Annotated, Protocol

from fastapi import Depends, Request

from leaver.access.accounts import Accounts
from leaver.access.codes import Codes
from leaver.access.gate import Gate
from leaver.access.limits import Limits
from leaver.access.sessions import Sessions
from leaver.access.tokens import Tokens
from leaver.offboarding.desk import Desk
from leaver.offboarding.rounds import Rounds
from leaver.web.later import Later
from leaver.web.people_badges import Badges
from leaver.web.readings import Readings
from leaver.wiring import House


class Rooms(Protocol):
    """What the running program keeps for its doors."""

    house: House
    desk: Desk
    rounds: Rounds
    readings: Readings
    badges: Badges
    later: Later
    tokens: Tokens
    accounts: Accounts
    codes: Codes
    sessions: Sessions
    gate: Gate
    limits: Limits


async def rooms(request: Request) -> Rooms:
    """The running program's rooms. It waits for nothing, but what is not `async` is called in a thread."""
    found: Rooms = request.app.state
    return found


Here = Annotated[Rooms, Depends(rooms)]
