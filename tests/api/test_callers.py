"""Clients as they really are: PowerShell's letter case, .NET's bodies in pieces, and what they take for a failure."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.conftest import Client, work
from leaver.access.tokens import Tokens
from leaver.app import create
from leaver.domain.actor import Actor
from leaver.store.audit import Audit
from leaver.store.database import Database
from leaver.store.papers import Papers
from leaver.wiring import House
from m365_simulator.world import World
from support import Wire, give_ada_everything

ADA = "ada@contoso.example"
BAD_WORDS = ("fail", "error", "unable", "could not", "does not exist")
WISH: dict[str, Any] = {"tenant": "contoso.example", "users": [ADA], "settings": {"disable_sign_in": True}}
CIPP = {"tenantFilter": "contoso.example", "user": ADA, "DisableSignIn": True}
JSON = {"content-type": "application/json"}


def sounds_bad(results: Any) -> bool:
    """What some callers tell a failure by, whatever the status is."""
    return any(word in json.dumps(results).lower() for word in BAD_WORDS)


@pytest.mark.parametrize(
    "address",
    [
        f"/api/Listusers?tenantfilter=contoso.example&userid={ADA}",
        f"/API/listusers/?TENANTFILTER=contoso.onmicrosoft.com&UserId={ADA}",
        "/api/listgraphrequest?TenantFilter=contoso.example&endpoint=users&$filter=startswith(displayName,'Ada')",
    ],
)
async def test_letter_case_makes_no_difference_to_an_address_or_its_query(
    client: Client, world: World, address: str
) -> None:
    answer = await client.get(address)

    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert [row["userPrincipalName"] for row in (found if isinstance(found, list) else found["Results"])] == [ADA]


async def test_a_body_in_pieces_is_read(client: Client, house: House, world: World) -> None:
    """As .NET's `PostAsJsonAsync` sends it: without saying how long it is."""

    async def pieces() -> AsyncIterator[bytes]:
        text = json.dumps(CIPP).encode()
        yield text[:20]
        yield text[20:]

    answer = await client.post("/api/ExecOffboardUser", content=pieces(), headers=JSON)

    assert answer.status_code == 200, answer.text
    assert len((await house.offboardings.page())[0]) == 1


async def test_every_task_of_the_wizard_goes_through_the_door(client: Client, house: House, world: World) -> None:
    give_ada_everything(world)
    switches = (
        "RevokeSessions RemoveMobile RemoveRules RemoveLicenses ConvertToShared DisableSignIn ResetPass RemoveGroups "
        "HideFromGAL KeepCopy"
    )
    body = dict.fromkeys(switches.split(), True) | {
        "tenantFilter": {"value": world.id, "label": "Contoso"},
        "user": [{"value": ADA, "label": "Ada Example", "addedFields": {"id": world.users["ada"].id}}],
        "OOO": "Ada has left.",
        "AccessNoAutomap": [{"value": "bob@contoso.example"}],
        "AccessAutomap": ["grace@contoso.example"],
        "OnedriveAccess": [{"value": "bob@contoso.example"}],
        "forward": {"value": "grace@contoso.example"},
        "Scheduled": {"enabled": False},
    }

    answer = await client.post("/api/ExecOffboardUser", json=body)
    await work(house)

    assert answer.status_code == 200, answer.text
    assert answer.json()["Warnings"] == []
    (shown,) = (await client.get(answer.headers["location"])).json()["offboardings"]
    assert shown["state"] == "completed", shown
    assert len(shown["tasks"]) == 13
    gone = await client.post("/api/ExecOffboardUser", json={**CIPP, "DisableSignIn": False, "DeleteUser": "true"})
    await work(house)
    assert gone.status_code == 200
    assert "ada" not in world.users


async def test_nobodys_name_makes_a_success_sound_like_a_failure(client: Client, world: World) -> None:
    world.add_user("tom", "Tom Failla")
    world.add_user("error.desk", "Desk")

    body = CIPP | {"user": ["tom@contoso.example", "error.desk@contoso.example"]}
    answer = await client.post("/api/ExecOffboardUser", json=body)

    assert answer.status_code == 200
    assert "tom@contoso.example" in answer.json()["Results"][0]
    assert not sounds_bad(answer.json()["Results"])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"user": "nobody@contoso.example"}, 400),
        ({"user": [ADA, "nobody@contoso.example"]}, 403),
        ({"tenantFilter": "nowhere.example"}, 400),
        ({"DisableSignIn": "perhaps"}, 400),
        ({"Scheduled": {"enabled": True, "date": 0}}, 400),
        ({"Scheduled": {"enabled": True, "date": "0"}}, 400),
        ({"forward": True}, 400),
        ({"forward": {"mail": "bob@contoso.example"}}, 400),
        ({"user": [ADA, {"label": "Bob"}]}, 400),
        ({"user": [[[[[[[[[[[ADA]]]]]]]]]]]}, 400),
    ],
)
async def test_what_was_not_done_sounds_like_it(client: Client, world: World, body: Any, status: int) -> None:
    answer = await client.post("/api/ExecOffboardUser", json=CIPP | body)

    assert answer.status_code == status, answer.text
    assert sounds_bad(answer.json()["Results"])


