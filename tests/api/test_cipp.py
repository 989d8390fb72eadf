"""CIPP's callers, with the bodies that they really send."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.conftest import Client, NewClient, work
from leaver.wiring import House
from m365_simulator.world import World
from support import Wire

ADA = "ada@contoso.example"
BAD_WORDS = ("fail", "error", "unable", "could not", "does not exist")


async def offboard(client: Client, **body: Any) -> Any:
    """Post, and give the answer."""
    body.setdefault("tenantFilter", "contoso.example")
    body.setdefault("user", [ADA])
    return await client.post("/api/ExecOffboardUser", json=body)


async def test_a_queued_offboarding_is_carried_out(client: Client, house: House, world: World) -> None:
    """H1, H2 and H5: the answer comes at once, with an address that tells how it went."""
    world.add_group("sales", "ada", "bob")

    answer = await offboard(client, DisableSignIn=True, RemoveGroups=True, reference="T-1")
    await work(house)

    assert answer.status_code == 200
    body = answer.json()
    assert not any(word in json.dumps(body["Results"]).lower() for word in BAD_WORDS)
    assert body["Warnings"] == []
    (operation,) = body["Operations"]
    assert answer.headers["location"] == operation["Url"]
    shown = (await client.get(operation["Url"])).json()["offboardings"][0]
    assert shown["state"] == "completed"
    assert shown["reference"] == "T-1"
    assert not world.users["ada"].enabled
    assert world.members["sales"] == {"bob"}


@pytest.mark.parametrize(
    "body",
    [
        {
            "TENANTFILTER": {"value": "contoso.example", "label": "Contoso"},
            "User": {"value": ADA},
            "disablesignin": "true",
        },
        {"tenantFilter": "contoso.example", "user": ADA, "DisableSignIn": True, "disableSignIn": True},
        {"tenantfilter": "contoso.example", "user": [{"value": ADA, "label": "Ada"}], "DisableSignIn": True, "OOO": ""},
        {
            "tenantFilter": "contoso.example",
            "user": [ADA],
            "DisableSignIn": True,
            "RemoveRules": "false",
            "forward": {"value": ""},
            "AccessAutomap": [],
            "OnedriveAccess": [{"value": ""}],
            "Scheduled": {"enabled": False, "date": 0},
        },
        {
            "tenantFilter": {"customerId": "of no matter", "defaultDomainName": "contoso.example"},
            "user": {"id": "x", "userPrincipalName": ADA, "displayName": "Ada"},
            "DisableSignIn": ["true"],
            "RemoveRules": [],
            "RevokeSessions": "0",
            "OOO": "false",
        },
    ],
)
async def test_every_loose_shape_is_understood(client: Client, house: House, world: World, body: Any) -> None:
    answer = await client.post("/api/ExecOffboardUser", json=body)

    assert answer.status_code == 200, answer.text
    (record,), _ = await house.offboardings.page()
    assert record.settings == {"disable_sign_in": True}


async def test_placeholders_of_a_message_are_filled_in_when_it_is_accepted(client: Client, house: House) -> None:
    answer = await offboard(client, OOO="{first_name} left. {manager_mail} helps.")

    assert answer.status_code == 200, answer.text
    (record,), _ = await house.offboardings.page()
    assert record.placeholders == {"first_name": "Ada", "manager_mail": "grace@contoso.example"}


async def test_people_and_texts_arrive_as_strings_or_values(client: Client, house: House, world: World) -> None:
    answer = await offboard(
        client,
        forward="bob@contoso.example",
        keepCopy=True,
        OOO="<p>Ada has left.</p>",
        AccessNoAutomap=[{"value": "grace@contoso.example"}],
        accessautomap="bob@contoso.example",
        AccessSendAs=["grace@contoso.example"],
        OneDriveAccess={"value": world.users["bob"].id},
        removeCalendarInvites=True,
    )

    assert answer.status_code == 200, answer.text
    (record,), _ = await house.offboardings.page()
    assert record.settings["forward_mail"] == {"to": "bob@contoso.example", "keep_copy": True}
    assert record.settings["set_out_of_office"]["internal"] == "<p>Ada has left.</p>"  # type: ignore[index, call-overload]
    assert record.settings["grant_mailbox_access"] == [
        {"user": "grace@contoso.example", "automapping": False},
        {"user": "bob@contoso.example", "automapping": True},
    ]
    assert record.settings["grant_onedrive_access"] == [world.users["bob"].id]
    assert "cancel_meetings" in record.settings


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "No task"),
        ({"DisableUser": True, "userId": "x"}, "DisableSignIn was probably meant"),
        ({"DisableSignIn": True, "Scheduled": {"enabled": True}}, "Scheduled.date"),
        ({"DisableSignIn": True, "Scheduled": {"enabled": True, "date": "tomorrow"}}, "Scheduled.date"),
        ({"DisableSignIn": True, "Scheduled": {"enabled": True, "date": 1_900_000_000_000}}, "milliseconds"),
        ({"DisableSignIn": True, "disablesignin": False}, "twice"),
        ({"DisableSignIn": "perhaps"}, "neither true nor false"),
        ({"DisableSignIn": True, "user": []}, "user is missing"),
        ({"DisableSignIn": True, "tenantFilter": ""}, "tenantFilter is missing"),
        ({"DisableSignIn": True, "user": "nobody@contoso.example"}, "no user"),
        ({"forward": "bob@contoso.example", "disableForwarding": True}, "forward"),
        ({"AccessAutomap": "bob@fabrikam.example"}, "no colleague"),
        ({"OOO": "true"}, "OOO holds"),
        ({"DisableSignIn": True, "reference": ["a", "b"]}, "reference takes one value"),
        ({"DisableSignIn": True, "tenantFilter": ["contoso.example", "fabrikam.example"]}, "takes one value"),
        ({"DisableSignIn": True, "tenantFilter": "nowhere.example"}, "does not know the tenant"),
    ],
)
async def test_what_would_do_nothing_or_harm_is_refused(
    client: Client, wire: Wire, house: House, world: World, body: dict[str, Any], says: str
) -> None:
    answer = await offboard(client, **body)

    assert answer.status_code == 400, answer.text
    assert says.lower() in json.dumps(answer.json()["Results"]).lower()
    assert (await house.offboardings.page())[0] == []
    assert wire.writes == []


async def test_a_key_that_is_ignored_is_named(client: Client, world: World) -> None:
    answer = await offboard(
        client,
        DisableSignIn=True,
        ResetPassword=True,
        WipeMobile=True,
        HIDDEN_defaultsSource="x",
        PostExecution={"email": True},
    )

    warnings = " ".join(answer.json()["Warnings"])
    assert answer.status_code == 200
    assert "ResetPass was probably meant" in warnings
    assert "wipes no devices" in warnings
    assert "HIDDEN_defaultsSource" in warnings
    assert "PostExecution.email tells nobody" in warnings


async def test_post_execution_is_told_to_the_webhooks(client: Client, house: House, world: World) -> None:
    hook = {"name": "Halo", "url": "https://hooks.example.com/", "events": [], "tenants": [world.id]}
    made = (await client.post("/api/v1/webhooks", json=hook)).json()

    answer = await offboard(client, DisableSignIn=True, postExecution={"Webhook": "true", "psa": True, "pager": True})
    await work(house)

    warnings = answer.json()["Warnings"]
    told = (await client.get(f"/api/v1/webhooks/{made['id']}/deliveries")).json()["items"]
    assert [item["type"] for item in told] == ["offboarding.finished"]
    assert "PostExecution.psa tells the webhooks; Leaver opens no ticket by itself." in warnings
    assert any("PostExecution.pager is ignored" in each for each in warnings)
    assert len(warnings) == 2


@pytest.mark.parametrize("value", ["yes", {"webhook": "perhaps"}, {"email": False, "psa": ""}, [], None])
async def test_an_odd_post_execution_stops_nothing(client: Client, world: World, value: Any) -> None:
    answer = await offboard(client, DisableSignIn=True, PostExecution=value)

    assert answer.status_code == 200, answer.text
    assert bool(answer.json()["Warnings"]) == (value in ("yes", {"webhook": "perhaps"}))


async def test_a_schedule_in_unix_seconds(client: Client, house: House, world: World) -> None:
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)

    answer = await offboard(client, DisableSignIn=True, Scheduled={"enabled": True, "date": str(int(at.timestamp()))})
    rows = (await client.get("/api/ListScheduledItems", params={"Name": f"Offboarding: {ADA}"})).json()

    assert answer.status_code == 200
    assert [(row["TaskState"], row["ScheduledTime"]) for row in rows] == [("Planned", int(at.timestamp()))]
    gone = await client.post("/api/RemoveScheduledItem", json={"id": rows[0]["RowKey"]})
    await work(house)
    assert gone.status_code == 200
    assert await house.leases.due() == []


async def test_one_user_that_cannot_be_queued_does_not_hold_up_the_others(
    client: Client, house: House, world: World
) -> None:
    answer = await offboard(client, user=[ADA, "nobody@contoso.example"], DisableSignIn=True)
    await work(house)
    body = answer.json()

    assert answer.status_code == 403
    assert [operation["Status"] for operation in body["Operations"]] == ["planned", "refused"]
    progress = (await client.get("/api/ListOffboardingProgress", params={"DeploymentId": body["DeploymentId"]})).json()
    assert [(row["Name"], row["Status"]) for row in progress] == [(ADA, "succeeded")]


async def test_who_is_named_in_several_ways_is_queued_once(client: Client, house: House, world: World) -> None:
    named = [ADA, ADA.upper(), {"value": world.users["ada"].id}]

    answer = await offboard(client, user=named, DisableSignIn=True)

    assert answer.status_code == 200, answer.text
    assert [len(answer.json()[part]) for part in ("Results", "Operations")] == [1, 1]
    assert len((await house.offboardings.page())[0]) == 1


async def test_all_users_are_listed_with_what_callers_need(client: Client, world: World) -> None:
    for number in range(1100):
        world.add_user(f"u{number}", f"User {number}", mailbox=False, drive=False, licenses=())

    rows = (await client.get("/api/ListUsers", params={"tenantFilter": "contoso.example"})).json()
    ada = next(row for row in rows if row["userPrincipalName"] == ADA)
    alone = (await client.get("/api/ListUsers?tenantFilter=contoso.example&UserID=" + ada["id"])).json()

    assert len(rows) == 1103
    assert ada["username"] == "ada"
    assert ada["primDomain"] == {"value": "contoso.example", "label": "contoso.example"}
    assert ada["onPremisesSyncEnabled"] is False
    assert "E3" in ada["LicJoined"]
    assert ada["manager"]["displayName"] == "Grace Example"
    assert [row["id"] for row in alone] == [ada["id"]]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_tenants_with_their_defaults(client: Client, world: World, method: str) -> None:
    switches = {"DisableSignIn": True, "RemoveGroups": False, "Odd": True, "OOO": "Bye", "KeepCopy": ""}
    body = {"customerId": world.id, "offboardingDefaults": switches}
    saved = await client.post("/api/EditTenantOffboardingDefaults", json=body)

    rows = (await client.request(method, "/api/ListTenants?IncludeOffboardingDefaults=true")).json()

    assert saved.status_code == 200
    assert [text.partition(" ")[0] for text in saved.json()["Warnings"]] == ["Odd", "OOO"]
    assert [(row["customerId"], row["defaultDomainName"]) for row in rows] == [(world.id, "contoso.example")]
    assert rows[0]["offboardingDefaults"] == {"DisableSignIn": True, "RemoveGroups": False}


async def test_one_tenant_is_asked_for_by_any_of_its_names(client: Client, world: World) -> None:
    for name, rows in (("contoso.example", 1), (world.id.upper(), 1), ("AllTenants", 1), ("null", 1)):
        assert len((await client.get("/api/ListTenants", params={"tenantFilter": name})).json()) == rows
    assert (await client.get("/api/ListTenants?tenantFilter=nowhere.example")).status_code == 404


async def test_what_is_needed_and_missing_is_named(client: Client, world: World) -> None:
    for path, name in (("ListScheduledItemDetails", "RowKey"), ("ListOffboardingProgress", "DeploymentId")):
        answer = await client.get(f"/api/{path}")
        assert answer.status_code == 400
        assert name in answer.json()["Results"][0]


async def test_deletion_is_never_kept_as_a_default(client: Client, world: World) -> None:
    """H12: the caller is told, and the rest is kept."""
    body = {"customerId": world.id, "offboardingDefaults": {"DisableSignIn": True, "DeleteUser": True}}
    saved = await client.post("/api/EditTenantOffboardingDefaults", json=body)

    rows = (await client.get("/api/ListTenants?IncludeOffboardingDefaults=true")).json()

    assert rows[0]["offboardingDefaults"] == {"DisableSignIn": True, "DeleteUser": False}
    assert "delete_user cannot be a default" in " ".join(saved.json()["Warnings"])


async def test_graph_requests_are_read_only_and_for_users(client: Client, world: World) -> None:
    params = {"tenantFilter": "contoso.example", "Endpoint": "users", "$select": "id,userPrincipalName", "$top": "2"}

    answer = (await client.get("/api/ListGraphRequest", params=params)).json()
    other = await client.get("/api/ListGraphRequest", params=params | {"Endpoint": "groups"})

    assert len(answer["Results"]) == 2
    assert other.status_code == 400


async def test_who_am_i_and_the_log(client: Client, world: World) -> None:
    await offboard(client, DisableSignIn=True)

    assert (await client.get("/api/ListApiTest")).json()["Role"] == "administrator"
    assert "offboarding.accepted" in [row["API"] for row in (await client.get("/api/ListLogs")).json()]


@pytest.mark.parametrize("header", ["x-api-key", "x-functions-key"])
async def test_a_static_key_lets_callers_in(client: Client, new_client: NewClient, world: World, header: str) -> None:
    secret = client.headers["authorization"].partition(" ")[2]
    stranger = await new_client(role=None)

    assert (await stranger.get("/api/ListTenants")).status_code == 401
    assert (await stranger.get("/api/ListTenants", headers={header: secret})).status_code == 200
