"""An identity provider, and a way to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

import identity_provider
from identity_provider import Provider
from leaver.m365.http import Http


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider that listens on this machine."""
    with identity_provider.running() as found:
        yield found


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    """A real connection."""
    made = Http()
    yield made
    await made.aclose()
