"""Telephone numbers, devices, directory roles and the limits of Graph, over plain HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from m365_simulator.faults import Behaviour
from m365_simulator.server import create_app
from m365_simulator.world import GLOBAL_ADMIN, TEAMS_PHONE, USER_ADMIN, App, Cloud, Grant, World

CLIENT = "app"
NUMBERS = "/admin/teams/telephoneNumberManagement/numberAssignments"


class Graph:
    """Somebody who calls Graph."""

    def __init__(self, app: Starlette, http: httpx.AsyncClient, world: World) -> None:
        self.state = app.state.simulator
        self.http = http
        self.world = world
        self.sign_in()

    def sign_in(self) -> None:
        app = self.state.cloud.apps[CLIENT]
        scope = "https://graph.microsoft.com/.default"
        token, _ = self.state.tokens.issue(self.world, app, scope, certificate=False)
        self.http.headers["authorization"] = f"Bearer {token}"

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        return await self.http.request(method, f"/graph/v1.0{path}", **more)

    async def rows(self, path: str) -> list[Any]:
        answer = await self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["value"])


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour()


@pytest.fixture
def cloud() -> Cloud:
    return Cloud(apps={CLIENT: App(CLIENT, "not-a-real-secret")})


@pytest.fixture
def world(cloud: Cloud) -> World:
    world = cloud.add_world("contoso.example")
    for alias in ("ada", "bob"):
        world.add_user(alias, licenses=[TEAMS_PHONE])
    return world


@pytest.fixture
async def graph(cloud: Cloud, behaviour: Behaviour, world: World) -> AsyncIterator[Graph]:
    app = create_app(cloud, behaviour)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://sim.test") as http:
        yield Graph(app, http, world)


class TestLimits:
    """Token buckets, with Microsoft's published numbers."""

    async def test_a_small_tenant_has_3500_units_in_ten_seconds(self, graph: Graph, behaviour: Behaviour) -> None:
        behaviour.throttling_scale = graph.state.buckets.scale = 0.002  # 7 units
        path = f"/users/{graph.world.users['ada'].id}/memberOf"

        answers = [await graph.ask("GET", path) for _ in range(4)]

        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[0].headers["x-ms-resource-unit"] == "2"

    async def test_a_refusal_says_what_was_too_much_and_for_how_long(self, graph: Graph) -> None:
        graph.state.buckets.scale = 0.0003  # 1 unit
        await graph.ask("GET", "/organization")

        answer = await graph.ask("GET", "/organization")

        assert answer.headers["x-ms-throttle-information"] == "ResourceUnitLimitExceeded"
        assert answer.headers["x-ms-throttle-scope"] == f"Tenant_Application/Read/{CLIENT}/{graph.world.id}"
        assert 1 <= int(answer.headers["retry-after"]) <= 10

    async def test_writes_have_a_limit_of_their_own(self, graph: Graph) -> None:
        bucket = graph.state.buckets.writes(CLIENT, graph.world.id)
        bucket.limit = bucket.left = 3
        path = f"/users/{graph.world.users['ada'].id}"

        answers = [await graph.ask("PATCH", path, json={"accountEnabled": False}) for _ in range(4)]

        assert [answer.status_code for answer in answers] == [204, 204, 204, 429]
        assert answers[3].headers["x-ms-throttle-information"] == "WriteLimitExceeded"

    async def test_after_the_wait_the_call_goes_through(self, graph: Graph) -> None:
        graph.state.buckets.scale = 0.0003
        await graph.ask("GET", "/organization")
        wait = int((await graph.ask("GET", "/organization")).headers["retry-after"])

        graph.state.advance(wait)

        assert (await graph.ask("GET", "/organization")).status_code == 200

    async def test_each_part_of_a_batch_is_counted_and_refused_by_itself(self, graph: Graph) -> None:
        graph.state.buckets.scale = 0.0006  # 2 units
        parts = [{"id": str(n), "method": "GET", "url": "/organization"} for n in range(3)]

        answer = await graph.ask("POST", "/$batch", json={"requests": parts})

        assert answer.status_code == 200
        found = sorted(answer.json()["responses"], key=lambda part: part["status"])
        assert [part["status"] for part in found] == [200, 200, 429]
        assert "Retry-After" in found[2]["headers"]

    async def test_a_selection_costs_less_and_an_expansion_more(self, graph: Graph) -> None:
        path = f"/users/{graph.world.users['ada'].id}"

        units = [
            (await graph.ask("GET", f"{path}{more}")).headers["x-ms-resource-unit"]
            for more in ("/memberOf", "/memberOf?$select=id", "?$expand=manager")
        ]

        assert units == ["2", "1", "2"]

    async def test_one_tenant_does_not_use_up_the_units_of_another(self, graph: Graph, cloud: Cloud) -> None:
        graph.state.buckets.scale = 0.0003
        await graph.ask("GET", "/organization")
        other = cloud.add_world("fabrikam.example")
        assert (await graph.ask("GET", "/organization")).status_code == 429

        graph.world = other
        graph.state.buckets.all_units(CLIENT).left = 100
        graph.sign_in()

        assert (await graph.ask("GET", "/organization")).status_code == 200


