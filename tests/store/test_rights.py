"""What the store promises about rights indexes, on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from leaver.domain.errors import LeaseLost, Unusable
from leaver.domain.rights import CALENDAR, FULL_ACCESS, Held, MailboxRights, words_of
from leaver.store import tables
from leaver.store.database import Database
from leaver.store.rights import Build, RightsIndexes
from leaver.store.tenants import KnownTenant, Tenants

TENANT = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
DAY = timedelta(days=1)


def mailbox(name: str, *held: Held, guid: str = "") -> MailboxRights:
    return MailboxRights(name, guid or f"guid-{name}", words_of((name, f"{name}@contoso.example")), held)


def right(who: str, kind: str = FULL_ACCESS) -> Held:
    return Held(kind, words_of([who]), ("Editor",) if kind == CALENDAR else ())


@pytest.fixture
async def rights(database: Database) -> RightsIndexes:
    """The indexes of a database that knows two tenants."""
    tenants = Tenants(database)
    for tenant_id in (TENANT, OTHER):
        await tenants.save(KnownTenant(tenant_id, "contoso.example", "Contoso"))
    return RightsIndexes(database)


async def claimed(rights: RightsIndexes, owner: str = "w1", ttl: float = 60, tenant_id: str = TENANT) -> Build:
    build = await rights.claim(tenant_id, owner, ttl)
    assert build is not None
    return build


async def built(rights: RightsIndexes, *found: MailboxRights, tenant_id: str = TENANT) -> None:
    build = await claimed(rights, tenant_id=tenant_id)
    await rights.keep(build, found, len(found))
    await rights.finish(build)


async def rows(database: Database) -> tuple[int, int]:
    async with database.begin(write=False) as connection:
        counted = [
            (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (tables.rights_mailboxes, tables.rights_entries)
        ]
    return counted[0], counted[1]


async def test_an_index_says_on_which_mailboxes_somebody_is_named(rights: RightsIndexes) -> None:
    await built(
        rights,
        mailbox("bob", right("Ada@Contoso.example"), right("grace")),
        mailbox("grace", right("ada", CALENDAR)),
        mailbox("info", right("ADA-ID"), right("Ada Example", CALENDAR)),
    )

    known = await rights.known(TENANT, DAY)
    assert known is not None

    words = words_of(("ada-id", "ada@contoso.example", "Ada example"))
    assert await known.holding(FULL_ACCESS, "ada-id", words) == frozenset({"bob", "info"})
    assert await known.holding(CALENDAR, "ada-id", words) == frozenset({"info"})
    assert await known.holding(FULL_ACCESS, "x", words_of(["nobody"])) == frozenset()
    assert await known.holding(FULL_ACCESS, "x", ()) == frozenset()


async def test_somebody_is_found_by_the_names_they_had_when_it_was_built(rights: RightsIndexes) -> None:
    await built(rights, mailbox("ada"), mailbox("bob", right("ada@contoso.example")))

    known = await rights.known(TENANT, DAY)
    assert known is not None

    assert await known.holding(FULL_ACCESS, "ada", words_of(["ada.married@contoso.example"])) == frozenset({"bob"})


async def test_many_words_are_asked_for(rights: RightsIndexes) -> None:
    await built(rights, mailbox("bob", right("alias-999@contoso.example")))
    known = await rights.known(TENANT, DAY)
    assert known is not None

    words = [f"alias-{n}@contoso.example" for n in range(1000)]
    assert await known.holding(FULL_ACCESS, "x", words) == frozenset({"bob"})


async def test_it_knows_which_mailboxes_were_looked_at(rights: RightsIndexes) -> None:
    await built(rights, mailbox("bob"), MailboxRights("old"))

    known = await rights.known(TENANT, DAY)
    assert known is not None

    assert known.knows("bob", "guid-bob")
    assert known.knows("bob", "")
    assert known.knows("old", "any")
    assert not known.knows("bob", "another mailbox of the same user")
    assert not known.knows("eve", "guid-eve")


async def test_words_that_no_database_likes_are_kept(rights: RightsIndexes) -> None:
    odd = "ÅSA " + "x" * 500 + "\0 \N{SNOWMAN}' OR 1=1"
    await built(rights, mailbox("bob", Held(CALENDAR, words_of([odd]), ("Reviewer",))))
    known = await rights.known(TENANT, DAY)
    assert known is not None

    assert await known.holding(CALENDAR, "x", words_of([odd.lower()])) == frozenset({"bob"})


async def test_tenants_do_not_see_each_others_index(rights: RightsIndexes) -> None:
    await built(rights, mailbox("bob", right("ada")))
    await built(rights, mailbox("eve"), tenant_id=OTHER)

    known = await rights.known(OTHER, DAY)
    assert known is not None

    assert await known.holding(FULL_ACCESS, "ada", ["ada"]) == frozenset()
    assert not known.knows("bob", "")


async def test_there_is_none_before_the_first_one_is_complete(rights: RightsIndexes) -> None:
    build = await claimed(rights)
    await rights.keep(build, [mailbox("bob", right("ada"))], 2)

    assert await rights.known(TENANT, DAY) is None
    standing = await rights.standing(TENANT)
    assert (standing.as_of, standing.building, standing.done, standing.of) == (None, True, 1, 2)


async def test_the_old_one_serves_until_the_new_one_is_complete_and_then_goes(
    rights: RightsIndexes, database: Database
) -> None:
    await built(rights, mailbox("bob", right("ada")), mailbox("grace", right("ada")))
    build = await claimed(rights, "w2")
    await rights.keep(build, [mailbox("bob")], 1)
    old = await rights.known(TENANT, DAY)
    assert old is not None
    assert await old.holding(FULL_ACCESS, "x", ["ada"]) == frozenset({"bob", "grace"})

    await rights.finish(build, unread=3)

    new = await rights.known(TENANT, DAY)
    assert new is not None
    assert await new.holding(FULL_ACCESS, "x", ["ada"]) == frozenset()
    assert await old.holding(FULL_ACCESS, "x", ["ada"]) is None, "a replaced one must not pass for an empty one"
    assert await rows(database) == (1, 0)
    assert (await rights.standing(TENANT)).unread == 3


async def test_its_age_counts_from_the_moment_when_the_look_began(rights: RightsIndexes) -> None:
    build = await claimed(rights)
    await asyncio.sleep(0.05)
    await rights.finish(build)

    standing = await rights.standing(TENANT)

    assert standing.as_of is not None
    assert standing.finished_at is not None
    assert standing.finished_at - standing.as_of >= timedelta(seconds=0.05)
    assert await rights.known(TENANT, timedelta(seconds=0.04)) is None
    assert await rights.known(TENANT, DAY) is not None


async def test_of_many_that_claim_at_once_one_wins(rights: RightsIndexes) -> None:
    builds = await asyncio.gather(*(rights.claim(TENANT, f"w{number}", 60) for number in range(8)))

    assert len([build for build in builds if build]) == 1


async def test_a_lease_runs_out_and_the_next_one_goes_on_from_what_was_kept(rights: RightsIndexes) -> None:
    old = await claimed(rights, ttl=0.05)
    await rights.keep(old, [mailbox("bob", right("ada"))], 2)
    await asyncio.sleep(0.1)

    new = await claimed(rights, "w2")

    assert new.number == old.number
    assert await rights.looked_at(new) == {"bob"}
    assert await rights.renew(old, 60) is False
    with pytest.raises(LeaseLost):
        await rights.keep(old, [mailbox("eve")], 2)
    with pytest.raises(LeaseLost):
        await rights.finish(old)
    await rights.release(old)
    assert await rights.claim(TENANT, "w3", 60) is None
    await rights.keep(new, [mailbox("grace", right("ada"))], 2)
    await rights.finish(new)
    known = await rights.known(TENANT, DAY)
    assert known is not None
    assert await known.holding(FULL_ACCESS, "x", ["ada"]) == frozenset({"bob", "grace"})


async def test_one_that_was_interrupted_long_ago_is_begun_anew(rights: RightsIndexes, database: Database) -> None:
    old = await claimed(rights)
    await rights.keep(old, [mailbox("bob", right("ada"))], 2)
    await rights.release(old)

    new = await claimed(RightsIndexes(database, go_on_within=timedelta(0)), "w2")

    assert new.number != old.number
    assert await rights.looked_at(new) == set()
    assert await rows(database) == (0, 0)


async def test_a_try_that_failed_says_why_and_rests(rights: RightsIndexes) -> None:
    build = await claimed(rights)
    await rights.keep(build, [mailbox("bob")], 2)

    await rights.give_up(build, "Exchange is away.", timedelta(hours=1))

    standing = await rights.standing(TENANT)
    assert (standing.problem, standing.building) == ("Exchange is away.", False)
    assert TENANT not in await rights.due(DAY)
    again = await claimed(rights, "w2")
    assert (again.tries, await rights.looked_at(again)) == (1, {"bob"})
    await rights.finish(again)
    assert (await rights.standing(TENANT)).problem == ""


async def test_due_are_those_who_were_asked_for_then_those_without_one_or_with_an_old_one(
    rights: RightsIndexes, database: Database
) -> None:
    third = "33333333-3333-4333-8333-333333333333"
    await Tenants(database).save(KnownTenant(third, "third.example"))
    await built(rights, mailbox("bob"))
    assert sorted(await rights.due(DAY)) == [OTHER, third]
    assert sorted(await rights.due(timedelta(0))) == [TENANT, OTHER, third]
    assert await rights.due(None) == []

    await rights.want(TENANT)

    assert (await rights.due(DAY))[0] == TENANT
    assert await rights.due(None) == [TENANT]
    build = await claimed(rights)
    assert await rights.due(None) == []
    await rights.finish(build)
    assert await rights.due(None) == []


async def test_asking_for_one_that_is_being_built_changes_nothing(rights: RightsIndexes) -> None:
    build = await claimed(rights)

    standing = await rights.want(TENANT)

    assert (standing.building, standing.wanted_at) == (True, None)
    await rights.finish(build)


async def test_a_tenant_that_is_forgotten_takes_its_index_with_it(rights: RightsIndexes, database: Database) -> None:
    await built(rights, mailbox("bob", right("ada")))
    await built(rights, mailbox("eve", right("ada")), tenant_id=OTHER)
    build = await claimed(rights, "w2")
    await rights.keep(build, [mailbox("bob", right("ada"))], 1)

    await Tenants(database).remove(TENANT)

    assert await rows(database) == (1, 1)
    with pytest.raises(LeaseLost):
        await rights.keep(build, [mailbox("grace")], 2)
    assert set(await rights.standings()) == {OTHER}
    with pytest.raises(Unusable, match="does not know"):
        await rights.claim(TENANT, "w3", 60)


async def test_saving_a_tenant_again_keeps_its_index(rights: RightsIndexes, database: Database) -> None:
    await built(rights, mailbox("bob"))

    await Tenants(database).save(KnownTenant(TENANT, "contoso.example", "Contoso Ltd"))

    assert await rights.known(TENANT, DAY) is not None


async def test_old_ones_are_pruned_and_so_are_unfinished_ones(rights: RightsIndexes, database: Database) -> None:
    await built(rights, mailbox("bob", right("ada")))
    left = await claimed(rights, tenant_id=OTHER)
    await rights.keep(left, [mailbox("eve", right("ada"))], 2)
    await rights.release(left)
    assert await rights.prune(DAY) == 0
    assert await rows(database) == (2, 2)

    assert await RightsIndexes(database, go_on_within=timedelta(0)).prune(timedelta(0)) == 1

    assert await rows(database) == (0, 0)
    assert await rights.known(TENANT, DAY) is None
    await built(rights, mailbox("bob", right("ada")))
    assert await rows(database) == (1, 1)


@pytest.mark.usefixtures("rights")
async def test_a_large_index_goes_in_slices(database: Database) -> None:
    rights = RightsIndexes(database, slice_=7)
    await built(rights, *(mailbox(f"m{number}", right("ada"), right("bob", CALENDAR)) for number in range(30)))

    await built(rights, mailbox("bob"))

    assert await rows(database) == (1, 0)
