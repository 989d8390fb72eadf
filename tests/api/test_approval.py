"""The second person over HTTP: the same rule through both doors, and who may decide."""

from __future__ import annotations

from typing import Any

import pytest

from api.conftest import Client, NewClient, work
from leaver.access.roles import Role
from leaver.access.tokens import Tokens
from leaver.domain.actor import Actor
from leaver.wiring import House
from m365_simulator.world import World
from support import Wire

ADA = "ada@contoso.example"
WISH: dict[str, Any] = {"tenant": "contoso.example", "users": [ADA], "settings": {"delete_user": True}}
RULE = {"permanent": True, "privileged": True}


async def caller(new_client: NewClient, house: House, name: str, role: str, made_by: str = "") -> Client:
    """A program with a name, and with somebody who made its token."""
    client = await new_client(role=None)
    tokens = Tokens(house.papers, house.audit)
    _, secret = await tokens.create(name, Role(role), Actor(made_by or f"maker of {name}"))
    client.headers["Authorization"] = f"Bearer {secret}"
    return client


async def through_v1(client: Client) -> dict[str, Any]:
    """Accepted by the native door."""
    answer = await client.post("/api/v1/offboardings", json=WISH)
    return dict(answer.json()["offboardings"][0])


async def through_cipp(client: Client) -> dict[str, Any]:
    """Accepted by CIPP's door."""
    body = {"tenantFilter": "contoso.example", "user": ADA, "DeleteUser": True}
    answer = await client.post("/api/ExecOffboardUser", json=body)
    assert "waits for the approval" in answer.json()["Results"][0]
    found = await client.get(answer.json()["Operations"][0]["Url"])
    return dict(found.json()["offboardings"][0])


@pytest.mark.parametrize("door", [through_v1, through_cipp])
async def test_both_doors_wait_for_a_second_person(
    client: Client, new_client: NewClient, house: House, world: World, wire: Wire, door: Any
) -> None:
    await client.put("/api/v1/approval-rule", json=RULE)
    made = await door(client)
    await work(house)
    assert made["approval"]["state"] == "pending"
    assert wire.writes == []
    listed = (await client.get("/api/v1/offboardings?awaits_approval=true")).json()["items"]
    assert [item["id"] for item in listed] == [made["id"]]

    other = await caller(new_client, house, "second", "operator")
    own = await client.post(f"/api/v1/offboardings/{made['id']}/approve")
    agreed = await other.post(f"/api/v1/offboardings/{made['id']}/approve", json={"note": "Seen."})
    again = await other.post(f"/api/v1/offboardings/{made['id']}/approve")
    await work(house)

    assert (own.status_code, own.json()["code"]) == (403, "second_person")
    assert agreed.json()["offboardings"][0]["approval"]["note"] == "Seen."
    assert again.status_code == 409
    assert "ada" not in world.users


@pytest.mark.parametrize("privileged", [False, True])
@pytest.mark.parametrize("what", ["approve", "refuse"])
@pytest.mark.parametrize("role", ["viewer", "operator", "administrator", "auditor"])
async def test_who_may_decide(
    client: Client, new_client: NewClient, house: House, world: World, role: str, what: str, privileged: bool
) -> None:
    if privileged:
        world.add_role("fe930be7-5e62-47db-91af-98c3a49a38b1", "User Administrator", "ada")
    await client.put("/api/v1/approval-rule", json=RULE)
    made = await through_v1(client)
    other = await caller(new_client, house, "second", role)

    answer = await other.post(f"/api/v1/offboardings/{made['id']}/{what}", json={"note": "Because."})

    may = role == "administrator" or (role == "operator" and not privileged)
    assert answer.status_code == (200 if may else 403), answer.text
    assert made["approval"]["needs_administrator"] == privileged


async def test_a_second_token_of_the_same_person_is_no_second_person(
    client: Client, new_client: NewClient, house: House, world: World
) -> None:
    await client.put("/api/v1/approval-rule", json=RULE)
    first = await caller(new_client, house, "first", "operator", made_by="Tess")
    second = await caller(new_client, house, "second", "operator", made_by="Tess")
    made = await through_v1(first)

    answer = await second.post(f"/api/v1/offboardings/{made['id']}/approve")

    assert answer.json()["code"] == "second_person"


async def test_only_who_manages_the_organization_sets_the_rule(
    client: Client, new_client: NewClient, world: World
) -> None:
    statuses = {}
    for role in ("viewer", "operator", "auditor"):
        caller_ = await new_client(role=role)
        statuses[role] = (await caller_.put("/api/v1/approval-rule", json=RULE)).status_code
    limited = await new_client(role="administrator", tenants=(world.id,))

    assert set(statuses.values()) == {403}
    assert (await limited.put("/api/v1/approval-rule", json=RULE)).status_code == 403
    assert (await client.get("/api/v1/approval-rule")).json() == {"permanent": False, "privileged": False}
    assert (await client.put("/api/v1/approval-rule", json={"permanent": True})).status_code == 422


@pytest.mark.parametrize("door", [through_v1, through_cipp])
async def test_whoever_listens_is_told_that_approval_is_needed_once(
    client: Client, house: House, world: World, door: Any
) -> None:
    await client.put("/api/v1/approval-rule", json=RULE)
    hook = {"name": "x", "url": "https://hooks.example.com/", "events": ["offboarding.approval_needed"]}
    where = (await client.post("/api/v1/webhooks", json=hook)).json()["id"]

    await door(client)
    await work(house)

    (told,) = (await client.get(f"/api/v1/webhooks/{where}/deliveries")).json()["items"]
    found = await house.outbox.get(told["id"])
    assert told["type"] == "offboarding.approval_needed"
    assert found is not None
    assert found.data["approval_needed"]


async def test_a_plan_says_who_else_must_agree(client: Client, world: World) -> None:
    await client.put("/api/v1/approval-rule", json=RULE)

    planned = (await client.post("/api/v1/plans", json=WISH)).json()["offboardings"][0]

    assert planned["approval"]["state"] == "pending"
    assert set(planned["approval"]["reasons"]) == {"permanent"}
    assert (await client.get("/api/v1/offboardings")).json()["items"] == []
