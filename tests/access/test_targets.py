"""Who can be the second person."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from leaver.access.roles import Person, Role
from leaver.access.targets import refuse_approver
from leaver.domain.errors import Denied
from leaver.domain.offboarding import Offboarding
from leaver.domain.people import Leaver
from leaver.m365.tenant import Tenant
from leaver.wiring import House
from m365_simulator.world import World


@pytest.fixture
def record(house: House, world: World) -> Offboarding:
    """Somebody's offboarding."""
    now = datetime(2026, 6, 1, tzinfo=UTC)
    ada = world.users["ada"]
    from leaver.domain.people import TenantName

    return Offboarding("o1", TenantName(world.id), Leaver(ada.id, ada.upn, "Ada"), {}, now, now)


async def test_a_program_without_a_person_behind_it_is_nobodys_second_person(
    record: Offboarding, tenant: Tenant
) -> None:
    with pytest.raises(Denied) as refused:
        await refuse_approver(Person("program x", Role.ADMINISTRATOR, via="api"), tenant, record)

    assert refused.value.code == "second_person"
    await refuse_approver(Person("token", Role.OPERATOR, via="api", behind="Tess"), tenant, record)
