"""The simulator's login and directory, over plain HTTP, without our own client."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from m365_simulator.faults import Behaviour, Fault
from m365_simulator.server import create_app
from m365_simulator.world import E3, GLOBAL_ADMIN, App, Cloud, Grant, World

CLIENT, SECRET = "app", "not-a-real-secret"
Ask = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour()


@pytest.fixture
def cloud() -> Cloud:
    return Cloud(apps={CLIENT: App(CLIENT, SECRET)})


@pytest.fixture
def world(cloud: Cloud) -> World:
    world = cloud.add_world("contoso.example")
    for alias in ("ada", "bob", "grace"):
        world.add_user(alias)
    return world


@pytest.fixture
async def http(cloud: Cloud, behaviour: Behaviour) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(cloud, behaviour))
    async with httpx.AsyncClient(transport=transport, base_url="https://sim.test") as client:
        yield client


async def log_in(http: httpx.AsyncClient, world: World, secret: str = SECRET) -> httpx.Response:
    form = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": secret}
    form["scope"] = "https://graph.microsoft.com/.default"
    return await http.post(f"/login/{world.id}/oauth2/v2.0/token", data=form)


@pytest.fixture
def ask(http: httpx.AsyncClient, world: World) -> Ask:
    async def asked(method: str, path: str, **more: object) -> httpx.Response:
        token = (await log_in(http, world)).json()["access_token"]
        http.headers["authorization"] = f"Bearer {token}"
        return await http.request(method, f"/graph/v1.0{path}", **more)  # type: ignore[arg-type]

    return asked


async def test_a_wrong_secret_is_denied(http: httpx.AsyncClient, world: World) -> None:
    answer = await log_in(http, world, "wrong")

    assert (answer.status_code, answer.json()["error_codes"]) == (401, [7000215])


async def test_an_app_without_consent_is_denied(http: httpx.AsyncClient, world: World) -> None:
    world.grants.clear()

    assert (await log_in(http, world)).json()["error_codes"] == [7000229]


async def test_a_call_without_the_permission_is_refused(ask: Ask, world: World) -> None:
    world.grants[CLIENT] = Grant(permissions=frozenset({"User.Read.All"}))

    answer = await ask("DELETE", f"/users/{world.users['ada'].id}")

    assert (answer.status_code, "ada" in world.users) == (403, True)


async def test_a_reference_is_removed_and_the_user_stays(ask: Ask, world: World) -> None:
    group = world.add_group("sales", "ada", "bob")

    await ask("DELETE", f"/groups/{group.id}/members/{world.users['ada'].id}/$ref")

    assert (group.members, "ada" in world.users) == ({"bob"}, True)


async def test_forgetting_the_reference_deletes_the_user(ask: Ask, world: World) -> None:
    group = world.add_group("sales", "ada", "bob")

    await ask("DELETE", f"/groups/{group.id}/members/{world.users['ada'].id}")

    assert "ada" in world.deleted_users


async def test_a_restored_user_has_their_groups_and_mailbox_again(ask: Ask, world: World) -> None:
    group, user_id = world.add_group("sales", "ada"), world.users["ada"].id
    await ask("DELETE", f"/users/{user_id}")

    await ask("POST", f"/directory/deletedItems/{user_id}/restore")

    assert (group.members, world.mailboxes["ada"].soft_deleted_at) == ({"ada"}, None)


@pytest.mark.parametrize("kind", ["distribution", "mail_security"])
async def test_mail_enabled_groups_are_refused(ask: Ask, world: World, kind: str) -> None:
    group = world.add_group("list", "ada", kind=kind)

    answer = await ask("DELETE", f"/groups/{group.id}/members/{world.users['ada'].id}/$ref")

    assert "Cannot Update a mail-enabled security groups" in answer.json()["error"]["message"]


async def test_the_last_user_among_the_owners_stays(ask: Ask, world: World) -> None:
    group = world.add_group("team", "ada", owners=["ada"], kind="microsoft365", service_principal_owners=1)

    answer = await ask("DELETE", f"/groups/{group.id}/owners/{world.users['ada'].id}/$ref")

    assert (answer.status_code, group.owners) == (400, {"ada"})


async def test_the_default_method_goes_last(ask: Ask, world: World) -> None:
    phone = world.add_method("ada", "phone", phone_type="mobile", default=True)
    world.add_method("ada", "fido2")

    answer = await ask("DELETE", f"/users/{world.users['ada'].id}/authentication/phoneMethods/{phone.id}")

    assert "Cannot delete default method" in answer.json()["error"]["message"]


async def test_an_inherited_license_is_not_taken_directly(ask: Ask, world: World) -> None:
    world.add_user("eve", licenses=())
    world.add_group("licensed", "eve", license_skus=[E3])
    body = {"addLicenses": [], "removeLicenses": [E3]}

    answer = await ask("POST", f"/users/{world.users['eve'].id}/assignLicense", json=body)

    assert "inherited from a group" in answer.json()["error"]["message"]


async def test_an_unconverted_mailbox_goes_with_its_license(ask: Ask, world: World) -> None:
    body = {"addLicenses": [], "removeLicenses": [E3]}

    await ask("POST", f"/users/{world.users['ada'].id}/assignLicense", json=body)

    assert world.mailboxes["ada"].soft_deleted_at is not None


async def test_an_administrator_is_out_of_reach_without_a_high_role(ask: Ask, world: World) -> None:
    world.grants[CLIENT] = Grant(roles=frozenset())
    world.add_role(GLOBAL_ADMIN, "Global Administrator", "ada", "bob")

    answer = await ask("PATCH", f"/users/{world.users['ada'].id}", json={"accountEnabled": False})

    assert (answer.status_code, world.users["ada"].enabled) == (403, True)


async def test_reads_lag_behind_writes(ask: Ask, world: World, behaviour: Behaviour) -> None:
    behaviour.read_after_write = 60
    user_id = world.users["ada"].id
    await ask("PATCH", f"/users/{user_id}", json={"accountEnabled": False})

    answer = await ask("GET", f"/users/{user_id}?$select=accountEnabled")

    assert (answer.json()["accountEnabled"], world.users["ada"].enabled) == (True, False)


async def test_a_search_needs_its_header(ask: Ask) -> None:
    answer = await ask("GET", '/users?$search="displayName:ada"')

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Request_UnsupportedQuery")


async def test_a_guest_is_found_by_an_encoded_name_only(ask: Ask, world: World) -> None:
    world.add_user("guest", upn="guest_fabrikam#EXT#@contoso.example", user_type="Guest", mailbox=False, drive=False)

    assert (await ask("GET", "/users/guest_fabrikam%23EXT%23@contoso.example")).status_code == 200


async def test_a_batch_with_the_same_id_twice_is_refused(ask: Ask) -> None:
    part = {"id": "1", "method": "GET", "url": "/organization"}

    assert (await ask("POST", "/$batch", json={"requests": [part, part]})).status_code == 400


async def test_what_depends_on_a_failure_fails(ask: Ask) -> None:
    first = {"id": "1", "method": "GET", "url": "/users/nobody"}
    second = {"id": "2", "method": "GET", "url": "/organization", "dependsOn": ["1"]}

    answer = await ask("POST", "/$batch", json={"requests": [first, second]})

    assert {each["id"]: each["status"] for each in answer.json()["responses"]} == {"1": 404, "2": 424}


async def test_a_lost_answer_leaves_its_effect(ask: Ask, behaviour: Behaviour, world: World) -> None:
    behaviour.faults.append(Fault("PATCH /users", after_effect=True))

    with pytest.raises(httpx.ReadError):
        await ask("PATCH", f"/users/{world.users['ada'].id}", json={"accountEnabled": False})

    assert world.users["ada"].enabled is False


async def test_fifty_thousand_people_are_searched_at_once(ask: Ask, world: World) -> None:
    for number in range(50_000):
        world.add_user(f"person-{number}", f"Person{number} Example", mailbox=False, drive=False)
    path, headers = '/users?$search="displayName:person4999"&$top=10', {"ConsistencyLevel": "eventual"}
    await ask("GET", path, headers=headers)
    start = time.process_time()

    answer = await ask("GET", path, headers=headers)

    assert (len(answer.json()["value"]), time.process_time() - start < 2) == (10, True)


async def test_what_is_written_is_read_back(ask: Ask, world: World) -> None:
    """A write that is accepted and not kept would let a client believe what is not so."""
    written = {"jobTitle": "Clerk", "givenName": "Augusta", "businessPhones": ["+31 20 555 0100"]}
    await ask("PATCH", f"/users/{world.users['ada'].id}", json=written)

    read = await ask("GET", f"/users/{world.users['ada'].id}", params={"$select": ",".join(written)})

    assert {name: read.json()[name] for name in written} == written


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("startswith(displayName,'a')", 1),
        ("startswith(displayName,'a') eq true", 1),
        ("startswith(displayName,'a') eq false", 2),
        ("accountEnabled gt 'x'", None),
    ],
)
async def test_a_filter_means_what_it_says_or_is_refused(ask: Ask, text: str, found: int | None) -> None:
    answer = await ask("GET", "/users", params={"$filter": text})

    assert answer.status_code == (400 if found is None else 200)
    assert found is None or len(answer.json()["value"]) == found


async def test_a_page_of_nothing_is_refused(ask: Ask) -> None:
    assert (await ask("GET", "/users", params={"$top": "0"})).status_code == 400


async def test_the_manager_is_shown_with_the_user(ask: Ask, world: World) -> None:
    world.users["ada"].manager = "bob"
    path, expand = f"/users/{world.users['ada'].id}", "manager($select=id,displayName)"

    one = await ask("GET", path, params={"$select": "id", "$expand": expand})
    listed = await ask("GET", "/users", params={"$select": "id", "$expand": expand})

    shown = {"@odata.type": "#microsoft.graph.user", "id": world.users["bob"].id, "displayName": "Bob"}
    assert one.json()["manager"] == shown
    assert [row.get("manager") for row in listed.json()["value"]].count(shown) == 1


async def test_people_are_shown_with_the_group(ask: Ask, world: World) -> None:
    group = world.add_group("sales", "ada", "bob", owners=["grace"])

    shown = (await ask("GET", f"/groups/{group.id}", params={"$expand": "members,owners"})).json()

    assert ([row["displayName"] for row in shown["members"]], len(shown["owners"])) == (["Ada", "Bob"], 1)


async def test_an_expansion_that_is_not_known_is_refused(ask: Ask, world: World) -> None:
    path = f"/users/{world.users['ada'].id}"

    assert (await ask("GET", path, params={"$expand": "memberOf"})).status_code == 400


async def test_numbers_of_groups_and_people_are_plain_text(ask: Ask, world: World) -> None:
    group = world.add_group("sales", "ada", "bob", owners=["grace"])
    user = f"/users/{world.users['ada'].id}"
    paths = (
        "/groups/$count",
        f"/groups/{group.id}/members/$count",
        f"/groups/{group.id}/owners/$count",
        f"{user}/memberOf/$count",
        f"{user}/transitiveMemberOf/microsoft.graph.directoryRole/$count",
    )

    answers = [await ask("GET", path, headers={"ConsistencyLevel": "eventual"}) for path in paths]

    assert [answer.text for answer in answers] == ["1", "2", "1", "1", "0"]
    assert (await ask("GET", "/groups/$count")).status_code == 400


@pytest.mark.parametrize("fault", [{}, {"match": "("}, {"match": "x", "colour": "red"}, [3]])
async def test_a_fault_that_is_none_is_refused(http: httpx.AsyncClient, behaviour: Behaviour, fault: object) -> None:
    answer = await http.post("/control/faults", json=fault)

    assert (answer.status_code, behaviour.faults) == (400, [])
