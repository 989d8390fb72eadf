"""Asking too often, and the headers of every answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from api.conftest import Client
from leaver.access.accounts import Accounts
from leaver.access.roles import Role
from leaver.access.tokens import Tokens
from leaver.app import create
from leaver.domain.actor import Actor
from leaver.wiring import House
from m365_simulator.world import World


@pytest.fixture
async def busy(house: House) -> AsyncIterator[Client]:
    """A caller of a server that takes three writes a minute and three tries to sign in."""
    config = replace(house.config, writes_per_minute=3, sign_in_tries=3)
    _, secret = await Tokens(house.papers, house.audit).create("busy", Role.ADMINISTRATOR, Actor("test"))
    app = create(house=replace(house, config=config), works=False)
    headers = {"Authorization": f"Bearer {secret}"}
    async with Client(transport=httpx.ASGITransport(app), base_url="https://leaver.test", headers=headers) as client:
        yield client


async def test_who_writes_too_often_must_wait_and_may_read(busy: Client) -> None:
    body = {"name": "x", "role": "viewer"}
    answers = [await busy.post("/api/v1/tokens", json=body) for _ in range(5)]
    last = answers[-1]

    assert [answer.status_code for answer in answers] == [201, 201, 201, 429, 429]
    assert last.headers["content-type"] == "application/problem+json"
    assert last.json()["code"] == "too_many_requests"
    assert 1 <= int(last.headers["retry-after"]) <= 20
    assert (await busy.get("/api/v1/tokens")).status_code == 200
    assert len((await busy.get("/api/v1/tokens")).json()["items"]) == 4


async def test_callers_of_cipp_are_told_in_their_own_words(busy: Client) -> None:
    for _ in range(3):
        await busy.post("/api/ListTenants", json={})

    answer = await busy.post("/api/ExecOffboardUser", json={"tenantFilter": "x"})

    assert answer.status_code == 429
    assert "asks for too much" in answer.json()["Results"][0]
    assert "retry-after" in answer.headers


async def test_signing_in_is_limited_by_address_also_with_the_right_password(busy: Client, house: House) -> None:
    password = await Accounts(house.papers, house.audit).first()
    for name in ("nobody", "somebody", "anybody"):
        assert (await busy.post("/signin", data={"username": name, "password": "x"})).status_code == 401

    answer = await busy.post("/signin", data={"username": "admin", "password": password})

    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) <= 100
    assert "too many tries" in answer.text
    assert "leaver=" not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 303), ("none", 303)]
)
async def test_a_form_of_another_site_signs_nobody_in(busy: Client, house: House, site: str, status: int) -> None:
    password = await Accounts(house.papers, house.audit).first()
    form = {"username": "admin", "password": password}

    answer = await busy.post("/signin", data=form, headers={"Sec-Fetch-Site": site})

    assert answer.status_code == status
    assert len(await house.papers.all("session")) == (status == 303)


@pytest.mark.parametrize("path", ["/signin", "/api/v1/tenants", "/api/nothing", "/static/app.css", "/healthz"])
async def test_every_answer_is_strict(busy: Client, path: str) -> None:
    headers = (await busy.get(path)).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "max-age=" in headers["strict-transport-security"]
    assert "camera=()" in headers["permissions-policy"]
    assert "unsafe" not in headers["content-security-policy"]


async def test_without_https_nothing_is_promised_of_it(client: Client) -> None:
    assert "strict-transport-security" not in (await client.get("/healthz")).headers


async def test_a_stream_ends_when_its_token_is_revoked(
    client: Client, house: House, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leaver.api.v1.events.QUIET", 0.1)
    monkeypatch.setattr("leaver.api.v1.events.LOOK", 0.05)
    wish = {"tenant": world.domain, "users": ["ada@contoso.example"], "settings": {"disable_sign_in": True}}
    made = (await client.post("/api/v1/offboardings", json=wish)).json()["offboardings"][0]["id"]
    stream = asyncio.create_task(client.get(f"/api/v1/offboardings/{made}/events"))
    await asyncio.sleep(0.5)
    open_before = not stream.done()
    tokens = Tokens(house.papers, house.audit)

    await tokens.revoke((await tokens.all())[0].id, Actor("test"))

    answer = await asyncio.wait_for(stream, 10)
    assert open_before
    assert "event: offboarding" in answer.text
    assert "event: end" not in answer.text
