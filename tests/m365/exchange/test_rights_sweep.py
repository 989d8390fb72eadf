"""The look through a tenant for somebody's rights: bounded, resumable, done once, and never on other people's word."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from leaver.domain.errors import NotFound, Refused, Unavailable
from leaver.domain.people import Leaver
from leaver.m365.exchange import rights
from leaver.m365.tenant import Tenant
from m365.stub_wires import Stubs

EVE_USER = {"displayName": "Eve Example", "proxyAddresses": ["SMTP:eve@contoso.example", "smtp:e.v@contoso.example"]}


def mailbox(number: int, kind: str = "UserMailbox") -> dict[str, str]:
    return {
        "ExternalDirectoryObjectId": f"id-{number}",
        "UserPrincipalName": f"user{number}@contoso.example",
        "DisplayName": f"User {number}",
        "DistinguishedName": f"CN=user{number},OU=contoso",
        "RecipientTypeDetails": kind,
    }


class Sweep:
    """A tenant of so many mailboxes; the permissions of each are what `entry` says."""

    def __init__(self, stubs: Stubs, eve: Leaver, count: int) -> None:
        self.stubs = stubs
        self.looked: list[str] = []
        self.under_way = self.most_under_way = 0
        self.fail_at = -1
        self.entries: dict[str, Any] = {}
        self.told: dict[str, Any] = {}
        """What is answered about one person on a mailbox."""
        stubs.exchange.answers["Get-Mailbox"] = [mailbox(number) for number in range(count)]
        stubs.graph.answers[f"/users/{eve.id}"] = {"id": eve.id, "userPrincipalName": eve.upn, **EVE_USER}
        self._read = stubs.exchange.read
        stubs.exchange.read = self.read  # type: ignore[method-assign]

    async def read(self, cmdlet: str, **parameters: Any) -> Any:
        if cmdlet != "Get-MailboxPermission":
            return await self._read(cmdlet, **parameters)
        identity = str(parameters["Identity"])
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(0)
            if len(self.looked) == self.fail_at:
                self.fail_at = -1
                raise Unavailable("Not now.")
            self.looked.append(identity)
            about = self.told if "User" in parameters else self.entries
            found = about.get(identity, [])
            if isinstance(found, Exception):
                raise found
            return found
        finally:
            self.under_way -= 1


def full_access(user: str, **more: Any) -> list[dict[str, Any]]:
    return [{"User": user, "AccessRights": ["FullAccess"], **more}]


@pytest.fixture
def sweep(stubs: Stubs, eve: Leaver) -> Sweep:
    return Sweep(stubs, eve, 700)


async def test_every_mailbox_is_looked_at_once_and_not_too_many_at_a_time(
    stubbed: Tenant, sweep: Sweep, eve: Leaver
) -> None:
    """E7: looking everywhere must not flood Exchange."""
    sweep.entries["id-3"] = full_access("eve@contoso.example")

    found = await stubbed.rights.full_access_of(eve)

    assert [each.id for each in found] == ["id-3"]
    assert (len(sweep.looked), len(set(sweep.looked))) == (700, 700)
    assert sweep.most_under_way <= rights._SIDE_BY_SIDE


async def test_an_interrupted_look_goes_on_where_it_stopped(stubbed: Tenant, sweep: Sweep, eve: Leaver) -> None:
    """E7: resumable."""
    sweep.entries["id-1"] = full_access("eve@contoso.example")
    sweep.fail_at = 400
    with pytest.raises(Unavailable):
        await stubbed.rights.full_access_of(eve)
    before = len(set(sweep.looked))

    found = await stubbed.fresh().rights.full_access_of(eve)

    assert [each.id for each in found] == ["id-1"]
    assert before >= 400
    assert len(sweep.looked) <= 700 + 1 + rights._SIDE_BY_SIDE


async def test_a_second_look_asks_only_about_what_the_first_has_found(
    stubbed: Tenant, sweep: Sweep, eve: Leaver
) -> None:
    """E8: what was found is read anew, not remembered."""
    sweep.entries["id-3"] = full_access("eve@contoso.example")
    await stubbed.rights.full_access_of(eve)
    sweep.looked.clear()
    sweep.entries["id-3"] = []

    found = await stubbed.fresh().rights.full_access_of(eve)

    assert (found, sweep.looked) == ((), ["id-3"])


async def test_another_run_looks_anew(stubbed: Tenant, sweep: Sweep, eve: Leaver) -> None:
    """E8: nothing is taken from a run before."""
    await stubbed.rights.full_access_of(eve)
    sweep.entries["id-9"] = full_access("eve@contoso.example")

    assert [each.id for each in await stubbed.acting_on(eve).rights.full_access_of(eve)] == ["id-9"]


async def test_a_right_that_was_just_given_is_looked_at_although_the_look_is_over(
    stubbed: Tenant, sweep: Sweep, eve: Leaver
) -> None:
    await stubbed.rights.full_access_of(eve)
    sweep.entries["id-5"] = full_access("eve@contoso.example")
    stubbed.rights.expect("full access", eve, "id-5")

    assert [each.id for each in await stubbed.fresh().rights.full_access_of(eve)] == ["id-5"]


async def test_a_mailbox_that_went_away_meanwhile_has_nothing_to_find(
    stubbed: Tenant, sweep: Sweep, eve: Leaver
) -> None:
    sweep.entries["id-5"] = NotFound("Gone.")

    assert await stubbed.rights.full_access_of(eve) == ()


async def test_a_mailbox_that_may_not_be_read_is_not_taken_for_one_without_rights(
    stubbed: Tenant, sweep: Sweep, eve: Leaver
) -> None:
    """E8: unknown is not none."""
    sweep.entries["id-5"] = Refused("No.")

    with pytest.raises(Refused):
        await stubbed.rights.full_access_of(eve)


@pytest.mark.parametrize(
    "written", ["EVE@contoso.example", "e.v@contoso.example", "11111111-0000-0000-0000-00000000000E"]
)
async def test_a_person_is_known_by_every_address_in_any_case(
    stubbed: Tenant, sweep: Sweep, eve: Leaver, written: str
) -> None:
    sweep.entries["id-2"] = full_access(written)

    assert [each.id for each in await stubbed.rights.full_access_of(eve)] == ["id-2"]


@pytest.mark.parametrize(
    "written",
    [
        "CN=eve 4711,OU=contoso,DC=PROD",
        "44444444-0000-0000-0000-00000000000e",
        "eve 4711",
        "contoso.example/Users/Eve 4711",
        "PROD\\eve 4711",
        "S-1-5-21-1-2-3-4711",
        {"DisplayName": "Eve Example", "RecipientPrincipal": {"PrimarySmtpAddress": "EVE@contoso.example"}},
        {"RawIdentity": "S-1-5-21-1-2-3-4711", "IsDeleted": False},
    ],
)
async def test_a_person_is_known_by_whatever_else_exchange_writes(
    stubbed: Tenant, stubs: Stubs, sweep: Sweep, eve: Leaver, written: Any
) -> None:
    """E8: a right that is written in another way is a right."""
    sweep.entries["id-2"] = [{"User": written, "AccessRights": "FullAccess"}]
    directory = {
        "ExternalDirectoryObjectId": eve.id,
        "Guid": "44444444-0000-0000-0000-00000000000e",
        "DistinguishedName": "CN=eve 4711,OU=contoso,DC=PROD",
        "Name": "Eve 4711",
        "DisplayName": "Eve Example",
    }
    stubs.exchange.answers["Get-Recipient"] = lambda asked: [] if "Filter" in asked else [directory]
    stubs.exchange.answers["Get-User"] = [{"Sid": "S-1-5-21-1-2-3-4711"}]

    assert [each.id for each in await stubbed.rights.full_access_of(eve)] == ["id-2"]


@pytest.mark.parametrize("written", ["S-1-5-21-9-9-9-9", "CN=eve 4712,OU=contoso", "contoso.example/Users/Steve"])
async def test_others_are_not_taken_for_the_person(
    stubbed: Tenant, stubs: Stubs, sweep: Sweep, eve: Leaver, written: str
) -> None:
    """A10: neither accounts that nobody can name, nor people with other names."""
    sweep.entries["id-2"] = full_access(written)
    stubs.exchange.answers["Get-Recipient"] = [{"ExternalDirectoryObjectId": eve.id, "Name": "eve 4711"}]
    stubs.exchange.answers["Get-User"] = Refused("is not present in the role definition of the current user")

    assert await stubbed.rights.full_access_of(eve) == ()


@pytest.mark.parametrize("more", [{"Deny": True}, {"IsInherited": "True"}, {"AccessRights": ["ReadPermission"]}])
async def test_denials_inherited_rights_and_other_rights_do_not_count(
    stubbed: Tenant, sweep: Sweep, eve: Leaver, more: dict[str, Any]
) -> None:
    sweep.entries["id-2"] = full_access("eve@contoso.example", **more)

    assert await stubbed.rights.full_access_of(eve) == ()


@pytest.mark.parametrize("namesakes", [0, 1])
async def test_a_name_counts_only_where_nobody_else_has_it(
    stubbed: Tenant, stubs: Stubs, sweep: Sweep, eve: Leaver, namesakes: int
) -> None:
    """E9: a name may be a namesake's."""
    sweep.entries["id-2"] = full_access("Eve Example")
    others = [{"ExternalDirectoryObjectId": f"other-{n}"} for n in range(namesakes)]
    stubs.exchange.answers["Get-Recipient"] = [{"ExternalDirectoryObjectId": eve.id}, *others]

    assert len(await stubbed.rights.full_access_of(eve)) == 1 - namesakes


