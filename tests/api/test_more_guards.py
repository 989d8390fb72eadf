"""What must hold for every route there is, and what odd input must not do."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.conftest import Client, NewClient, work
from leaver.store.tenants import KnownTenant
from leaver.wiring import House
from m365_simulator.world import Cloud, World
from support import Wire

ADA = "ada@contoso.example"
WISH: dict[str, Any] = {"tenant": "contoso.example", "users": [ADA], "settings": {"disable_sign_in": True}}
VERBS = ("get", "post", "put", "patch", "delete")


async def every_route(client: Client) -> list[tuple[str, str]]:
    """Method and path of everything that the OpenAPI document names under /api."""
    paths = (await client.get("/api/openapi.json")).json()["paths"]
    return [
        (verb.upper(), path)
        for path, item in paths.items()
        if path.startswith("/api/")
        for verb in VERBS
        if verb in item
    ]


def filled(path: str, offboarding: str, tenant: str) -> str:
    """A path with its parameters."""
    path = path.replace("{offboarding_id}", offboarding).replace("{tenant}", tenant).replace("{scope}", tenant)
    return re.sub(r"{\w+}", "nothing", path)


async def test_no_route_answers_somebody_without_a_token(new_client: NewClient, wire: Wire, world: World) -> None:
    nobody = await new_client(role=None)
    routes = await every_route(nobody)

    for method, path in routes:
        body = WISH if path == "/api/v1/offboardings" else WISH if path == "/api/v1/plans" else None
        answer = await nobody.request(method, filled(path, "abc", "contoso.example"), json=body)
        # A malformed body may be told first; nothing is told of what is inside.
        assert answer.status_code in (401, 422), (method, path, answer.text)

    assert len(routes) > 30
    assert wire.calls == []


async def test_a_token_of_another_tenant_gets_nothing_from_any_route(
    client: Client, new_client: NewClient, house: House, world: World, cloud: Cloud, wire: Wire
) -> None:
    other = cloud.add_world("fabrikam.example", "Fabrikam")
    await house.tenants.save(KnownTenant(other.id, other.domain, other.name, [other.domain]))
    made = (await client.post("/api/v1/offboardings", json=WISH)).json()["offboardings"][0]["id"]
    stranger = await new_client(role="administrator", tenants=(other.id,))

    for method, path in await every_route(client):
        asked = filled(path, made, world.id)
        for body in (None, {}, WISH, {"id": made, "tenantFilter": world.id, "user": ADA, "DisableSignIn": True}):
            params = {"tenantFilter": world.domain, "RowKey": made, "tenant": world.id, "Endpoint": "users"}
            answer = await stranger.request(method, asked, json=body, params=params)
            assert ADA not in answer.text, (method, path, answer.text)
            assert "Ada Example" not in answer.text, (method, path, answer.text)

    (record,), _ = await house.offboardings.page()
    assert record.state.value == "planned"
    assert not await house.leases.cancel_requested(made)
    assert wire.writes == []


ODD: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/api/v1/audit", {"params": {"after": -5}}),
    ("GET", "/api/v1/offboardings", {"params": {"cursor": "x"}}),
    ("GET", "/api/v1/offboardings", {"params": {"cursor": "WyIyMDIwLTAxLTAxIiwgIngiXQ=="}}),
    ("GET", "/api/v1/offboardings", {"params": {"limit": 10**9}}),
    ("GET", "/api/v1/offboardings", {"params": {"search": "%_\\"}}),
    ("GET", "/api/v1/tenants/%00/users", {}),
    ("GET", "/api/v1/tenants/contoso.example/users", {"params": {"search": '"\\ OR '}}),
    ("POST", "/api/v1/plans", {"content": b"{", "headers": {"content-type": "application/json"}}),
    ("POST", "/api/v1/plans", {"content": b"[" * 100_000, "headers": {"content-type": "application/json"}}),
    ("POST", "/api/ExecOffboardUser", {"content": b"\xff\xfe"}),
    ("POST", "/api/ExecOffboardUser", {"content": b"null"}),
    ("POST", "/api/RemoveScheduledItem", {"json": []}),
    ("POST", "/api/RemoveScheduledItem", {"json": {"id": {"value": ["a", "b"]}}}),
    ("POST", "/api/EditTenantOffboardingDefaults", {"json": {"customerId": 7, "offboardingDefaults": "{"}}),
    ("POST", "/api/ListTenants", {"content": b"{"}),
    ("GET", "/api/ListUsers", {"params": {"tenantFilter": "contoso.example", "UserID": "' or 1 eq 1"}}),
    ("GET", "/api/ListScheduledItemDetails", {"params": {"RowKey": "%"}}),
    ("GET", "/api/ListOffboardingProgress", {"params": {"DeploymentId": "../x"}}),
]
BREAKS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/api/v1/audit", {"params": {"after": 10**30}}),
    ("GET", "/api/v1/tenants/contoso.example/users", {"params": {"cursor": "$skiptoken=zz"}}),
    ("POST", "/api/ExecOffboardUser", {"content": b"[" * 100_000}),
    ("GET", "/api/v1/offboardings", {"params": {"search": "a\0b"}}),
    ("GET", "/api/v1/offboardings/a%00b", {}),
    ("GET", "/api/ListGraphRequest", {"params": {"tenantFilter": "contoso.example", "Endpoint": "users", "$top": "²"}}),
]
"""What once broke it."""


@pytest.mark.parametrize(("method", "path", "what"), [*ODD, *BREAKS])
async def test_odd_input_is_refused_or_answered_but_never_breaks(
    client: Client, wire: Wire, world: World, method: str, path: str, what: dict[str, Any]
) -> None:
    answer = await client.request(method, path, **what)

    assert answer.status_code < 500, answer.text
    assert wire.writes == []


async def test_an_odd_last_event_id_is_read_as_none(client: Client, house: House, world: World) -> None:
    made = (await client.post("/api/v1/offboardings", json=WISH)).json()["offboardings"][0]["id"]
    await work(house)

    answer = await client.get(f"/api/v1/offboardings/{made}/events", headers={b"Last-Event-ID": b"\xb2"})

    assert "event: end" in answer.text


async def test_a_body_that_hides_its_length_is_limited_too(client: Client, world: World) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * 1_000_000
        yield json.dumps(WISH).encode()

    answer = await client.post("/api/v1/plans", content=pieces(), headers={"content-type": "application/json"})

    assert answer.status_code == 413


@pytest.mark.parametrize("what", ["tenants/{}/users", "tenants/{}/defaults", "offboardings/{}"])
async def test_what_is_not_yours_looks_like_what_is_not_there(
    client: Client, new_client: NewClient, house: House, world: World, cloud: Cloud, what: str
) -> None:
    other = cloud.add_world("fabrikam.example", "Fabrikam")
    await house.tenants.save(KnownTenant(other.id, other.domain, other.name, [other.domain]))
    made = (await client.post("/api/v1/offboardings", json=WISH)).json()["offboardings"][0]["id"]
    stranger = await new_client(role="administrator", tenants=(other.id,))
    theirs = made if "offboardings" in what else world.domain

    foreign = await stranger.get(f"/api/v1/{what.format(theirs)}")
    absent = await stranger.get(f"/api/v1/{what.format('nothing')}")

    assert foreign.status_code == absent.status_code == 404
    assert foreign.text.replace(theirs, "nothing") == absent.text


async def test_no_answer_and_no_log_holds_a_secret(
    client: Client, house: House, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = client.headers["authorization"].partition(" ")[2]
    made = (await client.post("/api/v1/offboardings", json=WISH)).json()["offboardings"][0]["id"]
    said = []

    for method, path in await every_route(client):
        if method == "GET" and not path.endswith("/events"):
            params = {"tenantFilter": world.domain, "RowKey": made, "Endpoint": "users"}
            said.append((await client.request(method, filled(path, made, world.id), params=params)).text)

    everything = caplog.text + json.dumps(said)
    assert len(said) > 15
    assert secret not in everything
    assert "not-a-real-secret-Zx9" not in everything
    assert "BEGIN PRIVATE KEY" not in everything