class TestNumbers:
    """Telephone numbers."""

    async def test_an_operation_runs_and_then_succeeds(self, graph: Graph, behaviour: Behaviour) -> None:
        behaviour.number_operation_delay = 30
        graph.world.add_number("+31205550100", "ada")
        body = {"telephoneNumber": "+31205550100", "numberType": "callingPlan"}

        accepted = await graph.ask("POST", f"{NUMBERS}/unassignNumber", json=body)

        place = accepted.headers["location"].partition("/v1.0")[2]
        running = (await graph.ask("GET", place)).json()["status"]
        graph.state.advance(31)
        assert (accepted.status_code, running) == (202, "running")
        assert (await graph.ask("GET", place)).json()["status"] == "succeeded"
        assert graph.world.numbers[0].assigned_to is None

    async def test_only_the_numbers_of_one_person_are_listed(self, graph: Graph) -> None:
        graph.world.add_number("+31205550100", "ada")
        graph.world.add_number("+31205550101", "bob")

        rows = await graph.rows(f"{NUMBERS}?$filter=assignmentTargetId eq '{graph.world.users['ada'].id}'")

        assert [row["telephoneNumber"] for row in rows] == ["+31205550100"]

    @pytest.mark.parametrize(
        ("number", "why"),
        [
            ({"assigned_to": "ada", "source": "onPremises"}, "managed on premises"),
            ({}, "not assigned"),
        ],
    )
    async def test_what_cannot_be_unassigned_fails_in_the_operation(
        self, graph: Graph, number: dict[str, str], why: str
    ) -> None:
        graph.world.add_number("+31205550100", **number)
        body = {"telephoneNumber": "+31205550100", "numberType": "callingPlan"}

        accepted = await graph.ask("POST", f"{NUMBERS}/unassignNumber", json=body)

        operation = (await graph.ask("GET", accepted.headers["location"].partition("/v1.0")[2])).json()
        assert operation["status"] == "failed"
        assert why in operation["numbers"][0]["statusDetail"]

    async def test_a_number_is_not_given_to_somebody_without_the_license(self, graph: Graph) -> None:
        graph.world.add_user("eve", licenses=())
        graph.world.add_number("+31205550100")
        body = {
            "telephoneNumber": "+31205550100",
            "numberType": "callingPlan",
            "assignmentTargetId": graph.world.users["eve"].id,
        }

        accepted = await graph.ask("POST", f"{NUMBERS}/assignNumber", json=body)

        operation = (await graph.ask("GET", accepted.headers["location"].partition("/v1.0")[2])).json()
        assert (operation["status"], graph.world.numbers[0].assigned_to) == ("failed", None)

    async def test_a_tenant_without_teams_answers_oddly(self, graph: Graph) -> None:
        graph.world.teams = False

        answer = await graph.ask("GET", NUMBERS)

        assert (answer.status_code, "Skype.Sync.Pstn" in answer.text) == (400, True)


