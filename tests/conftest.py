"""A small tenant, the real client in front of the simulator, and a leaver."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from pathlib import Path
from shutil import copy

import httpx
import pytest

from leaver.config import Config
from leaver.domain.people import Leaver, TenantName
from leaver.m365.http import Http
from leaver.m365.tenant import Tenant
from leaver.store.tenants import KnownTenant
from leaver.wiring import House, build
from m365_simulator.faults import Behaviour
from m365_simulator.server import create_app
from m365_simulator.world import App, Cloud, World
from support import Desk, Wire, leaver_of

pytest_plugins = ["databases", "receiver"]

CLIENT_ID = "0d2c1c1e-6d8f-4b6a-9c43-4f6b3c1b7a11"
SECRET = "not-a-real-secret-Zx9"  # the simulator's, checked by it
ORIGIN = "https://simulator.test"


def pytest_collection_finish() -> None:
    """What was imported and collected lasts to the end; the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PEM file with a key and its certificate."""
    import trustme

    authority = trustme.CA()
    leaf = authority.issue_cert("leaver.test", key_type=trustme.KeyType.RSA)
    path = tmp_path_factory.mktemp("certificate") / "leaver.pem"
    path.write_bytes(leaf.private_key_pem.bytes() + leaf.cert_chain_pems[0].bytes())
    return path


@pytest.fixture
def behaviour() -> Behaviour:
    """How the simulated services behave: at once and without fault, unless a test says otherwise."""
    return Behaviour()


@pytest.fixture
def cloud(certificate: Path) -> Cloud:
    """A cloud with one app registration."""
    import hashlib
    import re
    from base64 import b64decode

    pem = certificate.read_text().split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0]
    thumbprint = hashlib.sha256(b64decode(re.sub(r"\s", "", pem))).hexdigest()
    app = App(CLIENT_ID, secret=SECRET, certificate_thumbprints={thumbprint})
    return Cloud(apps={CLIENT_ID: app})


@pytest.fixture
def world(cloud: Cloud) -> World:
    """Contoso: ada, who leaves, her colleague bob and her manager grace."""
    world = cloud.add_world("contoso.example", "Contoso")
    world.add_user("bob", "Bob Example")
    world.add_user("grace", "Grace Example")
    world.add_user("ada", "Ada Example", manager="grace")
    return world


@pytest.fixture
def wire(cloud: Cloud, behaviour: Behaviour) -> Wire:
    """The simulator in process."""
    return Wire(create_app(cloud, behaviour))


@pytest.fixture
def config(certificate: Path, made_database: Path, tmp_path: Path) -> Config:
    """The configuration that a technician would have: custom addresses, a certificate, a fresh data folder."""
    (tmp_path / "data").mkdir(mode=0o700)
    copy(made_database, tmp_path / "data" / "leaver.db")
    return Config.from_environment(
        {
            "LEAVER_CLOUD": "custom",
            "LEAVER_LOGIN_URL": f"{ORIGIN}/login",
            "LEAVER_GRAPH_URL": f"{ORIGIN}/graph",
            "LEAVER_EXCHANGE_URL": f"{ORIGIN}/exchange",
            "LEAVER_CLIENT_ID": CLIENT_ID,
            "LEAVER_CLIENT_CERTIFICATE": str(certificate),
            "LEAVER_DATA_DIR": str(tmp_path / "data"),
        },
        dotenv_path=None,
    )


@pytest.fixture
async def house(config: Config, wire: Wire, world: World) -> AsyncIterator[House]:
    """The real objects, with the simulator behind them; the tenant is known."""
    http = Http(transport=httpx.ASGITransport(wire.app))
    house = build(config, http)
    await house.tenants.save(KnownTenant(world.id, world.domain, world.name, [world.domain, world.initial_domain]))
    yield house
    await http.aclose()
    await house.database.close()


@pytest.fixture
def ada(world: World) -> Leaver:
    """The person who leaves."""
    return leaver_of(world.users["ada"])


@pytest.fixture
async def tenant(house: House, world: World, ada: Leaver) -> Tenant:
    """The real client, allowed to act on ada."""
    return house.doorway(world.id).acting_on(ada)


@pytest.fixture
def contoso(world: World) -> TenantName:
    """The tenant as it is shown."""
    return TenantName(world.id, world.domain, world.name)


@pytest.fixture
def desk(house: House, world: World) -> Desk:
    """The desk, for offboardings of contoso."""
    return Desk(house, world.domain)
