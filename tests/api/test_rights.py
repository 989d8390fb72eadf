"""The rights index and the full look, through the API."""

from __future__ import annotations

from typing import Any

from api.conftest import Client, work
from leaver.offboarding.survey import build_index
from leaver.wiring import House
from m365_simulator.world import World

INDEX = "/api/v1/tenants/contoso.example/rights-index"
WISH: dict[str, Any] = {
    "tenant": "contoso.example",
    "users": ["ada@contoso.example"],
    "settings": {"remove_mailbox_permissions": True},
}


def changes(answer: Any) -> list[str]:
    (record,) = answer.json()["offboardings"]
    return [change["what"] for task in record["tasks"] for change in task["changes"]]


async def test_its_age_is_shown_and_a_new_one_can_be_asked_for(client: Client, house: House, world: World) -> None:
    none = (await client.get(INDEX)).json()
    asked = await client.post(INDEX)
    wanted = await house.rights.due(None)
    await build_index(house, world.id, "worker")
    built = (await client.get(INDEX)).json()
    health = (await client.get("/api/v1/tenants/contoso.example/health")).json()

    assert (none["as_of"], none["usable"]) == (None, False)
    assert (asked.status_code, asked.json()["wanted_at"] is not None, wanted) == (202, True, [world.id])
    assert (built["usable"], built["mailboxes"], built["wanted_at"]) == (True, 3, None)
    assert health["rights_index"]["as_of"] == built["as_of"]


async def test_a_request_says_whether_every_mailbox_is_looked_through_and_it_is_kept(
    client: Client, house: House, world: World
) -> None:
    await build_index(house, world.id, "worker")
    world.give_full_access("bob", "ada")

    by_index = await client.post("/api/v1/plans", json=WISH)
    in_full = await client.post("/api/v1/plans", json=WISH | {"full_scan": True})
    made = await client.post("/api/v1/offboardings", json=WISH | {"full_scan": True})
    await work(house)

    assert changes(by_index) == []
    assert changes(in_full) == ["full access: Bob Example"]
    (record,) = (await client.get(made.headers["location"])).json()["offboardings"]
    assert (record["full_scan"], record["state"]) == (True, "completed")
    assert world.mailboxes["bob"].full_access == []
