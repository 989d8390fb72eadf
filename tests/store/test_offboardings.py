"""What the store promises about offboardings, on both databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from leaver.domain.actor import Actor
from leaver.domain.errors import LeaseLost, Unusable
from leaver.domain.offboarding import ChangeRecord, Offboarding, Pruned, TaskRecord
from leaver.domain.outcome import Outcome
from leaver.domain.people import Leaver, TenantName
from leaver.domain.plan import Change, info
from leaver.store.audit import Audit
from leaver.store.database import Database
from leaver.store.leases import Leases
from leaver.store.offboardings import Offboardings

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TENANT = "11111111-1111-4111-8111-111111111111"
WHO = Actor("Tess")


def hashed(_: Offboarding) -> str:
    """What the evidence hashes to."""
    return "the hash"


def one(number: int = 1, user: str = "u1", tenant: str = TENANT) -> Offboarding:
    """An offboarding with something of everything."""
    change = ChangeRecord(Change("group Sales", "member", None, {"group_id": "g1"}), made_at=NOW)
    task = TaskRecord("remove_groups", "clear_out", "Remove from all groups", changes=[change])
    task.notes, task.facts_before = [info("dynamic_group", "It leaves by itself.")], {"groups": ["Sales"]}
    return Offboarding(
        f"o{number:04}",
        TenantName(tenant, "contoso.example", "Contoso"),
        Leaver(user, f"{user}@contoso.example", f"User 50%_{number}"),
        {"remove_groups": True},
        NOW + timedelta(seconds=number),
        NOW,
        tasks=[task],
        reference=f"T-{number}",
    )


@pytest.fixture
def kept(database: Database) -> Offboardings:
    """The offboardings of an empty database."""
    return Offboardings(database)


@pytest.fixture
def leases(database: Database) -> Leases:
    """Who works on them."""
    return Leases(database)


async def test_it_is_read_back_as_it_was_kept(kept: Offboardings) -> None:
    record = await kept.add(one())
    record.task("remove_groups").outcome = Outcome.VERIFIED
    record.started = True
    await kept.save_tasks(record, record.tasks[:1])

    read = await kept.get("o0001")

    assert read.to_store() == record.to_store()
    assert (await kept.get("o00")).id == "o0001"


async def test_a_user_has_one_active_offboarding(kept: Offboardings) -> None:
    first = await kept.add(one(1))

    with pytest.raises(Unusable, match="o0001"):
        await kept.add(one(2))

    first.ended_at = NOW
    await kept.save(first)
    await kept.add(one(2))


async def test_of_many_that_accept_the_same_user_at_once_one_wins(kept: Offboardings) -> None:
    results = await asyncio.gather(*(kept.add(one(number)) for number in range(8)), return_exceptions=True)

    assert sum(isinstance(result, Offboarding) for result in results) == 1
    assert all(isinstance(result, (Offboarding, Unusable)) for result in results)


async def test_the_same_request_twice_is_one_offboarding(kept: Offboardings) -> None:
    first = await kept.add(one(1), idempotency_key="k", request_hash="a")
    again = await kept.add(one(2), idempotency_key="k", request_hash="a")

    assert again.id == first.id
    with pytest.raises(Unusable, match="another request"):
        await kept.add(one(3, user="u2"), idempotency_key="k", request_hash="b")


async def test_of_many_that_claim_at_once_one_wins(kept: Offboardings, leases: Leases) -> None:
    await kept.add(one())

    taken = await asyncio.gather(*(leases.claim("o0001", f"w{number}", 60) for number in range(8)))

    assert len([lease for lease in taken if lease]) == 1


async def test_a_lease_runs_out_and_the_old_holder_can_keep_nothing_more(kept: Offboardings, leases: Leases) -> None:
    record = await kept.add(one())
    old = await leases.claim("o0001", "w1", 1.5)
    assert old is not None
    assert await leases.due() == []
    await asyncio.sleep(1.6)
    assert [item.id for item in await leases.due()] == ["o0001"]
    new = await leases.claim("o0001", "w2", 60)
    assert new is not None

    assert await leases.renew(old, 60) is False
    for save in (kept.save(record, old), kept.save_tasks(record, record.tasks[:1], old)):
        with pytest.raises(LeaseLost):
            await save
    await leases.release(old)
    assert await leases.claim("o0001", "w3", 60) is None
    await kept.save(record, new)


async def test_what_is_scheduled_or_waits_is_due_at_its_time(kept: Offboardings, leases: Leases) -> None:
    later = one(1, "u1")
    later.at = datetime.now(UTC) + timedelta(hours=1)
    waiting = one(2, "u2")
    waiting.started, waiting.wake_at = True, datetime.now(UTC) + timedelta(hours=1)
    urgent, bulk = one(3, "u3"), one(4, "u4")
    urgent.priority, bulk.priority = 1, 10
    for record in (later, waiting, bulk, urgent):
        await kept.add(record)

    assert [item.id for item in await leases.due()] == ["o0003", "o0004"]
    await kept.request_cancel(later)
    assert "o0001" in [item.id for item in await leases.due()]


async def test_hundreds_of_one_tenant_leave_every_other_its_turn(kept: Offboardings, leases: Leases) -> None:
    other = "22222222-2222-4222-8222-222222222222"
    for number in range(8):
        await kept.add(one(number, f"u{number}"))
    for number in range(8, 10):
        await kept.add(one(number, f"u{number}", other))
    urgent = one(10, "u10")
    urgent.priority = 1
    await kept.add(urgent)

    turns = [item.id for item in await leases.due(limit=6)]

    assert turns == ["o0010", "o0008", "o0000", "o0009", "o0001", "o0002"]


async def test_pages_hold_everything_once_the_latest_first(kept: Offboardings) -> None:
    for number in range(25):
        await kept.add(one(number, f"u{number}"))

    seen: list[str] = []
    cursor = ""
    while True:
        page, cursor = await kept.page(limit=10, after=cursor)
        seen += [record.id for record in page]
        if not cursor:
            break

    assert seen == [f"o{number:04}" for number in reversed(range(25))]
    with pytest.raises(Unusable, match="cursor"):
        await kept.page(after="nonsense")


async def test_lists_can_be_narrowed(kept: Offboardings) -> None:
    await kept.add(one(1, "ada"))
    await kept.add(one(2, "bob", "22222222-2222-4222-8222-222222222222"))

    async def ids(**filters: object) -> list[str]:
        return [record.id for record in (await kept.page(**filters))[0]]

    assert await ids(tenant_ids=[TENANT]) == ["o0001"]
    assert await ids(tenant_ids=[]) == []
    assert await ids(text="BOB@") == ["o0002"]
    assert await ids(text="50%_1") == ["o0001"]
    assert await ids(states=["completed"]) == []
    assert await ids(reference="T-2") == ["o0002"]
    assert await kept.counts() == {"planned": 2}


async def test_the_revision_rises_with_every_save(kept: Offboardings) -> None:
    record = await kept.add(one())
    before = await kept.revision("o0001")

    await kept.save_tasks(record, record.tasks[:1])

    assert await kept.revision("o0001") == before + 1 == record.revision


async def test_pruning_keeps_the_frame_the_state_and_the_hash(kept: Offboardings, database: Database) -> None:
    record = await kept.add(one())
    assert await kept.prune(NOW + DAY, hashed, WHO) == []
    record.ended_at, record.started, record.tasks[0].outcome = NOW, True, Outcome.FAILED
    record.decisions, record.report_to = {"last_owner:g1": "bob@contoso.example"}, ["boss@contoso.example"]
    await kept.save(record)

    assert await kept.prune(NOW + DAY, hashed, WHO) == ["o0001"]
    assert await kept.prune(NOW + DAY, hashed, WHO) == []

    left = await kept.get("o0001")
    assert (left.tasks, left.settings, left.user.upn) == ([], {}, "u1@contoso.example")
    assert (left.decisions, left.report_to, left.people) == ({}, [], {})
    assert (left.state.value, left.pruned) == ("failed", Pruned("failed", "the hash"))
    (told,) = [each async for each in Audit(database).entries() if each["what"] == "offboarding.pruned"]
    assert (told["actor"], told["after"]) == ("Tess", {"state": "failed", "sha256": "the hash"})
    assert await Audit(database).verify() == []


async def test_what_was_asked_for_long_ago_and_ended_lately_is_not_pruned(kept: Offboardings) -> None:
    record = await kept.add(one())
    record.ended_at = NOW + 300 * DAY  # it was scheduled, or retried
    await kept.save(record)

    assert await kept.prune(NOW + 299 * DAY, hashed, WHO) == []
    assert (await kept.get("o0001")).tasks


async def test_what_is_retried_while_others_are_pruned_is_left_alone(
    kept: Offboardings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leaver.store.offboardings.PRUNED_AT_ONCE", 1)
    for number in (1, 2):
        record = await kept.add(one(number, f"u{number}"))
        record.ended_at = NOW
        await kept.save(record)
    plain = kept._prune

    async def retried_meanwhile(ids: Any, *rest: Any) -> list[str]:
        if list(ids) == ["o0002"]:
            second = await kept.get("o0002")
            second.ended_at = None
            await kept.reopen(second)
        return await plain(ids, *rest)

    monkeypatch.setattr(kept, "_prune", retried_meanwhile)

    assert await kept.prune(NOW + DAY, hashed, WHO) == ["o0001"]
    assert (await kept.get("o0002")).tasks


async def test_who_has_an_offboarding_under_way_is_known_by_user(kept: Offboardings) -> None:
    running, ended, elsewhere = one(1, "u1"), one(2, "u2"), one(3, "u3", tenant="22222222-2222-4222-8222-222222222222")
    scheduled, ended.ended_at = one(4, "u4"), NOW
    scheduled.at, scheduled.asked_by = NOW + DAY, "Tess"
    scheduled.tasks[0].changes[0].made_at = None
    for each in (running, ended, elsewhere, scheduled):
        await kept.add(each)

    found = await kept.under_way(TENANT)

    assert set(found) == {"u1", "u4"}
    assert (found["u4"].state, found["u4"].at, found["u4"].asked_by) == (scheduled.state.value, NOW + DAY, "Tess")


async def test_a_trail_that_was_cut_off_with_its_head_is_noticed(kept: Offboardings, database: Database) -> None:
    for number in (1, 2):
        await kept.add(one(number, f"u{number}"))
    audit = Audit(database)
    assert (await audit.verify(), (await audit.last())[0]) == ([], 2)
    drop = {"sqlite": "DROP TRIGGER {0}", "postgresql": "DROP TRIGGER {0} ON audit"}[database.dialect]
    find = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = 'audit'::regclass",
    }[database.dialect]

    async with database.begin() as connection:
        for name in (await connection.execute(text(find))).scalars().all():
            await connection.execute(text(drop.format(name)))
        await connection.execute(text("DELETE FROM audit WHERE number = 2"))
        await connection.execute(
            text("UPDATE audit_head SET number = 1, hash = (SELECT hash FROM audit WHERE number = 1)")
        )

    assert await audit.verify() == ["The trail does not tell who asked for o0002: entries are gone."]
