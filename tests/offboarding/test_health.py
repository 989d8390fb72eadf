"""What a look at a tenant comes to, and that it is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from leaver.domain.actor import Actor
from leaver.domain.people import TenantName
from leaver.offboarding.connecting import forget
from leaver.offboarding.health import Repair, Status, Works, last, look, summaries
from leaver.offboarding.readiness import Answer
from leaver.offboarding.rounds import Rounds
from leaver.wiring import House
from m365_simulator.faults import Behaviour, Fault
from m365_simulator.world import Cloud, Grant, World

ONLY_READS = frozenset({"User.Read.All", "User.EnableDisableAccount.All", "RoleManagement.Read.Directory"})


async def test_where_everything_works_the_tenant_is_healthy(house: House, contoso: TenantName) -> None:
    _, seen = await look(house, contoso)

    assert seen.summary.status is Status.HEALTHY
    assert set(seen.summary.areas.values()) == {Works.YES}
    assert seen.causes == ()


async def test_what_was_seen_is_kept_word_for_word(house: House, contoso: TenantName, world: World) -> None:
    world.grants = {client_id: Grant(ONLY_READS, frozenset()) for client_id in world.grants}
    _, seen = await look(house, contoso)

    assert await last(house.papers, contoso.id) == seen
    assert await summaries(house.papers) == {contoso.id: seen.summary}


async def test_the_directory_is_synchronized_or_not_and_when(house: House, contoso: TenantName, world: World) -> None:
    _, cloud_only = await look(house, contoso)
    world.synced, world.synced_at = True, "2026-01-01T00:00:00Z"
    _, late = await look(house, contoso)
    world.synced_at = datetime.now(UTC).isoformat()
    _, fresh = await look(house, contoso)

    assert (cloud_only.summary.synced, cloud_only.summary.sync_is_late) == (False, False)
    assert (late.summary.synced, late.summary.sync_is_late) == (True, True)
    assert late.summary.synced_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert (fresh.summary.synced, fresh.summary.sync_is_late) == (True, False)
    assert (await summaries(house.papers))[contoso.id] == fresh.summary


async def test_what_an_earlier_release_kept_of_a_tenant_can_be_read(house: House, contoso: TenantName) -> None:
    _, seen = await look(house, contoso)
    document = seen.summary.as_json()
    del document["synced"], document["synced_at"]
    await house.papers.put("health", contoso.id, document)

    assert (await summaries(house.papers))[contoso.id].synced is None


async def test_a_service_that_does_not_know_when_it_was_synchronized_is_asked_without(
    house: House, contoso: TenantName, behaviour: Behaviour
) -> None:
    behaviour.faults.append(Fault(match="GET /organization", status=400, times=1))

    _, seen = await look(house, contoso)

    assert seen.summary.synced is False
    assert seen.summary.status is Status.HEALTHY


@pytest.fixture
def narrow(cloud: Cloud, world: World) -> None:
    """The application may read users and block sign-in, and nothing else."""
    for client_id in cloud.apps:
        world.grants[client_id] = Grant(ONLY_READS, frozenset())


async def test_missing_permissions_limit_a_tenant_and_name_their_cause(
    house: House, contoso: TenantName, narrow: None
) -> None:
    _, seen = await look(house, contoso)

    assert seen.summary.status is Status.LIMITED
    assert seen.summary.areas["users"] is Works.PARTLY
    assert seen.summary.areas["teams"] is Works.NO
    assert {cause.repair for cause in seen.causes} == {Repair.CONSENT, Repair.ROLES}
    assert "Remove licenses" in seen.summary.not_working
    works = {each.name: each.works for each in seen.permissions}
    assert works["User.EnableDisableAccount.All"] is Answer.YES
    assert works["TeamsTelephoneNumber.ReadWrite.All"] is Answer.NO


async def test_a_tenant_that_gives_no_token_is_broken_and_asks_for_consent(
    house: House, contoso: TenantName, behaviour: Behaviour
) -> None:
    refusal = {"error": "unauthorized_client", "error_description": "AADSTS700016: not found", "error_codes": [700016]}
    behaviour.faults.append(Fault("token", 400, refusal, times=None))

    _, seen = await look(house, contoso)

    assert seen.summary.status is Status.BROKEN
    assert seen.summary.areas["users"] is Works.NO
    assert [cause.repair for cause in seen.causes] == [Repair.CONSENT]


async def test_exchange_that_refuses_shuts_its_area_and_leaves_the_others(
    house: House, contoso: TenantName, behaviour: Behaviour
) -> None:
    behaviour.faults.append(Fault("Get-Mailbox", 403, times=None))

    _, seen = await look(house, contoso)

    assert seen.summary.status is Status.LIMITED
    assert seen.summary.areas["exchange"] is Works.NO
    assert seen.summary.areas["licenses"] is Works.YES
    assert "Exchange" in seen.causes[0].title


async def test_a_tenant_that_was_removed_was_never_seen(house: House, contoso: TenantName) -> None:
    await look(house, contoso)
    await forget(house, contoso.id, Actor("boss"))

    assert await last(house.papers, contoso.id) is None
    assert [entry["what"] async for entry in house.audit.entries()][-1] == "tenant.removed"


async def test_rounds_look_at_everybody_that_is_given(house: House, contoso: TenantName) -> None:
    rounds = Rounds(house, timedelta(0))
    began = datetime.now(UTC)

    assert await rounds.look(await house.tenants.all(), patience=30)

    seen = await summaries(house.papers)
    assert seen[contoso.id].checked_at >= began
    await rounds.stop()