@pytest.mark.parametrize(
    ("told", "held", "unclear"),
    [
        (full_access("Eve Example"), ["id-2"], []),
        (NotFound("No permissions were found for the user"), [], []),
        ([], [], []),
        (Refused("No."), [], ["id-2"]),
        (full_access("Eve Example") + full_access("Bob Example"), [], ["id-2"]),
    ],
    ids=["theirs", "not theirs", "nothing", "not told", "not asked"],
)
async def test_whose_right_it_is_among_namesakes_is_asked_and_said_where_nobody_tells(
    stubbed: Tenant, stubs: Stubs, sweep: Sweep, eve: Leaver, told: Any, held: list[str], unclear: list[str]
) -> None:
    """E8, E9: neither passed over in silence nor taken from a namesake."""
    sweep.entries["id-2"] = full_access("Eve Example")
    sweep.told["id-2"] = told
    namesakes = [{"ExternalDirectoryObjectId": eve.id}, {"ExternalDirectoryObjectId": "other"}]
    stubs.exchange.answers["Get-Recipient"] = namesakes

    found = await stubbed.rights.full_access_of(eve)

    assert [each.id for each in found] == held
    assert [each.id for each in stubbed.rights.unclear(eve)] == unclear


async def test_progress_is_told_to_the_end(stubbed: Tenant, sweep: Sweep, eve: Leaver) -> None:
    told: list[tuple[int, int]] = []

    await stubbed.rights.full_access_of(eve, progress=lambda done, all_: told.append((done, all_)))

    assert (told[0], told[-1]) == ((100, 700), (700, 700))


