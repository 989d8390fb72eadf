"""Programs with a JWT of the configured issuer, at the doors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

import identity_provider
from api.conftest import Client
from identity_provider import CLIENT, Provider
from leaver.app import create
from leaver.domain.errors import Unusable
from leaver.m365.http import Http
from leaver.wiring import House


@pytest.fixture
async def door(house: House) -> AsyncIterator[tuple[Provider, Client]]:
    """The API with an issuer configured, and a caller without a token."""
    http = Http()
    with identity_provider.running() as provider:
        config = replace(
            house.config,
            oidc_issuer=provider.issuer,
            api_audience=CLIENT,
            grants="client:prog-1=operator@contoso.example; client:prog-2=viewer",
        )
        app = create(house=replace(house, config=config), provider=http, works=False)
        async with Client(transport=httpx.ASGITransport(app), base_url="http://leaver.test") as client:
            yield provider, client
    await http.aclose()


async def test_a_caller_of_cipp_offboards_with_its_jwt(door: tuple[Provider, Client], house: House) -> None:
    provider, client = door
    client.headers["Authorization"] = f"Bearer {provider.program(aud=f'api://{CLIENT}')}"
    body = {"tenantFilter": "contoso.example", "user": ["ada@contoso.example"], "DisableSignIn": True}

    answer = await client.post("/api/ExecOffboardUser", json=body)

    assert answer.status_code == 200, answer.text
    ((record,), _) = await house.offboardings.page()
    assert record.asked_by == "program prog-1"


async def test_its_role_is_all_it_has(door: tuple[Provider, Client]) -> None:
    provider, client = door
    client.headers["Authorization"] = f"bearer {provider.program(azp='prog-2')}"

    seen = await client.get("/api/v1/tenants")
    tried = await client.post("/api/v1/tokens", json={"name": "x", "role": "administrator"})

    assert [tenant["domain"] for tenant in seen.json()["items"]] == ["contoso.example"]
    assert tried.status_code == 403


async def test_a_bad_jwt_is_401_and_an_unknown_program_403(door: tuple[Provider, Client]) -> None:
    provider, client = door

    bad = await client.get("/api/v1/tenants", headers={"Authorization": f"Bearer {provider.program(aud='x')}"})
    unknown = await client.get("/api/v1/tenants", headers={"Authorization": f"Bearer {provider.program(azp='x')}"})

    assert (bad.status_code, bad.json()["code"]) == (401, "bad_token")
    assert bad.headers["www-authenticate"] == "Bearer"
    assert (unknown.status_code, unknown.json()["code"]) == (403, "not_granted")


async def test_no_bad_token_makes_the_issuer_be_asked_at_either_door(door: tuple[Provider, Client]) -> None:
    provider, client = door
    old = {"Authorization": f"Bearer {provider.program()}"}
    assert (await client.get("/api/v1/tenants", headers=old)).status_code == 200
    stranger = Provider(issuer=provider.issuer)
    stranger.rotate("invented")

    for path in ("/api/v1/tenants", "/api/ListTenants") * 20:
        answer = await client.get(path, headers={"Authorization": f"Bearer {stranger.program()}"})
        assert answer.status_code == 401

    assert provider.count("/keys") == 1
    assert (await client.get("/api/v1/tenants", headers=old)).status_code == 200


async def test_without_an_issuer_no_jwt_is_believed(client: Client, door: tuple[Provider, Client]) -> None:
    provider, _ = door

    answer = await client.get("/api/v1/tenants", headers={"Authorization": f"Bearer {provider.program()}"})

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"grants": "client:x=viewer"},
        {"oidc_issuer": "https://id.example", "api_audience": "x"},
        {"oidc_issuer": "https://id.example", "grants": "client:x=viewer"},
        {"oidc_issuer": "https://id.example", "grants": "client:x=root", "api_audience": "x"},
        {"oidc_issuer": "https://login.microsoftonline.com/common", "grants": "role:x=viewer", "api_audience": "x"},
    ],
)
async def test_a_configuration_that_does_not_fit_is_refused_before_anything_is_served(
    house: House, wrong: dict[str, Any]
) -> None:
    with pytest.raises(Unusable):
        create(replace(house.config, **wrong))
