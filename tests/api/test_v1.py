"""The native API."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from api.conftest import Client, NewClient, work
from leaver.store.tenants import KnownTenant
from leaver.wiring import House
from m365_simulator.world import Cloud, World
from support import Wire

ADA = "ada@contoso.example"
WISH: dict[str, Any] = {"tenant": "contoso.example", "users": [ADA], "settings": {"disable_sign_in": True}}


async def test_plan_accept_watch_and_undo(client: Client, house: House, world: World, wire: Wire) -> None:
    plan = (await client.post("/api/v1/plans", json=WISH)).json()
    assert wire.writes == []
    made = await client.post("/api/v1/offboardings", json=WISH | {"digest": plan["digest"]})
    (record,) = made.json()["offboardings"]
    _, lines = await asyncio.gather(work(house), _events(client, record["id"]))
    undo_plan = (await client.post(f"/api/v1/offboardings/{record['id']}/undo-plan")).json()
    undo = await client.post(f"/api/v1/offboardings/{record['id']}/undo", json={"tasks": ["disable_sign_in"]})
    await work(house)
    undone = (await client.get(undo.headers["location"])).json()["offboardings"][0]

    assert made.status_code == 201
    assert made.headers["location"] == f"/api/v1/offboardings/{record['id']}"
    assert lines[-1] == "event: end"
    assert undo_plan["offboardings"][0]["tasks"][0]["changes"][0]["after"] is True
    assert undone["state"] == "completed"
    assert world.users["ada"].enabled


async def _events(client: Client, offboarding_id: str) -> list[str]:
    async with client.stream("GET", f"/api/v1/offboardings/{offboarding_id}/events") as stream:
        return [line async for line in stream.aiter_lines() if line.startswith("event")]


async def test_the_same_key_makes_one_offboarding(client: Client, house: House, world: World) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await client.post("/api/v1/offboardings", json=WISH, headers=headers)
    second = await client.post("/api/v1/offboardings", json=WISH, headers=headers)
    other = await client.post(
        "/api/v1/offboardings", json=WISH | {"settings": {"revoke_sessions": True}}, headers=headers
    )

    assert first.json()["offboardings"][0]["id"] == second.json()["offboardings"][0]["id"]
    assert other.status_code == 409
    assert len((await client.get("/api/v1/offboardings")).json()["items"]) == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (WISH | {"tenant": "nowhere.example"}, 404, "unknown_tenant"),
        (WISH | {"users": ["nobody@contoso.example"]}, 400, "refused_request"),
        (WISH | {"settings": {"disable_signin": True}}, 400, "malformed_settings"),
        (WISH | {"settings": {}}, 400, "malformed_settings"),
        (WISH | {"users": []}, 422, "malformed_request"),
        (WISH | {"extra": 1}, 422, "malformed_request"),
        (WISH | {"at": "2020-01-01T00:00:00Z"}, 400, "time_has_passed"),
        (WISH | {"at": "9999-12-31T23:59:00-12:00"}, 400, "malformed_time"),
        (WISH | {"at": "2099-01-01T00:00:00Z", "time_zone": "Mars/Base"}, 400, "malformed_time"),
        (WISH | {"digest": "sha256:other"}, 409, "plan_changed"),
    ],
)
async def test_bad_input_is_a_problem_and_changes_nothing(
    client: Client, wire: Wire, world: World, body: dict[str, Any], status: int, code: str
) -> None:
    answer = await client.post("/api/v1/offboardings", json=body)

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert wire.writes == []


async def test_lists_have_one_shape(client: Client, world: World) -> None:
    await client.post("/api/v1/offboardings", json=WISH)

    for path in (
        "tasks",
        "tenants",
        "tenants/contoso.example/users",
        "tenants/contoso.example/defaults",
        "offboardings",
        "audit",
        "tokens",
    ):
        body = (await client.get(f"/api/v1/{path}")).json()
        assert set(body) == {"items", "next"}, path


async def test_users_are_searched_and_carry_badges(client: Client, world: World) -> None:
    await client.post("/api/v1/offboardings", json=WISH)

    (found,) = (await client.get("/api/v1/tenants/contoso.example/users", params={"search": "ada"})).json()["items"]

    assert found["upn"] == ADA
    assert found["badges"] == ["planned"]


async def test_reports_cancel_retry_and_skip(client: Client, house: House, world: World) -> None:
    made = (await client.post("/api/v1/offboardings", json=WISH)).json()["offboardings"][0]
    where = f"/api/v1/offboardings/{made['id']}"
    await client.post(f"{where}/cancel")
    await work(house)
    cancelled = (await client.get(where)).json()["offboardings"][0]["state"]
    again = await client.post(f"{where}/retry", json={"decisions": {}})
    await work(house)

    assert cancelled == "cancelled"
    assert again.status_code == 200
    assert (await client.get(where)).json()["offboardings"][0]["state"] == "completed"
    assert (await client.get(f"{where}/report")).json()
    assert "<html" in (await client.get(f"{where}/report?format=html")).text
    printed = await client.get(f"{where}/report?format=pdf")
    assert (printed.headers["content-type"], printed.content[:5]) == ("application/pdf", b"%PDF-")
    assert (await client.get(f"{where}/report?format=odt")).status_code == 422
    assert (await client.post(f"{where}/skip", json={"task": "disable_sign_in", "note": "x"})).status_code == 409


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"delete_user": {"value": True}, "disable_sign_in": {"value": True}}, "cannot be a default"),
        ({"forward_mail": {"value": {"to": "manager"}}, "disable_forwarding": {"value": True}}, "undo each other"),
    ],
)
async def test_defaults_that_would_destroy_or_defeat_each_other_are_refused(
    client: Client, world: World, values: Any, why: str
) -> None:
    """H12: deletion is never a default, and conflicts are found in defaults too."""
    answer = await client.put("/api/v1/defaults/contoso.example", json=values)

    assert answer.status_code == 422 or answer.status_code == 400
    assert why in answer.text
    assert (await client.get("/api/v1/defaults/contoso.example")).json() == {}


async def test_defaults_of_organization_and_tenant(client: Client, world: World) -> None:
    await client.put("/api/v1/defaults/organization", json={"disable_sign_in": {"value": True, "locked": True}})
    await client.put("/api/v1/defaults/contoso.example", json={"remove_groups": {"value": True}})

    items = (await client.get("/api/v1/tenants/contoso.example/defaults")).json()["items"]
    bad = await client.put("/api/v1/defaults/organization", json={"nonsense": {"value": True}})

    assert {item["task"]: (item["origin"], item["locked"]) for item in items} == {
        "disable_sign_in": ("organization", True),
        "remove_groups": ("tenant", False),
    }
    assert bad.status_code == 400


async def test_a_token_is_shown_once_and_can_be_revoked(client: Client, new_client: NewClient, world: World) -> None:
    made = (
        await client.post("/api/v1/tokens", json={"name": "Halo", "role": "viewer", "tenants": ["contoso.example"]})
    ).json()
    stranger = await new_client(role=None)
    headers = {"Authorization": f"Bearer {made['token']}"}

    inside = await stranger.get("/api/v1/tenants", headers=headers)
    listed = (await client.get("/api/v1/tokens")).text
    await client.delete(f"/api/v1/tokens/{made['id']}")

    assert inside.status_code == 200
    assert made["token"] not in listed
    assert (await stranger.get("/api/v1/tenants", headers=headers)).status_code == 401


async def test_health_of_a_tenant_and_of_the_program(client: Client, world: World) -> None:
    assert (await client.get("/api/v1/tenants/contoso.example/health")).json()["tasks"]
    assert (await client.get("/healthz")).text == "ok\n"
    assert (await client.get("/readyz")).status_code == 200
    assert "leaver_offboardings" in (await client.get("/metrics")).text


async def test_answers_carry_strict_headers(client: Client, world: World) -> None:
    answer = await client.get("/api/v1/tasks")

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert (await client.get("/nothing/here")).headers["content-type"] == "application/problem+json"
    huge = await client.post("/api/v1/plans", content=b"x", headers={"content-length": "9000000"})
    assert huge.status_code == 413


ROUTES: list[tuple[str, str, Any, set[str]]] = [
    ("GET", "/api/v1/tasks", None, {"viewer", "operator", "administrator", "auditor"}),
    ("GET", "/api/v1/tenants/contoso.example/users", None, {"viewer", "operator", "administrator", "auditor"}),
    ("GET", "/api/v1/tenants/contoso.example/health", None, {"operator", "administrator"}),
    ("POST", "/api/v1/plans", WISH, {"operator", "administrator"}),
    ("POST", "/api/v1/offboardings", WISH, {"operator", "administrator"}),
    ("GET", "/api/v1/offboardings/ID", None, {"viewer", "operator", "administrator", "auditor"}),
    ("POST", "/api/v1/offboardings/ID/cancel", None, {"operator", "administrator"}),
    ("PUT", "/api/v1/defaults/contoso.example", {}, {"administrator"}),
    ("GET", "/api/v1/tokens", None, {"administrator"}),
    ("GET", "/api/v1/audit", None, {"administrator", "auditor"}),
    ("GET", "/api/v1/audit/verify", None, {"administrator", "auditor"}),
    ("GET", "/api/ListUsers?tenantFilter=contoso.example", None, {"viewer", "operator", "administrator", "auditor"}),
    ("GET", "/api/ListLogs", None, {"administrator", "auditor"}),
    ("GET", "/api/ListScheduledItems", None, {"viewer", "operator", "administrator", "auditor"}),
    (
        "POST",
        "/api/ExecOffboardUser",
        {"tenantFilter": "contoso.example", "user": ADA, "DisableSignIn": True},
        {"operator", "administrator"},
    ),
]


@pytest.mark.parametrize("role", ["viewer", "operator", "administrator", "auditor"])
async def test_every_role_may_do_what_the_table_says_and_nothing_else(
    client: Client, new_client: NewClient, house: House, world: World, role: str
) -> None:
    caller = await new_client(role=role)
    made = (await client.post("/api/v1/offboardings", json=WISH | {"users": ["bob@contoso.example"]})).json()

    for method, path, body, roles in ROUTES:
        answer = await caller.request(method, path.replace("ID", made["offboardings"][0]["id"]), json=body)
        if "/api/ExecOffboardUser" in path and answer.status_code == 403 and "already_running" in answer.text:
            continue  # allowed, and refused for another reason
        assert (answer.status_code == 403) == (role not in roles), (method, path, role, answer.text)
        assert (await (await new_client(role=None)).request(method, path, json=body)).status_code == 401, path


async def test_a_token_of_one_tenant_reaches_nothing_of_another(
    client: Client, new_client: NewClient, house: House, world: World, cloud: Cloud, wire: Wire
) -> None:
    other = cloud.add_world("fabrikam.example", "Fabrikam")
    await house.tenants.save(KnownTenant(other.id, other.domain, other.name, [other.domain]))
    made = (await client.post("/api/v1/offboardings", json=WISH)).json()["offboardings"][0]["id"]
    stranger = await new_client(role="administrator", tenants=(other.id,))

    for method, path, body, _ in ROUTES:
        if path in ("/api/v1/tasks", "/api/v1/tokens", "/api/v1/audit/verify"):
            continue
        answer = await stranger.request(method, path.replace("ID", made), json=body)
        assert ADA not in answer.text, (path, answer.text)
        assert "Contoso" not in answer.text, (path, answer.text)
        if "contoso" in path or "ID" in path or method == "POST":
            assert answer.status_code in (403, 404), (path, answer.text)
    for path in ("/api/v1/tokens", "/api/v1/audit/verify"):
        assert (await stranger.get(path)).status_code == 403
    assert wire.writes == []


async def test_a_privileged_target_needs_an_administrator(
    client: Client, new_client: NewClient, house: House, world: World
) -> None:
    """B9: the application is stronger than the technician, so the technician is looked at, too."""
    world.add_role("fe930be7-5e62-47db-91af-98c3a49a38b1", "User Administrator", "ada")
    operator = await new_client(role="operator")
    cipp = {"tenantFilter": "contoso.example", "user": ADA, "DisableSignIn": True}

    native = await operator.post("/api/v1/offboardings", json=WISH)
    loose = await operator.post("/api/ExecOffboardUser", json=cipp)

    assert (native.status_code, native.json()["code"]) == (403, "privileged_target")
    assert loose.status_code == 403
    assert (await house.offboardings.page())[0] == []
    assert (await client.post("/api/v1/offboardings", json=WISH)).status_code == 201


async def test_no_secret_is_in_the_audit_trail(client: Client, world: World) -> None:
    made = (await client.post("/api/v1/tokens", json={"name": "Halo", "role": "viewer"})).json()

    assert made["token"] not in (await client.get("/api/v1/audit")).text


async def test_the_openapi_document_names_every_route(client: Client, world: World) -> None:
    found = (await client.get("/api/openapi.json")).json()

    assert found["openapi"].startswith("3.1")
    assert "/api/v1/offboardings" in found["paths"]
    assert "/api/ExecOffboardUser" in found["paths"]
    assert json.dumps(found).count('"summary"') > 30
