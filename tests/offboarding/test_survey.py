"""The rights index of a tenant: how it is built beside everything else, and how far a plan goes by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from leaver.config import Config
from leaver.domain.actor import Actor
from leaver.domain.errors import Forbidden, LeaverError, Throttled, Unusable
from leaver.domain.offboarding import Offboarding
from leaver.domain.outcome import Outcome
from leaver.domain.plan import Note
from leaver.m365.http import Http
from leaver.offboarding import desk as desk_of
from leaver.offboarding.drive import drive
from leaver.offboarding.intake import accept, reopen
from leaver.offboarding.planner import Preview, planned_for, preview
from leaver.offboarding.survey import Pace, Surveyor, as_json, ask_for_index, build_index
from leaver.store.rights import Standing
from leaver.store.tenants import KnownTenant
from leaver.wiring import House, build
from m365_simulator.faults import Behaviour, Fault
from m365_simulator.world import Cloud, FolderPermission, World
from support import Desk, Wire

RIGHTS: dict[str, Any] = {"remove_mailbox_permissions": True, "remove_calendar_permissions": True}
FAST = Pace(piece=10, give_way=0.02, longest_pause=0.0)
LOOKS = ("Get-MailboxPermission", "Get-MailboxFolderPermission")


def looks(wire: Wire) -> int:
    """How often the rights on a mailbox were asked for."""
    return sum(call["cmdlet"] in LOOKS for call in wire.calls)


@pytest.fixture
def crowd(world: World) -> World:
    """Forty more mailboxes."""
    for number in range(40):
        world.add_user(f"u{number}", f"User {number}", drive=False)
    return world


async def until(house: House, world: World, reached: Callable[[Standing], bool]) -> None:
    """Wait until the index of a tenant stands like this."""
    for _ in range(2000):
        if reached(await house.rights.standing(world.id)):
            return
        await asyncio.sleep(0.01)
    pytest.fail("It took too long.")


async def index_of(house: House, world: World, **more: Any) -> Any:
    return await build_index(house, world.id, "builder", pace=FAST, **more)


async def plan(house: House, world: World, user: str = "ada@contoso.example", **more: Any) -> Preview:
    return await preview(house, await accept(house, world.id, [user], RIGHTS, **more))


def changes(planned: Preview | Offboarding) -> list[str]:
    record = planned.offboardings[0] if isinstance(planned, Preview) else planned
    return sorted(change.change.what for task in record.tasks for change in task.changes)


def index_notes(record: Offboarding) -> list[str]:
    return [note.text for task in record.tasks for note in task.notes if note.code == "rights_from_index"]


class TestBuilding:
    async def test_one_look_serves_everybody(self, house: House, crowd: World, wire: Wire) -> None:
        crowd.give_full_access("u1", "ada")
        crowd.give_full_access("u2", "bob")
        crowd.give_calendar("u3", "ada", "Editor")
        told: list[tuple[int, int]] = []

        standing = await index_of(house, crowd, tell=lambda done, of: told.append((done, of)))

        assert (standing.mailboxes, standing.unread, standing.building) == (43, 0, False)
        assert (told[0], told[-1]) == ((0, 43), (43, 43))
        assert wire.writes == []
        built = looks(wire)
        assert changes(await plan(house, crowd)) == ["calendar of User 3", "full access: User 1"]
        assert changes(await plan(house, crowd, "bob@contoso.example")) == ["full access: User 2"]
        assert looks(wire) - built == 3, "one live look for each entry that the index names"

    async def test_throttling_slows_it_down_and_does_not_stop_it(
        self, house: House, crowd: World, behaviour: Behaviour
    ) -> None:
        behaviour.exchange_concurrency = 2
        for cmdlet in LOOKS:
            busy = Fault(cmdlet, status=429, headers={"Retry-After": "0"}, times=15, skip=5)
            behaviour.faults.append(busy)
        crowd.give_full_access("u39", "ada")

        standing = await index_of(house, crowd)

        assert (standing.mailboxes, standing.unread) == (43, 0)
        assert changes(await plan(house, crowd)) == ["full access: User 39"]

    async def test_one_that_is_killed_in_the_middle_is_gone_on_with(
        self, house: House, crowd: World, wire: Wire, behaviour: Behaviour
    ) -> None:
        crowd.give_full_access("u1", "ada")
        crowd.give_full_access("u39", "ada")
        reached = asyncio.Event()

        def tell(done: int, _: int) -> None:
            if done >= 20:
                reached.set()

        behaviour.latency = {"exchange": 5}
        first = asyncio.create_task(index_of(house, crowd, tell=tell))
        await reached.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        between = await house.rights.standing(crowd.id)
        assert between.as_of is None
        assert between.done >= 20

        await index_of(house, crowd)

        assert looks(wire) <= 2 * 43 + 2 * FAST.piece, "what was kept is not asked again"
        assert changes(await plan(house, crowd)) == ["full access: User 1", "full access: User 39"]

    async def test_of_two_builders_one_builds(self, house: House, crowd: World, wire: Wire) -> None:
        ended = await asyncio.gather(index_of(house, crowd), index_of(house, crowd), return_exceptions=True)

        refused = [each for each in ended if isinstance(each, Unusable)]
        assert [error.code for error in refused] == ["already_running"]
        assert looks(wire) == 2 * 43

    async def test_one_whose_lease_was_taken_over_keeps_nothing_more(
        self, house: House, crowd: World, behaviour: Behaviour
    ) -> None:
        behaviour.latency = {"exchange": 20}
        frozen = asyncio.create_task(index_of(house, crowd))
        await asyncio.sleep(0.1)
        async with house.database.begin() as connection:  # as if it had slept past its lease
            await connection.exec_driver_sql("UPDATE rights_indexes SET lease_until = NULL")

        taken = await house.rights.claim(crowd.id, "another", 60)

        assert taken is not None
        with pytest.raises(LeaverError, match="Another process"):
            await frozen
        standing = await house.rights.standing(crowd.id)
        assert (standing.building, standing.as_of, standing.problem) == (True, None, "")

    async def test_it_gives_way_to_an_offboarding_of_the_tenant(
        self, house: House, crowd: World, wire: Wire, desk: Desk
    ) -> None:
        planned = await desk.preview("ada@contoso.example", settings={"disable_sign_in": True})
        (record,) = await desk_of.accept_plan(house.offboardings, planned)
        lease = await house.leases.claim(record.id, "worker", 60)
        assert lease is not None
        before = len(wire.calls)

        building = asyncio.create_task(index_of(house, crowd))
        await asyncio.sleep(0.2)

        assert len(wire.calls) == before
        await house.leases.release(lease)
        assert (await building).mailboxes == 43

    async def test_a_tenant_that_is_never_at_rest_gets_its_turn_later(self, house: House, crowd: World) -> None:
        planned = await preview(house, await accept(house, crowd.id, ["ada@contoso.example"], RIGHTS))
        (record,) = await desk_of.accept_plan(house.offboardings, planned)
        assert await house.leases.claim(record.id, "worker", 60)

        with pytest.raises(LeaverError, match="go first"):
            await build_index(house, crowd.id, "builder", pace=replace(FAST, give_way_at_most=0.05))

        standing = await house.rights.standing(crowd.id)
        assert standing.retry_at is not None
        assert standing.building is False

    async def test_a_mailbox_that_refuses_is_left_to_the_plan(
        self, house: House, crowd: World, behaviour: Behaviour
    ) -> None:
        broken = crowd.users["u7"].id
        refusal = {"error": {"code": "BadRequest", "message": "The mailbox database is corrupt."}}
        behaviour.faults.append(Fault(f"Get-MailboxPermission {broken}", status=400, body=refusal, times=None))

        standing = await index_of(house, crowd)

        assert (standing.mailboxes, standing.unread) == (42, 1)
        (record,) = (await plan(house, crowd)).offboardings
        assert record.task("remove_mailbox_permissions").outcome is Outcome.BLOCKED, "as without an index"
        behaviour.faults.clear()
        crowd.give_full_access("u7", "ada")
        assert changes(await plan(house, crowd)) == ["full access: User 7"]

    async def test_when_everything_is_refused_it_says_why_and_rests(
        self, house: House, crowd: World, behaviour: Behaviour
    ) -> None:
        refusal = {"error": {"code": "Forbidden", "message": "No."}}
        behaviour.faults.append(Fault("Get-MailboxPermission", status=403, body=refusal, times=None))

        with pytest.raises(Forbidden):
            await index_of(house, crowd)

        standing = await house.rights.standing(crowd.id)
        assert standing.problem
        assert standing.as_of is None
        assert crowd.id not in await house.rights.due(timedelta(hours=1))

    async def test_a_service_that_stays_busy_is_left_in_peace(self, house: House, crowd: World, wire: Wire) -> None:
        async with impatient(house.config, wire) as house:
            wire.app.state.simulator.behaviour.faults.append(
                Fault("Get-MailboxPermission", status=429, headers={"Retry-After": "30"}, times=None)
            )

            with pytest.raises(Throttled):
                await index_of(house, crowd)

            assert (await house.rights.standing(crowd.id)).retry_at is not None

    async def test_a_tenant_removed_meanwhile_ends_it(self, house: House, crowd: World, behaviour: Behaviour) -> None:
        behaviour.latency = {"exchange": 20}
        building = asyncio.create_task(index_of(house, crowd))
        await asyncio.sleep(0.1)

        await house.tenants.remove(crowd.id)

        with pytest.raises(LeaverError):
            await building
        assert await house.rights.standings() == {}


@asynccontextmanager
async def impatient(config: Config, wire: Wire) -> AsyncIterator[House]:
    """A house whose calls wait for nothing."""
    http = Http(transport=httpx.ASGITransport(wire.app), budget=1.0)
    house = build(config, http)
    yield house
    await http.aclose()
    await house.database.close()


class TestSurveyor:
    async def test_it_builds_what_is_missing_then_what_is_old(self, house: House, world: World, cloud: Cloud) -> None:
        other = cloud.add_world("fabrikam.example", "Fabrikam")
        other.add_user("carl", "Carl Example")
        await house.tenants.save(KnownTenant(other.id, other.domain, other.name, [other.domain]))
        surveyor = Surveyor(house, "worker", FAST)

        await surveyor.once()

        first = await house.rights.standings()
        assert {tenant_id: each.mailboxes for tenant_id, each in first.items()} == {world.id: 3, other.id: 1}
        await surveyor.once()
        assert await house.rights.standings() != {}
        again = await house.rights.standings()
        assert [again[each].as_of for each in first] == [first[each].as_of for each in first]

    async def test_a_tenant_that_cannot_be_read_does_not_hold_the_others_up(
        self, house: House, world: World, behaviour: Behaviour, cloud: Cloud
    ) -> None:
        other = cloud.add_world("fabrikam.example", "Fabrikam")
        await house.tenants.save(KnownTenant(other.id, other.domain, other.name, [other.domain]))
        refusal = {"error": {"code": "Forbidden", "message": "No."}}
        behaviour.faults.append(Fault("Get-Mailbox", status=403, body=refusal, times=None, tenant=world.id))

        await Surveyor(house, "worker", FAST).once()

        found = await house.rights.standings()
        assert found[world.id].problem
        assert found[other.id].as_of is not None

    async def test_switched_off_it_builds_only_what_was_asked_for(
        self, config: Config, wire: Wire, world: World
    ) -> None:
        async with impatient(replace(config, rights_index_hours=0.0), wire) as house:
            await house.tenants.save(KnownTenant(world.id, world.domain, world.name, [world.domain]))
            surveyor = Surveyor(house, "worker", replace(FAST, first_round=0.0, look_for_wishes=0.01))
            surveyor.start()
            try:
                await asyncio.sleep(0.1)
                assert (await house.rights.standing(world.id)).as_of is None

                await house.rights.want(world.id)

                await until(house, world, lambda standing: standing.as_of is not None)
            finally:
                await surveyor.stop()

    async def test_it_forgets_what_is_too_old_to_go_by_and_builds_nothing_that_nobody_may_go_by(
        self, config: Config, wire: Wire, world: World
    ) -> None:
        async with impatient(replace(config, rights_index_max_hours=0.0), wire) as house:
            await house.tenants.save(KnownTenant(world.id, world.domain, world.name, [world.domain]))
            await index_of(house, world)

            await Surveyor(house, "worker", FAST).once()

            assert (await house.rights.standing(world.id)).as_of is None

    async def test_stopping_in_the_middle_leaves_it_to_the_next_one(
        self, house: House, crowd: World, behaviour: Behaviour
    ) -> None:
        behaviour.latency = {"exchange": 20}
        surveyor = Surveyor(house, "worker", replace(FAST, first_round=0.0))
        surveyor.start()
        await until(house, crowd, lambda standing: standing.done > 0)

        await surveyor.stop()

        standing = await house.rights.standing(crowd.id)
        assert (standing.building, standing.as_of) == (False, None)
        assert standing.done > 0
        assert await house.rights.due(timedelta(hours=1)) == [crowd.id]


class TestPlanning:
    async def test_a_plan_that_goes_by_an_index_says_so_and_what_it_may_have_missed(
        self, house: House, crowd: World, wire: Wire
    ) -> None:
        crowd.give_full_access("u1", "ada")
        standing = await index_of(house, crowd)
        before = looks(wire)

        (record,) = (await plan(house, crowd)).offboardings

        assert looks(wire) - before == 1
        calendars, full_access = index_notes(record)
        assert f"Looked at 1 of 42 mailboxes: 1 that the rights index of {standing.as_of:%Y-%m-%d %H:%M}" in full_access
        assert "Looked at 0 of 42 mailboxes" in calendars
        assert "full scan" in full_access
        facts = record.task("remove_mailbox_permissions").facts_before
        assert isinstance(facts, dict)
        assert facts["looked"]["as_of"] is not None

    async def test_without_an_index_every_mailbox_is_looked_through(
        self, house: House, crowd: World, wire: Wire
    ) -> None:
        crowd.give_full_access("u1", "ada")

        (record,) = (await plan(house, crowd)).offboardings

        assert (changes(record), index_notes(record)) == (["full access: User 1"], [])
        assert looks(wire) == 2 * 42
        facts = record.task("remove_mailbox_permissions").facts_before
        assert isinstance(facts, dict)
        assert facts["looked"] == {"mailboxes": 42, "looked_at": 42, "as_of": None, "named": 0, "unknown": 0}

    async def test_a_full_scan_finds_what_was_given_since(self, house: House, crowd: World) -> None:
        await index_of(house, crowd)
        crowd.give_full_access("u1", "ada")
        crowd.give_calendar("u2", "ada", "Editor")

        assert changes(await plan(house, crowd)) == []
        full = await plan(house, crowd, full_scan=True)
        assert changes(full) == ["calendar of User 2", "full access: User 1"]
        assert index_notes(full.offboardings[0]) == []

    async def test_an_index_that_is_too_old_is_not_gone_by(self, house: House, crowd: World, wire: Wire) -> None:
        await index_of(house, crowd)
        crowd.give_full_access("u1", "ada")
        strict = replace(house, config=replace(house.config, rights_index_max_hours=0.0))

        (record,) = (await plan(strict, crowd)).offboardings

        assert (changes(record), index_notes(record)) == (["full access: User 1"], [])

    async def test_a_right_that_has_gone_since_is_nothing(self, house: House, crowd: World) -> None:
        crowd.give_full_access("u1", "ada")
        crowd.give_calendar("u2", "ada", "Editor")
        await index_of(house, crowd)
        crowd.mailboxes["u1"].full_access.clear()
        del crowd.users["u2"], crowd.mailboxes["u2"]

        (record,) = (await plan(house, crowd)).offboardings

        assert changes(record) == []
        assert {task.outcome for task in record.tasks} == {Outcome.ALREADY_IN_PLACE}

    async def test_a_mailbox_that_came_since_is_looked_at(self, house: House, crowd: World) -> None:
        await index_of(house, crowd)
        crowd.add_user("newcomer", "New Comer")
        crowd.give_full_access("newcomer", "ada")

        (record,) = (await plan(house, crowd)).offboardings

        assert changes(record) == ["full access: New Comer"]
        assert "1 that the index does not know" in index_notes(record)[0]

    async def test_somebody_who_was_renamed_since_is_still_found(self, house: House, crowd: World) -> None:
        crowd.give_full_access("u1", "ada")
        crowd.give_calendar("u2", "ada", "Editor")
        await index_of(house, crowd)
        ada = crowd.users["ada"]
        ada.upn, ada.display_name, ada.mail = "a.married@contoso.example", "Ada Married", "a.married@contoso.example"

        assert changes(await plan(house, crowd, ada.upn)) == ["calendar of User 2", "full access: User 1"]

    async def test_a_namesake_s_right_is_left_alone_as_without_an_index(self, house: House, crowd: World) -> None:
        crowd.add_user("ada2", "Ada Example")
        crowd.mailboxes["u2"].calendar_permissions.append(FolderPermission("ada2", ["Editor"]))
        await index_of(house, crowd)

        (record,) = (await plan(house, crowd)).offboardings

        codes = {note.code for note in record.task("remove_calendar_permissions").notes}
        assert (changes(record), "ambiguous_calendar_right" in codes) == ([], False)

    async def test_a_plan_made_with_an_index_is_carried_out_and_proved_by_live_looks(
        self, house: House, crowd: World, desk: Desk
    ) -> None:
        crowd.give_full_access("u1", "ada")
        crowd.give_full_access("u1", "bob")
        crowd.give_calendar("u2", "ada", "Editor")
        await index_of(house, crowd)

        (record,) = await desk.offboard("ada@contoso.example", settings=RIGHTS)

        assert {task.outcome for task in record.tasks} == {Outcome.VERIFIED}
        assert [entry.user for entry in crowd.mailboxes["u1"].full_access] == ["bob"]
        assert len(index_notes(record)) == 2, "the proof says how far the look went"

    async def test_an_undo_puts_back_and_reads_back_although_the_index_is_younger(
        self, house: House, crowd: World, desk: Desk
    ) -> None:
        crowd.give_full_access("u1", "ada")
        (record,) = await desk.offboard("ada@contoso.example", settings=RIGHTS)
        await index_of(house, crowd)
        undo = await desk_of.Desk(house).undo(record.id, Actor("test"))
        await drive(house, undo.id, owner="test", look_again=desk.look_again)

        assert (await house.offboardings.get(undo.id)).state.value == "completed"
        assert [entry.user for entry in crowd.mailboxes["u1"].full_access] == ["ada"]

    async def test_what_an_interrupted_run_changed_is_looked_at_whatever_the_index_says(
        self, house: House, crowd: World, desk: Desk, wire: Wire
    ) -> None:
        crowd.give_full_access("u1", "ada")
        (record,) = await desk.offboard("ada@contoso.example", settings=RIGHTS)
        await index_of(house, crowd)
        before = looks(wire)

        task = planned_for(house, await reopen(house, record)).make("remove_mailbox_permissions")
        (note,) = task.plan(await task.inspect())

        assert looks(wire) - before == 1
        assert isinstance(note, Note)
        assert "1 where this offboarding has changed something" in note.text

    @pytest.mark.parametrize("full_scan", [True, False])
    async def test_the_choice_stays_with_the_offboarding(self, house: House, crowd: World, full_scan: bool) -> None:
        """A scheduled run and a retry look as far as was asked for."""
        planned = await plan(house, crowd, full_scan=full_scan)
        (record,) = await desk_of.accept_plan(house.offboardings, planned)
        await index_of(house, crowd)
        crowd.give_full_access("u1", "ada")

        kept = await house.offboardings.get(record.id)
        again = await preview(house, [await reopen(house, kept)])

        assert kept.full_scan is full_scan
        assert changes(again) == (["full access: User 1"] if full_scan else [])
        await end_and_retry(house, kept)
        assert (await house.offboardings.get(record.id)).full_scan is full_scan


async def end_and_retry(house: House, record: Offboarding) -> None:
    record.ended_at = record.requested_at
    await house.offboardings.save(record)
    await desk_of.retry(house, record.id, Actor("test"))


async def test_how_it_stands_is_said_to_programs(house: House, world: World) -> None:
    none = as_json(await house.rights.standing(world.id), house.config)
    await ask_for_index(house, world.id, Actor("grace"))
    asked = as_json(await house.rights.standing(world.id), house.config)
    built: dict[str, Any] = as_json(await index_of(house, world), house.config)

    assert (none["as_of"], none["usable"], none["building"]) == (None, False, None)
    assert asked["wanted_at"] is not None
    assert (built["mailboxes"], built["usable"], built["wanted_at"], built["age_seconds"] < 60) == (3, True, None, True)
    entries = [entry async for entry in house.audit.entries()]
    assert entries[-1]["what"] == "rights_index.asked_for"
