"""What tests of tasks need besides the small tenant."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from conftest import CLIENT_ID, ORIGIN, SECRET
from leaver.config import Config
from leaver.domain.people import Leaver
from leaver.m365.http import Http
from leaver.m365.tenant import Tenant
from leaver.store.tenants import KnownTenant
from leaver.wiring import build
from m365_simulator.world import World
from support import Wire


@pytest.fixture
async def tenant_by_secret(wire: Wire, world: World, ada: Leaver, tmp_path: Path) -> AsyncIterator[Tenant]:
    """The real client of an app that has a secret and no certificate."""
    config = Config.from_environment(
        {
            "LEAVER_CLOUD": "custom",
            "LEAVER_LOGIN_URL": f"{ORIGIN}/login",
            "LEAVER_GRAPH_URL": f"{ORIGIN}/graph",
            "LEAVER_EXCHANGE_URL": f"{ORIGIN}/exchange",
            "LEAVER_CLIENT_ID": CLIENT_ID,
            "LEAVER_CLIENT_SECRET": SECRET,
            "LEAVER_DATA_DIR": str(tmp_path / "data"),
        },
        dotenv_path=None,
    )
    http = Http(transport=httpx.ASGITransport(wire.app))
    house = build(config, http)
    await house.tenants.save(KnownTenant(world.id, world.domain, world.name, [world.domain]))
    yield house.doorway(world.id).acting_on(ada)
    await http.aclose()
    await house.database.close()
