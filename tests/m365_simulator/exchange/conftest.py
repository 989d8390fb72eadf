"""The Exchange half alone, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from m365_simulator import exchange
from m365_simulator.faults import Behaviour
from m365_simulator.state import State
from m365_simulator.world import App, Cloud, World

ORIGIN = "https://simulator.test"


@dataclass(frozen=True)
class Refusal:
    """How a cmdlet was refused."""

    status: int
    type: str
    text: str


@dataclass
class Exchange:
    """Somebody who runs cmdlets."""

    http: httpx.AsyncClient
    state: State
    world: World
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def sign_in(self) -> None:
        app = self.state.cloud.apps["app"]
        self.token = self.state.tokens.issue(
            self.world, app, "https://outlook.office365.com/.default", certificate=False
        )[0]

    @property
    def address(self) -> str:
        return f"{ORIGIN}/exchange/adminapi/beta/{self.world.id}/InvokeCommand"

    def body(self, cmdlet: str, **parameters: Any) -> dict[str, Any]:
        return {"CmdletInput": {"CmdletName": cmdlet, "Parameters": parameters}}

    async def send(self, cmdlet: str, address: str = "", **parameters: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", **self.headers}
        return await self.http.post(address or self.address, json=self.body(cmdlet, **parameters), headers=headers)

    async def run(self, cmdlet: str, **parameters: Any) -> dict[str, Any]:
        answer = await self.send(cmdlet, **parameters)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def rows(self, cmdlet: str, **parameters: Any) -> list[Any]:
        return list((await self.run(cmdlet, **parameters))["value"])

    async def row(self, cmdlet: str, **parameters: Any) -> dict[str, Any]:
        rows = await self.rows(cmdlet, **parameters)
        assert len(rows) == 1, rows
        return dict(rows[0])

    async def warnings(self, cmdlet: str, **parameters: Any) -> list[str]:
        return list((await self.run(cmdlet, **parameters))["@adminapi.warnings"])

    async def refusal(self, cmdlet: str, **parameters: Any) -> Refusal:
        answer = await self.send(cmdlet, **parameters)
        assert answer.status_code >= 400, answer.text
        _, type_name, text = answer.json()["error"]["details"][0]["message"].split("|", 2)
        return Refusal(answer.status_code, type_name.rpartition(".")[2], text)


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour()


@pytest.fixture
def cloud() -> Cloud:
    return Cloud(apps={"app": App("app", secret="secret")})


@pytest.fixture
def world(cloud: Cloud) -> World:
    world = cloud.add_world("contoso.example", "Contoso")
    for alias in ("ada", "bob", "grace"):
        world.add_user(alias, f"{alias.title()} Example")
    return world


@pytest.fixture
async def exo(cloud: Cloud, behaviour: Behaviour, world: World) -> AsyncIterator[Exchange]:
    state = State(cloud, behaviour)
    app = Starlette(routes=exchange.routes(state))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as http:
        found = Exchange(http, state, world)
        found.sign_in()
        yield found
