"""A house whose webhooks may reach this machine, and a real receiver that listens on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from leaver.config import Config
from leaver.m365.http import Http
from leaver.store.tenants import KnownTenant
from leaver.wiring import House, build
from m365_simulator.world import World
from support import Wire


@pytest.fixture
def config(config: Config) -> Config:
    """Webhooks may go to this machine without TLS."""
    return replace(
        config, webhook_http=True, webhook_networks=("127.0.0.0/8",), public_url="https://leaver.contoso.example"
    )


@pytest.fixture
async def house(config: Config, wire: Wire, world: World) -> AsyncIterator[House]:
    """The real objects."""
    http = Http(transport=httpx.ASGITransport(wire.app))
    house = build(config, http)
    await house.tenants.save(KnownTenant(world.id, world.domain, world.name, [world.domain, world.initial_domain]))
    yield house
    await http.aclose()
    await house.post.aclose()
    await house.database.close()