class TestDevices:
    """Devices of Entra."""

    @pytest.mark.parametrize("relation", ["registeredDevices", "ownedDevices", "registeredDevices/graph.device"])
    async def test_the_devices_of_one_person_are_listed(self, graph: Graph, relation: str) -> None:
        graph.world.add_entra_device("ada", "ADA-LAPTOP")
        graph.world.add_entra_device("bob", "BOB-LAPTOP")

        rows = await graph.rows(f"/users/{graph.world.users['ada'].id}/{relation}")

        assert [row["displayName"] for row in rows] == ["ADA-LAPTOP"]

    @pytest.mark.parametrize("key", ["object", "device"])
    async def test_a_device_is_disabled_by_either_of_its_ids(self, graph: Graph, key: str) -> None:
        device = graph.world.add_entra_device("ada", "ADA-LAPTOP")
        path = f"/devices/{device.id}" if key == "object" else f"/devices(deviceId='{device.device_id}')"

        answer = await graph.ask("PATCH", path, json={"accountEnabled": False})

        assert (answer.status_code, device.enabled) == (204, False)

    async def test_the_device_id_is_not_the_object_id(self, graph: Graph) -> None:
        device = graph.world.add_entra_device("ada", "ADA-LAPTOP")

        assert (await graph.ask("DELETE", f"/devices/{device.device_id}")).status_code == 404

    async def test_a_device_is_deleted_for_good(self, graph: Graph) -> None:
        device = graph.world.add_entra_device("ada", "ADA-LAPTOP")

        await graph.ask("DELETE", f"/devices/{device.id}")

        assert graph.world.entra_devices == []


class TestRoles:
    """Directory roles."""

    async def test_who_holds_a_role_is_asked_by_its_template(self, graph: Graph) -> None:
        graph.world.add_role(GLOBAL_ADMIN, "Global Administrator", "ada")

        rows = await graph.rows(f"/directoryRoles(roleTemplateId='{GLOBAL_ADMIN}')/members")

        assert [row["id"] for row in rows] == [graph.world.users["ada"].id]

    async def test_a_role_that_was_never_activated_is_not_there(self, graph: Graph) -> None:
        answer = await graph.ask("GET", f"/directoryRoles(roleTemplateId='{USER_ADMIN}')/members")

        assert answer.status_code == 404

    @pytest.mark.parametrize("cast", ["microsoft.graph.directoryRole", "graph.directoryRole"])
    async def test_a_role_held_through_a_group_is_transitive(self, graph: Graph, cast: str) -> None:
        graph.world.add_group("helpdesk", "ada", role_assignable=True)
        graph.world.add_role(USER_ADMIN, "User Administrator", "helpdesk")
        ada = graph.world.users["ada"].id

        direct = await graph.rows(f"/users/{ada}/memberOf/{cast}")
        transitive = await graph.rows(f"/users/{ada}/transitiveMemberOf/{cast}")

        assert (direct, [row["displayName"] for row in transitive]) == ([], ["User Administrator"])

    async def test_the_last_global_administrator_stays(self, graph: Graph) -> None:
        graph.world.add_role(GLOBAL_ADMIN, "Global Administrator", "ada")
        (assignment,) = await graph.rows("/roleManagement/directory/roleAssignments")

        answer = await graph.ask("DELETE", f"/roleManagement/directory/roleAssignments/{assignment['id']}")

        assert (answer.status_code, graph.world.roles[GLOBAL_ADMIN].members) == (400, {"ada"})

    async def test_an_assignment_is_taken_away(self, graph: Graph) -> None:
        graph.world.add_role(USER_ADMIN, "User Administrator", "ada", "bob")
        ada = graph.world.users["ada"].id
        rows = await graph.rows(f"/roleManagement/directory/roleAssignments?$filter=principalId eq '{ada}'")

        await graph.ask("DELETE", f"/roleManagement/directory/roleAssignments/{rows[0]['id']}")

        assert graph.world.roles[USER_ADMIN].members == {"bob"}

    async def test_roles_need_their_own_permission(self, graph: Graph) -> None:
        graph.world.grants[CLIENT] = Grant(permissions=frozenset({"User.Read.All"}))
        graph.sign_in()

        assert (await graph.ask("GET", "/directoryRoles")).status_code == 403
