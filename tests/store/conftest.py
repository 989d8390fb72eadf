"""Every test of the store runs on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from leaver.store.database import Database


@pytest.fixture
async def database(address: str) -> AsyncIterator[Database]:
    """An empty database of each kind."""
    database = Database(address)
    yield database
    await database.close()
