"""SharePoint: administrators of a site, sharing, and who is let in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from m365_simulator import sharepoint
from m365_simulator.faults import Behaviour
from m365_simulator.state import State
from m365_simulator.world import App, Cloud, World

ORIGIN = "https://simulator.test"
MERGE = {"X-HTTP-Method": "MERGE", "IF-MATCH": "*"}
NAMESPACE = "http://schemas.microsoft.com/sharepoint/clientquery/2009"


@dataclass
class Site:
    """Somebody who calls ada's site."""

    http: httpx.AsyncClient
    state: State
    world: World
    token: str

    @property
    def address(self) -> str:
        drive = self.world.users["ada"].drive
        assert drive is not None
        return self.state.site_address(ORIGIN, drive.site_url)

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(self.address + path, headers={"Authorization": f"Bearer {self.token}"})

    async def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return await self.http.post(
            self.address + path, json=body, headers={"Authorization": f"Bearer {self.token}", **headers}
        )

    async def ensure(self, upn: str) -> httpx.Response:
        return await self.post("/_api/web/ensureuser", {"logonName": f"i:0#.f|membership|{upn}"})

    async def csom(self, actions: str, paths: str = "") -> list[Any]:
        home = self.address.partition("/personal/")[0].replace("-my", "-admin")
        content = (
            f'<Request xmlns="{NAMESPACE}"><Actions>{actions}</Actions><ObjectPaths>'
            '<Constructor Id="1" TypeId="{268004ae-ef6b-4e9b-8425-127220d84719}" />'
            f'<Method Id="3" ParentId="1" Name="GetSitePropertiesByUrl"><Parameters><Parameter Type="String">'
            f'{self.address}</Parameter><Parameter Type="Boolean">false</Parameter></Parameters></Method>{paths}'
            "</ObjectPaths></Request>"
        )
        answer = await self.http.post(
            f"{home}/_vti_bin/client.svc/ProcessQuery",
            content=content,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "text/xml"},
        )
        assert answer.status_code == 200, answer.text
        return list(answer.json())


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour()


@pytest.fixture
def world(cloud: Cloud) -> World:
    world = cloud.add_world("contoso.example", "Contoso")
    for alias in ("ada", "grace"):
        world.add_user(alias)
    return world


@pytest.fixture
def cloud() -> Cloud:
    return Cloud(apps={"app": App("app", secret="secret")})


@pytest.fixture
async def site(cloud: Cloud, behaviour: Behaviour, world: World) -> AsyncIterator[Site]:
    state = State(cloud, behaviour)
    token = state.tokens.issue(world, cloud.apps["app"], "https://contoso-my.sharepoint.com/.default", certificate=True)
    app = Starlette(routes=sharepoint.routes(state))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as http:
        yield Site(http, state, world, token[0])


async def admins(site: Site) -> list[str]:
    body = (await site.get("/_api/web/siteusers?$filter=IsSiteAdmin eq true")).json()
    return [row["LoginName"].rpartition("|")[2] for row in body["value"]]


async def test_a_colleague_becomes_administrator_and_is_one_no_longer(site: Site) -> None:
    number = (await site.ensure("grace@contoso.example")).json()["Id"]
    merged = await site.post(f"/_api/web/getuserbyid({number})", {"IsSiteAdmin": True}, **MERGE)
    given = await admins(site)
    await site.post(f"/_api/web/getuserbyid({number})", {"IsSiteAdmin": False}, **MERGE)

    assert merged.status_code == 204
    assert given == ["ada@contoso.example", "grace@contoso.example"]
    assert await admins(site) == ["ada@contoso.example"]


async def test_a_token_bought_with_a_secret_is_refused(site: Site) -> None:
    app = site.state.cloud.apps["app"]
    site.token = site.state.tokens.issue(site.world, app, "https://x.sharepoint.com/.default", certificate=False)[0]

    answer = await site.get("/_api/web")

    assert answer.status_code == 401
    assert "Unsupported app only token." in answer.text
    assert "Unsupported app only token." in answer.headers["www-authenticate"]


async def test_somebody_without_sharepoint_cannot_be_found(site: Site) -> None:
    site.world.add_user("frank", licenses=(), drive=False)

    answer = await site.ensure("frank@contoso.example")

    error = answer.json()["odata.error"]
    assert error["code"].startswith("-2146232832")
    assert error["message"]["value"].endswith("could not be found.")


@pytest.mark.parametrize("status", [403, 423])
async def test_a_locked_site_refuses(site: Site, behaviour: Behaviour, status: int) -> None:
    behaviour.sharepoint_locked_status = status
    drive = site.world.users["ada"].drive
    assert drive is not None
    drive.locked = "NoAccess"

    assert (await site.get("/_api/web")).status_code == status


async def test_too_many_requests_are_told_when_to_come_back(site: Site, behaviour: Behaviour) -> None:
    behaviour.throttling_scale = 0.001
    site.state.use(site.state.cloud)
    app = site.state.cloud.apps["app"]
    site.token = site.state.tokens.issue(site.world, app, "https://x.sharepoint.com/.default", certificate=True)[0]

    answers = [await site.get("/_api/web") for _ in range(3)]

    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_sharing_is_set_and_read(site: Site) -> None:
    change = '<SetProperty Id="5" ObjectPathId="3" Name="SharingCapability"><Parameter Type="Enum">0</Parameter>'
    await site.csom(
        f'{change}</SetProperty><ObjectPath Id="7" ObjectPathId="6" />', '<Method Id="6" ParentId="3" Name="Update" />'
    )

    shown = await site.csom('<Query Id="5" ObjectPathId="3"><Query SelectAllProperties="true" /></Query>')

    assert shown[0]["ErrorInfo"] is None
    assert shown[shown.index(5) + 1]["SharingCapability"] == 0


async def test_a_failed_query_is_answered_with_200(site: Site, behaviour: Behaviour) -> None:
    behaviour.sharepoint_tenant_access = "refuse"

    shown = await site.csom('<ObjectPath Id="2" ObjectPathId="1" />')

    assert shown[0]["ErrorInfo"]["ErrorTypeName"] == "System.UnauthorizedAccessException"


async def test_an_administrator_is_set_by_the_tenant(site: Site) -> None:
    await site.csom(
        '<Method Name="SetSiteAdmin" Id="9" ObjectPathId="1"><Parameters>'
        f'<Parameter Type="String">{site.address}</Parameter>'
        '<Parameter Type="String">i:0#.f|membership|grace@contoso.example</Parameter>'
        '<Parameter Type="Boolean">true</Parameter></Parameters></Method>'
    )

    assert "grace@contoso.example" in await admins(site)
