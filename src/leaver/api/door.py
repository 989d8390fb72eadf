"""The one place that knows who asks: every route but the health checks goes through it."""

from __future__ import annotations

from typing import Annotated, Protocol

from fastapi import Depends, Request

from leaver.access.roles import Person
from leaver.access.tokens import Tokens
from leaver.domain.errors import NotSignedIn
from leaver.offboarding.desk import Desk
from leaver.wiring import House


class Rooms(Protocol):
    """What the running program keeps for its doors."""

    house: House
    desk: Desk
    tokens: Tokens


def rooms(request: Request) -> Rooms:
    """The running program's rooms."""
    found: Rooms = request.app.state
    return found


async def caller(request: Request, here: Annotated[Rooms, Depends(rooms)]) -> Person:
    """Who asks: a bearer token, or a key as CIPP's callers send it; nobody else gets in."""
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        secret = request.headers.get("x-api-key", "") or request.headers.get("x-functions-key", "")
    person = await here.tokens.check(secret.strip(), request.client.host if request.client else "")
    if person is None:
        raise NotSignedIn(
            "No valid API token came with the request.",
            "not_signed_in",
            advice="Send it as `Authorization: Bearer …`; `leaver token create` makes one.",
        )
    return person


Here = Annotated[Rooms, Depends(rooms)]
Caller = Annotated[Person, Depends(caller)]
