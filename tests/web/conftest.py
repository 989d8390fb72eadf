"""A technician in front of the portal."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from leaver.access.codes import ACCOUNT
from leaver.app import create
from leaver.wiring import House

PASSWORD = "a-password-of-the-tests"  # not used anywhere else
QUICKLY = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""A hash says how it was made, so that this one is checked in no time; how ours are made is tested with accounts."""


class Browser:
    """A browser without JavaScript: it keeps cookies, follows redirects and posts forms with their hidden fields."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.page = httpx.Response(200)

    @property
    def html(self) -> str:
        """What is shown."""
        return self.page.text

    @property
    def path(self) -> str:
        """Where it stands."""
        return self.page.url.path

    async def open(self, path: str) -> str:
        """Go to an address."""
        self.page = await self.client.get(path, follow_redirects=True)
        return self.html

    async def post(self, path: str = "", /, **fields: Any) -> str:
        """Post a form of the page that is shown."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.html)
        data = {"csrf": found[1] if found else "", **{key.replace("__", ":"): value for key, value in fields.items()}}
        self.page = await self.client.post(path or self.path, data=data, follow_redirects=True)
        return self.html

    async def sign_in(self, name: str = "admin", password: str = PASSWORD) -> str:
        """As a person does."""
        await self.open("/signin")
        return await self.post("/signin", username=name, password=password)


@pytest.fixture
async def stranger(house: House) -> AsyncIterator[Browser]:
    """A browser that nobody has signed in with; the administrator's password is set."""
    account = {"name": "admin", "hash": QUICKLY.hash(PASSWORD), "role": "administrator", "must_change": False}
    await house.papers.put(ACCOUNT, "admin", account)
    app = create(house=house, works=False)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://leaver.test") as client:
        yield Browser(client)


@pytest.fixture
async def browser(stranger: Browser) -> Browser:
    """The administrator's browser."""
    await stranger.sign_in()
    return stranger
