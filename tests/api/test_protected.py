"""Protected accounts over HTTP."""

from __future__ import annotations

import pytest

from api.conftest import Client, NewClient
from m365_simulator.world import World
from support import Wire

ADA = "ada@contoso.example"
PATH = "/api/v1/tenants/contoso.example/protected"


async def test_a_protected_account_is_refused_until_it_is_released(client: Client, world: World, wire: Wire) -> None:
    wish = {"tenant": "contoso.example", "users": [ADA], "settings": {"disable_sign_in": True}}
    added = await client.post(PATH, json={"user": ADA})
    refused = await client.post("/api/v1/plans", json=wish)
    listed = (await client.get(PATH)).json()["items"]
    gone = await client.delete(f"{PATH}/{world.users['ada'].id}")
    again = await client.delete(f"{PATH}/{world.users['ada'].id}")

    assert added.status_code == 201
    assert "protected list" in refused.json()["title"]
    assert listed == [{"id": world.users["ada"].id, "upn": ADA}]
    assert (gone.status_code, again.status_code) == (204, 404)
    assert (await client.post("/api/v1/plans", json=wish)).status_code == 200


@pytest.mark.parametrize("role", ["viewer", "operator", "auditor"])
async def test_only_an_administrator_protects(new_client: NewClient, world: World, role: str) -> None:
    caller = await new_client(role=role)

    assert (await caller.get(PATH)).status_code == 200
    assert (await caller.post(PATH, json={"user": ADA})).status_code == 403
    assert (await caller.delete(f"{PATH}/{ADA}")).status_code == 403