async def test_a_second_offboarding_of_one_user_is_a_conflict(client: Client, house: House, world: World) -> None:
    await client.post("/api/v1/offboardings", json=WISH)

    native = await client.post("/api/v1/offboardings", json=WISH)
    loose = await client.post("/api/ExecOffboardUser", json=CIPP)

    assert (native.status_code, native.json()["code"]) == (409, "already_running")
    assert loose.status_code == 403
    assert len((await house.offboardings.page())[0]) == 1


async def test_the_largest_page_asks_for_everybody(client: Client, world: World) -> None:
    for number in range(1100):
        world.add_user(f"u{number}", f"User {number}", mailbox=False, drive=False, licenses=())
    params = {"tenantFilter": "contoso.example", "Endpoint": "users", "$select": "id", "$top": "999"}

    found = (await client.get("/api/ListGraphRequest", params=params)).json()

    assert found["Metadata"]["Count"] == len(found["Results"]) == 1103


async def test_a_filter_that_graph_refuses_is_the_callers_own_mistake(client: Client, world: World) -> None:
    for path, name in (("ListUsers", "graphFilter"), ("ListGraphRequest", "$filter")):
        params = {"tenantFilter": "contoso.example", "Endpoint": "users", name: "nonsense ("}
        answer = await client.get(f"/api/{path}", params=params)
        assert answer.status_code == 400, (path, answer.text)


async def test_items_are_found_by_name_with_and_without_its_prefix_and_by_type(
    client: Client, house: House, world: World
) -> None:
    await client.post("/api/ExecOffboardUser", json=CIPP | {"user": [ADA, "bob@contoso.example"]})

    async def found(**params: str) -> int:
        return len((await client.get("/api/ListScheduledItems", params=params)).json())

    assert await found() == await found(Type="Invoke-CIPPOffboardingJob", ShowHidden="true") == 2
    assert await found(Name=f"Offboarding: {ADA.title()}") == await found(NAME=ADA) == 1
    assert await found(Name="somebody@contoso.example") == await found(Type="Invoke-Other") == 0


async def test_a_key_holds_for_the_whole_request(client: Client, house: House, world: World) -> None:
    headers = {"Idempotency-Key": "one"}
    refused = await client.post("/api/v1/offboardings", json=WISH | {"users": ["nobody@x.example"]}, headers=headers)
    first = await client.post("/api/v1/offboardings", json=WISH | {"settings": {"delete_user": True}}, headers=headers)
    await work(house)

    again = await client.post("/api/v1/offboardings", json=WISH | {"settings": {"delete_user": True}}, headers=headers)
    others = [
        await client.post(
            "/api/v1/offboardings", json=WISH | {"settings": {"delete_user": True}} | more, headers=headers
        )
        for more in ({"users": ["bob@contoso.example"]}, {"priority": 1}, {"reference": "x"})
    ]

    assert refused.status_code == 400
    assert (first.status_code, again.status_code) == (201, 201), again.text
    assert again.json()["offboardings"][0]["id"] == first.json()["offboardings"][0]["id"]
    assert "ada" not in world.users
    assert [answer.json()["code"] for answer in others] == ["idempotency_conflict"] * 3


UNSOUND: list[tuple[str, str, str]] = [
    ("POST", "/api/v1/plans", json.dumps(WISH | {"users": ["\ud800"]})),
    ("POST", "/api/v1/plans", json.dumps(WISH | {"users": ["a\0"]})),
    ("POST", "/api/v1/plans", json.dumps(WISH | {"settings": {"set_out_of_office": {"internal": "\ud800"}}})),
    ("POST", "/api/v1/offboardings", json.dumps(WISH | {"reference": "\0"})),
    ("POST", "/api/v1/offboardings", json.dumps(WISH | {"settings": {"cancel_meetings": {"days": float("nan")}}})),
    ("POST", "/api/v1/presets", json.dumps({"name": "x", "settings": {"set_out_of_office": {"internal": "\udfff"}}})),
    ("PUT", "/api/v1/defaults/organization", json.dumps({"set_out_of_office": {"value": {"internal": "\ud800"}}})),
    ("PUT", "/api/v1/defaults/organization", json.dumps({"\ud800": {"value": True}})),
    ("POST", "/api/ExecOffboardUser", json.dumps(CIPP | {"reference": "\ud800"})),
    ("POST", "/api/ExecOffboardUser", json.dumps(CIPP | {"OOO": "\0"})),
    ("POST", "/api/ExecOffboardUser", '{"user":' + "[" * 900 + "]" * 900 + "}"),
    ("POST", "/api/EditTenantOffboardingDefaults", json.dumps({"customerId": "\ud800", "offboardingDefaults": {}})),
]
"""Texts that JSON can write and no database keeps. Some of them were kept, and the list that held them broke."""


