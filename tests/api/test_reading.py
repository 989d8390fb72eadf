"""HEAD, `If-None-Match`, and methods that an address does not take."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message

from api.conftest import Client, work
from leaver.api.plain import plain
from leaver.app import create
from leaver.wiring import House
from m365_simulator.world import World

WISH = {"tenant": "contoso.example", "users": ["ada@contoso.example"], "settings": {"disable_sign_in": True}}
CIPP = {"tenantFilter": "contoso.example", "user": "ada@contoso.example", "DisableSignIn": True}
LATER = {"at": "2030-01-31T18:00:00Z"}
READS = [
    "/api/v1/offboardings",
    "/api/v1/tasks",
    "/api/v1/tenants/contoso.example/users",
    "/api/v1/audit",
    "/api/ListTenants",
    "/api/listscheduleditems/",
    "/healthz",
    "/signin",
]


@pytest.mark.parametrize("path", READS)
async def test_head_is_get_without_a_body(client: Client, world: World, path: str) -> None:
    whole, bare = await client.get(path), await client.head(path)

    assert (bare.status_code, bare.content) == (200, b"")
    for name in ("content-type", "content-length", "etag"):
        assert bare.headers.get(name) == whole.headers.get(name), name


@pytest.mark.parametrize("path", ["/api/ListUsers?tenantFilter=contoso.example", "/api/v1/offboardings/{id}/events"])
async def test_head_does_not_wait_for_a_stream(client: Client, world: World, path: str) -> None:
    made = (await client.post("/api/v1/offboardings", json=WISH | LATER)).json()["offboardings"][0]["id"]

    bare = await asyncio.wait_for(client.head(path.format(id=made)), 10)

    assert (bare.status_code, bare.content) == (200, b"")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_head_of_a_stream_does_not_wait_for_news(
    client: Client, house: House, world: World, method: str
) -> None:
    made = (await client.post("/api/v1/offboardings", json=WISH | LATER)).json()["offboardings"][0]["id"]
    revision = await house.offboardings.revision(made)
    path = f"/api/v1/offboardings/{made}/events"
    headers = {"host": "leaver.test", "last-event-id": str(revision), **client.headers}
    told: list[Message] = []
    begun = asyncio.Event()

    async def nothing_more() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        told.append(message)
        begun.set()

    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "scheme": "http", "root_path": ""}
    scope |= {"headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()]}
    asked = asyncio.create_task(create(house=house, works=False)(scope, nothing_more, send))
    await asyncio.wait_for(begun.wait(), 10)

    assert told[0]["status"] == 200
    if method == "HEAD":
        await asyncio.wait_for(asked, 10)
    asked.cancel()


async def test_head_needs_a_token_and_a_right_like_get(client: Client, world: World) -> None:
    del client.headers["Authorization"]

    assert (await client.head("/api/v1/offboardings")).status_code == 401
    assert (await client.head("/api/ListTenants")).status_code == 401


@pytest.mark.parametrize("path", ["/api/v1/offboardings", "/api/v1/offboardings/{id}", "/api/ListScheduledItems"])
async def test_who_has_an_answer_gets_it_again_when_it_has_changed(
    client: Client, house: House, world: World, path: str
) -> None:
    made = (await client.post("/api/v1/offboardings", json=WISH)).json()["offboardings"][0]["id"]
    path = path.format(id=made)
    first = await client.get(path)
    mine = {"If-None-Match": f'"another", W/{first.headers["etag"]}'}

    same = await client.get(path, headers=mine)
    await work(house)
    changed = await client.get(path, headers=mine)

    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["etag"] == first.headers["etag"]
    assert "content-length" not in same.headers
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


async def test_a_refusal_is_told_whatever_the_caller_has(client: Client, world: World) -> None:
    answer = await client.get("/api/v1/offboardings/nothing", headers={"If-None-Match": "*"})

    assert answer.status_code == 404
    assert answer.json()["code"] == "unknown_offboarding"


@pytest.mark.parametrize(
    ("method", "path", "takes"),
    [
        ("PUT", "/api/v1/offboardings", "GET, HEAD, POST"),
        ("OPTIONS", "/api/v1/offboardings", "GET, HEAD, POST"),
        ("PUT", "/api/v1/webhooks/x", "GET, HEAD, PATCH, DELETE"),
        ("HEAD", "/api/v1/plans", "POST"),
        ("DELETE", "/api/v1/defaults/organization", "GET, HEAD, PUT"),
        ("PUT", "/api/ListTenants", "GET, HEAD, POST"),
        ("GET", "/api/execoffboarduser", "POST"),
        ("POST", "/healthz", "GET, HEAD"),
    ],
)
async def test_a_method_that_an_address_does_not_take_is_told_all_that_it_takes(
    client: Client, world: World, method: str, path: str, takes: str
) -> None:
    answer = await client.request(method, path)

    assert answer.status_code == 405
    assert answer.headers["allow"] == takes
    if method != "HEAD":
        said = answer.json()
        assert takes in (said["detail"] if "detail" in said else said["Results"][0])


def test_half_a_character_is_said_in_ascii() -> None:
    """Services cut names wherever they are too long."""
    assert plain({"name": "Ada \ud83d"}).body == b'{"name": "Ada \\ud83d"}'
    assert plain({"name": "Ada \U0001f600", "none": None}).body == '{"name":"Ada \U0001f600","none":null}'.encode()
