"""The program's doors over HTTP, with the simulator behind the house."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from api.documented import held_against_the_document
from leaver.access.roles import Role
from leaver.access.tokens import Tokens
from leaver.app import create
from leaver.domain.actor import Actor
from leaver.offboarding.drive import drive
from leaver.wiring import House

Client = httpx.AsyncClient
NewClient = Callable[..., Awaitable[Client]]


@pytest.fixture
async def new_client(house: House) -> AsyncIterator[NewClient]:
    """Makes a caller with a token of its own."""
    app = create(house=house, works=False)
    clients = []

    async def make(role: str | None = "administrator", tenants: tuple[str, ...] = ()) -> Client:
        headers = {}
        if role is not None:
            tokens = Tokens(house.papers, house.audit)
            _, secret = await tokens.create(f"{role} program", Role(role), Actor("test"), tenants=tenants)
            headers["Authorization"] = f"Bearer {secret}"
        client = Client(
            transport=httpx.ASGITransport(app),
            base_url="http://leaver.test",
            headers=headers,
            event_hooks={"response": [held_against_the_document]},
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
async def client(new_client: NewClient) -> Client:
    """An administrator's program."""
    return await new_client()


async def work(house: House) -> None:
    """Do everything that was accepted."""
    for item in await house.leases.due():
        await drive(house, item.id, owner="test", look_again=(0.01, 0.02, 0.05))
