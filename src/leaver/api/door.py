"""The one place that knows who asks: every route but the health checks goes through it."""

from __future__ import annotations

import json
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request

from leaver.access.limits import Limits
from leaver.access.programs import Programs
from leaver.access.roles import Person
from leaver.access.tokens import PREFIX, Tokens
from leaver.api.remembered import Remembered
from leaver.domain.errors import NotSignedIn
from leaver.offboarding.desk import Desk
from leaver.wiring import House

READS = ("GET", "HEAD", "OPTIONS")


class Rooms(Protocol):
    """What the running program keeps for its doors."""

    house: House
    desk: Desk
    tokens: Tokens
    programs: Programs | None
    """Who comes with a JWT of the configured issuer; None where none is."""
    limits: Limits
    remembered: Remembered


async def rooms(request: Request) -> Rooms:
    """The running program's rooms. It waits for nothing, but what is not `async` is called in a thread."""
    found: Rooms = request.app.state
    return found


async def caller(request: Request, here: Annotated[Rooms, Depends(rooms)]) -> Person:
    """Who asks: an API token, a JWT of the issuer, or a key as CIPP's callers send it; nobody else gets in.

    What is not a read is counted; who writes too often must wait.
    """
    person = await _known(request, here)
    if request.method not in READS:
        here.limits.write(person)
    return person


async def _known(request: Request, here: Rooms) -> Person:
    address = request.client.host if request.client else ""
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    bearer = kind.lower() == "bearer"
    if not bearer:
        secret = request.headers.get("x-api-key", "") or request.headers.get("x-functions-key", "")
    secret = secret.strip()
    if bearer and here.programs is not None and secret.count(".") == 2 and not secret.startswith(PREFIX):
        return await here.programs.check(secret, address)
    person = await here.tokens.check(secret, address)
    if person is None:
        raise NotSignedIn(
            "No valid API token came with the request.",
            "not_signed_in",
            advice="Send it as `Authorization: Bearer …`; `leaver token create` makes one.",
        )
    return person


def sound(body: Any) -> Any:
    """A body, if it is made of what can be kept: no halves of characters, no zero characters, no NaN, no abyss."""
    try:
        text = json.dumps(body, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (UnicodeEncodeError, RecursionError) as error:
        raise ValueError("it holds halves of characters, or is nested too deeply") from error
    if "\\u0000" in text:
        raise ValueError("it holds a zero character")
    return body


Here = Annotated[Rooms, Depends(rooms)]
Caller = Annotated[Person, Depends(caller)]
