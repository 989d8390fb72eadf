"""Stubbed services, for answers that the simulator does not give."""

from __future__ import annotations

import pytest

from leaver.domain.people import Leaver
from leaver.m365.tenant import Tenant
from m365.stub_wires import Stubs

EVE = Leaver("11111111-0000-0000-0000-00000000000e", "eve@contoso.example", "Eve Example")


@pytest.fixture
def stubs() -> Stubs:
    """Three services that answer from a table."""
    return Stubs()


@pytest.fixture
def eve() -> Leaver:
    """The leaver of the stubbed tenant."""
    return EVE


@pytest.fixture
def stubbed(stubs: Stubs, eve: Leaver) -> Tenant:
    """A tenant in front of the stubs, allowed to act on eve."""
    return stubs.tenant(eve)
