"""What the organization has locked holds through every door of the server."""

from __future__ import annotations

from typing import Any

import pytest

from api.conftest import Client
from m365_simulator.world import World
from support import Wire

ADA = "ada@contoso.example"
LOCKED = {
    "disable_sign_in": {"value": True, "locked": True},
    "delete_user": {"value": False, "locked": True},
    "forward_mail": {"value": {"to": "manager"}, "locked": True},
}
GOOD: dict[str, Any] = {"disable_sign_in": True, "forward_mail": {"to": "manager"}}


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"forward_mail": {"to": "manager"}}, "Disable sign-in is locked: it must be on"),
        (GOOD | {"delete_user": True}, "Delete user is locked: it stays off"),
        (GOOD | {"forward_mail": {"to": "bob@contoso.example"}}, "Forward new mail is locked: it keeps the values"),
    ],
)
async def test_a_request_that_goes_around_a_lock_is_refused(
    client: Client, world: World, wire: Wire, settings: dict[str, Any], why: str
) -> None:
    await client.put("/api/v1/defaults/organization", json=LOCKED)
    wish = {"tenant": "contoso.example", "users": [ADA], "settings": settings}

    for path in ("/api/v1/plans", "/api/v1/offboardings"):
        answer = await client.post(path, json=wish)
        assert (answer.status_code, answer.json()["code"]) == (400, "locked_default")
        assert why in answer.json()["title"]

    assert wire.writes == []


async def test_a_request_that_keeps_to_the_locks_is_accepted(client: Client, world: World) -> None:
    await client.put("/api/v1/defaults/organization", json=LOCKED)

    answer = await client.post(
        "/api/v1/offboardings", json={"tenant": "contoso.example", "users": [ADA], "settings": GOOD}
    )

    assert answer.status_code == 201, answer.text


async def test_cipps_door_keeps_to_the_locks_too(client: Client, world: World) -> None:
    await client.put("/api/v1/defaults/organization", json={"disable_sign_in": {"value": True, "locked": True}})
    body = {"tenantFilter": "contoso.example", "user": ADA, "RemoveGroups": True}

    refused = await client.post("/api/ExecOffboardUser", json=body)
    accepted = await client.post("/api/ExecOffboardUser", json=body | {"DisableSignIn": True})

    assert refused.status_code == 400
    assert "Disable sign-in is locked" in refused.json()["Results"][0]
    assert accepted.status_code == 200
