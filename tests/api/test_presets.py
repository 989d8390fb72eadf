"""Presets over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from api.conftest import Client, NewClient
from m365_simulator.world import World


async def test_a_preset_is_kept_replaced_and_forgotten(client: Client, world: World) -> None:
    body = {"name": "Gentle", "settings": {"disable_sign_in": True}}
    first = (await client.post("/api/v1/presets", json=body)).json()
    second = (await client.post("/api/v1/presets", json=body | {"settings": {"remove_groups": True}})).json()
    listed = (await client.get("/api/v1/presets")).json()["items"]
    gone = await client.delete(f"/api/v1/presets/{first['id']}")

    assert first["id"] == second["id"]
    assert [item["name"] for item in listed] == ["Gentle", "Lock out only"]
    assert listed[0]["settings"] == {"remove_groups": True}
    assert gone.status_code == 204
    assert (await client.delete(f"/api/v1/presets/{first['id']}")).status_code == 404
    assert (await client.delete("/api/v1/presets/lock_out")).status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x", "settings": {"nonsense": True}},
        {"name": "x", "settings": {}},
        {"name": " ", "settings": {"disable_sign_in": True}},
        {"name": "Lock out only", "settings": {"disable_sign_in": True}},
        {"name": "x", "settings": {"forward_mail": {"to": "manager"}, "disable_forwarding": True}},
    ],
)
async def test_what_could_not_be_used_is_not_kept(client: Client, world: World, body: Any) -> None:
    answer = await client.post("/api/v1/presets", json=body)

    assert answer.status_code == 400, answer.text
    assert len((await client.get("/api/v1/presets")).json()["items"]) == 1


@pytest.mark.parametrize("role", ["viewer", "operator", "auditor"])
async def test_only_an_administrator_changes_presets(new_client: NewClient, world: World, role: str) -> None:
    caller = await new_client(role=role)
    body = {"name": "Gentle", "settings": {"disable_sign_in": True}}

    assert (await caller.get("/api/v1/presets")).status_code == 200
    assert (await caller.post("/api/v1/presets", json=body)).status_code == 403
    assert (await caller.delete("/api/v1/presets/lock_out")).status_code == 403
