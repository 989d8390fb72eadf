"""The scenes: everybody in them can be planned for, and a scene is the same at every start."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from conftest import CLIENT_ID, ORIGIN, SECRET
from leaver.config import Config
from leaver.m365.http import Http
from leaver.store.tenants import KnownTenant
from leaver.tasks.catalogue import all_tasks
from leaver.tasks.task import Switch
from leaver.wiring import build as build_house
from m365_simulator.scenarios import SCENARIOS, build
from m365_simulator.server import create_app
from m365_simulator.world import App
from support import Desk

SWITCHES = {task.name: True for task in all_tasks() if issubclass(task.option.setting, Switch)}


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_scene_has_the_same_ids_at_every_start(name: str) -> None:
    first, second = build(name, {}), build(name, {})

    ids = [[user.id for user in world.users.values()] for world in first.worlds.values()]
    assert ids == [[user.id for user in world.users.values()] for world in second.worlds.values()]
    assert len({each for world in ids for each in world}) == sum(map(len, ids))


def test_one_scene_has_fifty_thousand_people_and_one_has_many_tenants() -> None:
    sizes = {name: [len(world.users) for world in build(name, {}).worlds.values()] for name in SCENARIOS}

    assert max(max(each) for each in sizes.values()) >= 50_000
    assert max(map(len, sizes.values())) >= 100


async def test_everybody_in_the_small_tenants_can_be_planned_for(tmp_path: Path) -> None:
    """A18 and D14: whoever it is, each task says what it would do or why not."""
    cloud = build("contoso", {CLIENT_ID: App(CLIENT_ID, SECRET)})
    config = Config.from_environment(
        {
            "LEAVER_CLOUD": "custom",
            "LEAVER_LOGIN_URL": f"{ORIGIN}/login",
            "LEAVER_GRAPH_URL": f"{ORIGIN}/graph",
            "LEAVER_EXCHANGE_URL": f"{ORIGIN}/exchange",
            "LEAVER_CLIENT_ID": CLIENT_ID,
            "LEAVER_CLIENT_SECRET": SECRET,
            "LEAVER_DATA_DIR": str(tmp_path),
        },
        dotenv_path=None,
    )
    http = Http(transport=httpx.ASGITransport(create_app(cloud)))
    house = build_house(config, http)
    wishes = {
        name: value for name, value in SWITCHES.items() if name not in ("delete_user", "disable_onedrive_sharing")
    }
    unplanned = []
    for world in cloud.worlds.values():
        await house.tenants.save(KnownTenant(world.id, world.domain, world.name, [world.domain, world.initial_domain]))
        for user in world.users.values():
            planned = await Desk(house, world.domain).preview(user.id, settings=wishes)
            unplanned += [
                (user.upn, task.task, task.error)
                for task in planned.offboardings[0].tasks
                if task.error or not (task.changes or task.notes or task.outcome.value == "already_in_place")
            ]
    await http.aclose()
    await house.database.close()

    assert unplanned == []