async def test_the_own_mailbox_is_not_somebody_elses(stubbed: Tenant, stubs: Stubs, eve: Leaver) -> None:
    Sweep(stubs, eve, 0)
    own = {**mailbox(0), "ExternalDirectoryObjectId": eve.id.upper()}
    stubs.exchange.answers["Get-Mailbox"] = [own]
    stubs.exchange.answers["Get-MailboxPermission"] = full_access(eve.upn)

    assert await stubbed.rights.full_access_of(eve) == ()


async def test_recipients_of_send_as_are_resolved_and_asked_one_by_one_where_their_name_is_not_unique(
    stubbed: Tenant, stubs: Stubs, eve: Leaver
) -> None:
    """D12, E9: a right is never taken from whoever happens to have the name."""
    rows: list[dict[str, Any]] = [
        {"Identity": "Sales", "Trustee": "eve", "AccessRights": ["SendAs"], "AccessControlType": "Allow"},
        {"Identity": "Twins", "Trustee": "eve", "AccessRights": "sendas", "AccessControlType": "Allow"},
        {"Identity": "Gone", "Trustee": "eve", "AccessRights": "sendas", "AccessControlType": "Allow"},
        {"Identity": "Denied", "Trustee": "eve", "AccessRights": ["SendAs"], "AccessControlType": "Deny"},
    ]
    of_twins = {"t1": [], "t2": [{**rows[1], "Identity": "t2"}]}
    found = {
        "Sales": [{"ExternalDirectoryObjectId": "sales", "DisplayName": "Sales"}],
        "Twins": [{"ExternalDirectoryObjectId": "t1"}, {"ExternalDirectoryObjectId": "t2"}],
    }
    stubs.exchange.answers["Get-RecipientPermission"] = lambda asked: of_twins.get(asked.get("Identity", ""), rows)
    stubs.exchange.answers["Get-Recipient"] = lambda asked: found.get(asked["Identity"], [])

    recipients = await stubbed.rights.send_as_of(eve)

    assert [(each.id, each.display_name) for each in recipients] == [("sales", "Sales"), ("t2", ""), ("Gone", "Gone")]


async def test_a_blank_name_in_the_directory_is_never_searched_for(stubbed: Tenant, stubs: Stubs) -> None:
    """The null identity trap: a filter on nothing would find everything."""
    stubs.exchange.answers["Get-Mailbox"] = [mailbox(1)]

    assert await stubbed.rights.send_on_behalf_of("  ") == ()
    assert stubs.exchange.asked == []


async def test_a_room_writes_its_delegates_by_their_name_in_the_directory(
    stubbed: Tenant, stubs: Stubs, eve: Leaver
) -> None:
    """E13: what Exchange shows there is neither address nor display name."""
    Sweep(stubs, eve, 0)
    own = {**mailbox(0), "ExternalDirectoryObjectId": eve.id, "DistinguishedName": "CN=eve 4711,OU=contoso"}
    stubs.exchange.answers["Get-Mailbox"] = [own, mailbox(1, "RoomMailbox"), mailbox(2, "RoomMailbox")]
    delegates = {"id-1": ["contoso.example/Users/Eve 4711"], "id-2": "eve 47"}
    stubs.exchange.answers["Get-CalendarProcessing"] = lambda p: [{"ResourceDelegates": delegates[p["Identity"]]}]
    stubs.exchange.answers["Get-Recipient"] = []

    assert [room.id for room in await stubbed.rights.bookings_of(eve) or ()] == ["id-1"]
