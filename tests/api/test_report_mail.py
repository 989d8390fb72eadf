"""Mailing a report, through the API: who may, for which tenants, and what is answered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from api.conftest import Client, NewClient, work
from leaver.config import Config
from leaver.wiring import House
from m365_simulator.world import World

WISH: dict[str, Any] = {
    "tenant": "contoso.example",
    "users": ["ada@contoso.example"],
    "settings": {"disable_sign_in": True},
}
TO = {"to": ["hr@example.com"]}


async def ended(client: Client, house: House) -> str:
    made = await client.post("/api/v1/offboardings", json=WISH)
    await work(house)
    return f"/api/v1/offboardings/{made.json()['offboardings'][0]['id']}/report/email"


class TestWithAMailServer:
    @pytest.fixture
    def config(self, config: Config) -> Config:
        return replace(config, smtp_url="smtp+plain://127.0.0.1:9", mail_from="leaver@msp.example")

    async def test_it_is_accepted_and_listed(self, client: Client, house: House) -> None:
        path = await ended(client, house)

        answer = await client.post(path, json={"to": ["hr@example.com", "boss@example.com"]})
        found = (await client.get(path)).json()["items"]

        assert answer.status_code == 202
        assert [each["to"] for each in found] == ["boss@example.com", "hr@example.com"]
        assert {each["state"] for each in found} == {"waiting"}

    @pytest.mark.parametrize(
        ("role", "status"), [("viewer", 403), ("operator", 202), ("auditor", 202), ("administrator", 202), (None, 401)]
    )
    async def test_who_only_looks_sends_nothing(
        self, client: Client, new_client: NewClient, house: House, role: str | None, status: int
    ) -> None:
        path = await ended(client, house)

        answer = await (await new_client(role)).post(path, json=TO)

        assert answer.status_code == status
        assert len((await client.get(path)).json()["items"]) == (1 if status == 202 else 0)

    async def test_of_another_tenant_it_looks_as_if_it_were_not_there(
        self, client: Client, new_client: NewClient, house: House, world: World
    ) -> None:
        path = await ended(client, house)
        elsewhere = await new_client("operator", ("11111111-1111-1111-1111-111111111111",))

        assert (await elsewhere.post(path, json=TO)).status_code == 404
        assert (await elsewhere.get(path)).status_code == 404
        assert (await client.get(path)).json()["items"] == []

    @pytest.mark.parametrize("body", [{"to": ["nonsense"]}, {"to": ["a@b.example\r\nBcc: c@d.example e"]}])
    async def test_what_is_no_address_is_refused(self, client: Client, house: House, body: Any) -> None:
        path = await ended(client, house)

        answer = await client.post(path, json=body)

        assert (answer.status_code, answer.json()["code"]) == (400, "bad_mail_address")


async def test_without_a_mail_server_it_says_how_to_have_one(client: Client, house: House) -> None:
    path = await ended(client, house)

    answer = await client.post(path, json=TO)

    assert answer.json()["code"] == "no_mail_server"
    assert "LEAVER_SMTP_URL" in answer.text
