"""Webhooks and notifications over HTTP: what they hold, who may touch them, and what is never shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from api.conftest import Client, NewClient, work
from leaver.access.listening import reaches, tenants_within
from leaver.access.roles import Person, Role
from leaver.domain.errors import Denied, Unusable
from leaver.store.tenants import KnownTenant
from leaver.wiring import House
from m365_simulator.world import Cloud, World

URL = "https://hooks.example.com/leaver?token=not-for-eyes"
HOOK: dict[str, Any] = {"name": "Tickets", "url": URL}
WISH: dict[str, Any] = {
    "tenant": "contoso.example",
    "users": ["ada@contoso.example"],
    "settings": {"disable_sign_in": True},
}
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general"
TEAMS = (
    "https://prod-161.westeurope.logic.azure.com:443/workflows/643e69f83c8944438d68119179a10a64/triggers/manual/paths/"
    "invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=KODuebWbDGYFr0z0eu-6Rj8aUKz7108W3wrNJZxFE5A"
)
ROUTES = [
    ("GET", "webhooks"),
    ("POST", "webhooks"),
    ("GET", "webhooks/{}"),
    ("PATCH", "webhooks/{}"),
    ("DELETE", "webhooks/{}"),
    ("POST", "webhooks/{}/rotate-secret"),
    ("POST", "webhooks/{}/test"),
    ("GET", "webhooks/{}/deliveries"),
    ("POST", "webhooks/{}/deliveries/1/replay"),
    ("GET", "notifications"),
    ("POST", "notifications"),
    ("POST", "notifications/{}/test"),
    ("DELETE", "notifications/{}"),
]
BODIES = {"webhooks": HOOK, "notifications": {"kind": "service", "address": SLACK}, "webhooks/{}": {"name": "Other"}}


async def made(client: Client, **more: Any) -> dict[str, Any]:
    """A webhook."""
    answer = await client.post("/api/v1/webhooks", json=HOOK | more)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_webhook_is_made_changed_and_removed_and_its_secret_shown_once(client: Client, world: World) -> None:
    hook = await made(client, events=["offboarding.failed"], tenants=["contoso.example"])
    where = f"/api/v1/webhooks/{hook['id']}"
    changed = await client.patch(where, json={"name": "Halo", "enabled": False})
    rotated = (await client.post(f"{where}/rotate-secret")).json()
    listed = await client.get("/api/v1/webhooks")
    read = await client.get(where)
    removed = await client.delete(where)

    assert hook["secret"].startswith("whsec_")
    assert hook["tenants"] == [world.id]
    assert (changed.json()["name"], changed.json()["enabled"]) == ("Halo", False)
    assert rotated["secret"] not in (hook["secret"], "")
    assert rotated["old_secret_until"]
    for text in (listed.text, read.text, changed.text):
        assert "secret" not in json.loads(text)
        assert "whsec_" not in text
        assert "not-for-eyes" not in text
    assert removed.status_code == 204
    assert (await client.get(where)).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (HOOK | {"url": "http://hooks.example.com/"}, 400, "bad_webhook_url"),
        (HOOK | {"url": "https://127.0.0.1/"}, 400, "internal_address"),
        (HOOK | {"url": "https://[fd00::1]/"}, 400, "internal_address"),
        (HOOK | {"url": "https://169.254.169.254/latest"}, 400, "internal_address"),
        (HOOK | {"tenants": ["nowhere.example"]}, 404, "unknown_tenant"),
        (HOOK | {"events": ["offboarding.exploded"]}, 422, "malformed_request"),
        (HOOK | {"name": ""}, 422, "malformed_request"),
        (HOOK | {"secret": "x"}, 422, "malformed_request"),
    ],
)
async def test_an_unfit_webhook_is_a_problem(
    client: Client, world: World, body: dict[str, Any], status: int, code: str
) -> None:
    answer = await client.post("/api/v1/webhooks", json=body)

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await client.get("/api/v1/webhooks")).json() == {"items": [], "next": ""}


async def test_deliveries_are_listed_in_pages_and_sent_again(client: Client, house: House, world: World) -> None:
    hook = await made(client)
    where = f"/api/v1/webhooks/{hook['id']}/deliveries"
    await client.post("/api/v1/offboardings", json=WISH)
    await work(house)

    first = (await client.get(where, params={"limit": 1})).json()
    second = (await client.get(where, params={"limit": 1, "cursor": first["next"]})).json()
    again = await client.post(f"{where}/{first['items'][0]['id']}/replay")

    assert [page["items"][0]["type"] for page in (first, second)] == ["offboarding.finished", "offboarding.accepted"]
    assert second["next"] == ""
    assert again.status_code == 202
    assert again.json()["event_id"] == first["items"][0]["event_id"]
    assert (await client.get(where, params={"cursor": "x"})).status_code == 400
    assert (await client.post(f"{where}/99999/replay")).json()["code"] == "unknown_delivery"


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("role", ["viewer", "operator", "auditor"])
async def test_only_administrators_may(
    client: Client, new_client: NewClient, world: World, role: str, method: str, path: str
) -> None:
    hook = await made(client)
    somebody = await new_client(role=role)

    answer = await somebody.request(method, f"/api/v1/{path.format(hook['id'])}", json=BODIES.get(path))

    assert answer.status_code == 403, answer.text
    assert [each["name"] for each in (await client.get("/api/v1/webhooks")).json()["items"]] == ["Tickets"]


async def test_an_administrator_of_one_tenant_sees_and_makes_webhooks_of_it_alone(
    client: Client, new_client: NewClient, house: House, world: World, cloud: Cloud
) -> None:
    other = cloud.add_world("fabrikam.example", "Fabrikam")
    await house.tenants.save(KnownTenant(other.id, other.domain, other.name, [other.domain]))
    everywhere = await made(client)
    both = await made(client, tenants=[world.id, other.id])
    theirs = await made(client, tenants=[world.id])
    limited = await new_client(role="administrator", tenants=(other.id,))

    own = await made(limited)
    foreign = await limited.post("/api/v1/webhooks", json=HOOK | {"tenants": [world.domain]})
    moved = await limited.patch(f"/api/v1/webhooks/{own['id']}", json={"tenants": [world.id]})
    emptied = await limited.patch(f"/api/v1/webhooks/{own['id']}", json={"tenants": []})

    assert own["tenants"] == [other.id]
    assert emptied.json()["tenants"] == [other.id]
    assert (foreign.status_code, moved.status_code) == (404, 404)
    assert [each["id"] for each in (await limited.get("/api/v1/webhooks")).json()["items"]] == [own["id"]]
    for hook in (everywhere, both, theirs):
        for method, path in ROUTES:
            if path.startswith("webhooks/"):
                answer = await limited.request(method, f"/api/v1/{path.format(hook['id'])}", json=BODIES.get(path))
                assert answer.status_code == 404, (method, path, answer.text)
    assert (await limited.get("/api/v1/notifications")).status_code == 403
    assert len((await client.get("/api/v1/webhooks")).json()["items"]) == 4


async def test_a_caller_that_reaches_no_tenant_makes_no_webhook_for_all(house: House, world: World) -> None:
    nobody = Person("x", Role.ADMINISTRATOR, frozenset())

    assert not reaches(nobody, [])
    assert not reaches(nobody, [world.id])
    with pytest.raises(Denied):
        await tenants_within(house.tenants, nobody, [])
    with pytest.raises(Unusable):
        await tenants_within(house.tenants, nobody, [world.id])


async def test_a_service_is_kept_masked(client: Client, house: House) -> None:
    for address in (SLACK, TEAMS):
        answer = await client.post("/api/v1/notifications", json={"kind": "service", "address": address})
        assert answer.status_code == 201, answer.text

    listed = (await client.get("/api/v1/notifications")).text
    assert {each["name"] for each in json.loads(listed)["items"]} == {"Slack", "Microsoft Teams"}
    for secret in ("TIiajkdnlazkcOXrIdevi7FQ", "KODuebWb", "643e69f83c"):
        assert secret not in listed


@pytest.mark.parametrize(
    "address",
    [
        "json://127.0.0.1/",
        "mailto://user:secret@mail.example.com",
        "file:///etc/passwd",
        "syslog://",
        "dbus://",
        "workflows://127.0.0.1/abcdefghijklmnop/abcdefghijklmnop",
        "workflows://prod.logic.azure.com.evil.example/abcdefghijklmnop/abcdefghijklmnop",
        SLACK.replace("#general", "") + "?verify=no",
        SLACK.replace("#general", "") + "?template=/etc/passwd",
        SLACK.replace("#general", "") + "?redirect=yes",
        "https://hooks.example.com/",
        "https://[",
    ],
)
async def test_an_address_that_could_be_turned_inwards_is_refused(client: Client, address: str) -> None:
    answer = await client.post("/api/v1/notifications", json={"kind": "service", "address": address})

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_service"), answer.text
    assert "secret" not in answer.text


async def test_mail_needs_a_mail_server_and_an_address(client: Client) -> None:
    without = await client.post("/api/v1/notifications", json={"kind": "email", "address": "team@example.com"})
    strange = await client.post("/api/v1/notifications", json={"kind": "email", "address": "a@b.c\r\nBcc: x@y.z"})

    assert without.json()["code"] == "no_mail_server"
    assert strange.json()["code"] == "bad_mail_address"