@pytest.mark.parametrize(("method", "path", "body"), UNSOUND, ids=range(len(UNSOUND)))
async def test_what_cannot_be_kept_is_refused_and_breaks_nothing(
    client: Client, wire: Wire, world: World, method: str, path: str, body: str
) -> None:
    answer = await client.request(method, path, content=body, headers=JSON)

    assert answer.status_code in (400, 422), answer.text
    assert (await client.get("/api/v1/presets")).status_code == 200
    assert (await client.get("/api/v1/defaults/organization")).json() == {}
    assert (await client.get("/api/v1/offboardings")).json()["items"] == []
    assert wire.writes == []


async def test_a_body_that_is_no_json_is_told_so(client: Client, world: World) -> None:
    form = await client.post("/api/v1/plans", data={"tenant": "contoso.example"})
    longer = await client.post(
        "/api/v1/plans", content=json.dumps(WISH), headers={"content-type": "application/merge-patch+json"}
    )

    assert (form.status_code, form.json()["code"]) == (415, "unsupported_media_type")
    assert longer.status_code == 200, longer.text


async def test_nobody_is_led_to_a_host_that_the_request_names(client: Client, world: World) -> None:
    slash = await client.get("/api/v1/tasks/", headers={"Host": "evil.example"})
    odd = await client.get("/api/v1/tasks", headers={"Host": "evil.example/api/v1"})

    assert (slash.status_code, "location" in slash.headers) == (404, False)
    assert (odd.status_code, odd.json()["code"]) == (400, "malformed_request")


async def test_what_nobody_foresaw_is_answered_like_everything_else(
    house: House, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    app = create(house=house, works=False)
    del app.state.tokens
    async with Client(transport=httpx.ASGITransport(app), base_url="http://leaver.test") as stranger:
        answer = await stranger.get("/api/v1/tasks", headers={"Authorization": "Bearer lvr_secret"})

    assert (answer.status_code, answer.json()["code"]) == (500, "failed")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"]
    assert any(record.levelno == logging.ERROR and record.exc_info for record in caplog.records)
    assert "lvr_secret" not in caplog.text + answer.text


async def test_a_path_cannot_write_a_line_of_the_log(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "leaver.access")

    await client.get("/x%0aGET%20/fake%1b[31m%E2%80%A8")

    lines = [record.getMessage() for record in caplog.records if record.name == "leaver.access"]
    assert len(lines) == 1
    assert lines[0].isascii()
    assert lines[0].isprintable()


async def test_a_token_that_another_process_revokes_is_worthless_at_once(
    client: Client, house: House, world: World, config: Any
) -> None:
    for _ in range(3):
        assert (await client.get("/api/v1/tasks")).status_code == 200
    elsewhere = Database.of(config)
    papers = Papers(elsewhere)
    tokens = Tokens(papers, Audit(elsewhere))

    (token,) = await tokens.all()
    await tokens.revoke(token.id, Actor("somebody at another machine"))
    await elsewhere.close()

    assert (await client.get("/api/v1/tasks")).status_code == 401


@pytest.mark.parametrize("path", ["audit", "offboardings", "tenants/contoso.example/users"])
async def test_every_list_is_walked_in_the_same_way(client: Client, house: House, world: World, path: str) -> None:
    for number in range(150):
        world.add_user(f"u{number:03}", f"User {number:03}", mailbox=False, drive=False, licenses=())
    wish = WISH | {"users": [ADA, "bob@contoso.example", "grace@contoso.example"]}
    await client.post("/api/v1/offboardings", json=wish)
    params: dict[str, Any] = {} if "users" in path else {"limit": 2}
    seen: list[str] = []
    while True:
        page = (await client.get(f"/api/v1/{path}", params=params)).json()
        seen += [json.dumps(item, sort_keys=True) for item in page["items"]]
        if not page["next"]:
            break
        params["cursor"] = page["next"]
        assert len(seen) < 1000

    assert len(seen) == len(set(seen)) >= (153 if "users" in path else 3)


async def test_a_page_stays_where_it_was_when_others_come_in(client: Client, house: House, world: World) -> None:
    users = [ADA, "bob@contoso.example"]
    first = (await client.post("/api/v1/offboardings", json=WISH | {"users": users})).json()["offboardings"]
    page = (await client.get("/api/v1/offboardings", params={"limit": 1})).json()
    await client.post("/api/v1/offboardings", json=WISH | {"users": ["grace@contoso.example"]})

    rest = (await client.get("/api/v1/offboardings", params={"cursor": page["next"]})).json()["items"]

    assert {item["id"] for item in [*page["items"], *rest]} == {each["id"] for each in first}


async def test_a_state_that_does_not_exist_is_no_empty_list(client: Client) -> None:
    assert (await client.get("/api/v1/offboardings", params={"state": "done"})).status_code == 422
    assert (await client.get("/api/v1/offboardings", params={"state": ["planned", "failed"]})).status_code == 200
