"""Mailboxes: names, conversion, forwarding, delegates, and their end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from m365_simulator.exchange import mailbox_life
from m365_simulator.faults import Behaviour
from m365_simulator.world import World

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("form", ["id", "upn", "alias", "guid", "dn", "name", "alias address"])
async def test_a_mailbox_is_found_by_each_of_its_names(exo: Any, world: World, form: str) -> None:
    user = world.users["ada"]
    user.proxy_addresses.append("smtp:lovelace@contoso.example")
    dn = (await exo.row("Get-Mailbox", Identity=user.id))["DistinguishedName"]
    names = {
        "id": user.id,
        "upn": user.upn.upper(),
        "alias": "ada",
        "guid": world.mailboxes["ada"].guid,
        "dn": dn,
        "name": "Ada Example",
        "alias address": "lovelace@contoso.example",
    }

    row = await exo.row("Get-Mailbox", Identity=names[form])

    assert row["ExternalDirectoryObjectId"] == user.id


async def test_a_display_name_that_two_have_is_ambiguous(exo: Any, world: World) -> None:
    world.add_user("ada2", "Ada Example")

    assert (await exo.refusal("Get-Mailbox", Identity="Ada Example")).type == "ManagementObjectAmbiguousException"


async def test_a_renamed_user_is_found_by_the_new_name_only(exo: Any, world: World) -> None:
    await exo.row("Get-Mailbox", Identity="ada@contoso.example")
    user = world.users["ada"]
    user.upn = user.mail = "augusta@contoso.example"
    user.proxy_addresses = ["SMTP:augusta@contoso.example"]

    assert (await exo.row("Get-Mailbox", Identity="augusta@contoso.example"))["Alias"] == "ada"
    assert (await exo.send("Get-Mailbox", Identity="ada@contoso.example")).status_code == 404


async def test_conversion_shows_later(exo: Any, behaviour: Behaviour) -> None:
    behaviour.conversion_delay = 60
    await exo.run("Set-Mailbox", Identity="ada", Type="Shared")

    before = (await exo.row("Get-Mailbox", Identity="ada"))["RecipientTypeDetails"]
    exo.state.advance(61)
    after = (await exo.row("Get-Mailbox", Identity="ada"))["RecipientTypeDetails"]

    assert (before, after) == ("UserMailbox", "SharedMailbox")


async def test_converting_twice_is_a_warning(exo: Any) -> None:
    await exo.run("Set-Mailbox", Identity="ada", Type="Shared")

    assert "no settings of" in (await exo.warnings("Set-Mailbox", Identity="ada", Type="Shared"))[0]


async def test_conversion_needs_a_license(exo: Any, world: World) -> None:
    world.users["ada"].licenses.clear()

    assert (await exo.refusal("Set-Mailbox", Identity="ada", Type="Shared")).status == 400


async def test_license_loss_takes_an_unconverted_mailbox(exo: Any, world: World) -> None:
    world.users["ada"].licenses.clear()
    mailbox_life.license_changed(world, "ada", NOW)

    assert (await exo.send("Get-Mailbox", Identity="ada")).status_code == 404
    assert (await exo.row("Get-Mailbox", Identity="ada", SoftDeletedMailbox=True))["Alias"] == "ada"


async def test_license_loss_during_conversion_takes_it_too(exo: Any, world: World, behaviour: Behaviour) -> None:
    behaviour.conversion_delay = 60
    await exo.run("Set-Mailbox", Identity="ada", Type="Shared")
    world.users["ada"].licenses.clear()
    mailbox_life.license_changed(world, "ada", exo.state.now())

    assert world.mailboxes["ada"].soft_deleted_at is not None


async def test_a_shared_mailbox_outlives_its_license(exo: Any, world: World) -> None:
    await exo.run("Set-Mailbox", Identity="ada", Type="Shared")
    world.users["ada"].licenses.clear()
    mailbox_life.license_changed(world, "ada", NOW)

    assert await exo.rows("Get-Mailbox", Identity="ada")


def test_a_license_given_back_brings_the_mailbox_back(world: World) -> None:
    held = list(world.users["ada"].licenses)
    world.users["ada"].licenses.clear()
    mailbox_life.license_changed(world, "ada", NOW)
    world.users["ada"].licenses = held
    mailbox_life.license_changed(world, "ada", NOW)

    assert world.mailboxes["ada"].soft_deleted_at is None


async def test_forwarding_comes_back_as_a_name(exo: Any) -> None:
    await exo.run("Set-Mailbox", Identity="ada", ForwardingAddress="grace@contoso.example", ForwardingSmtpAddress=None)

    assert (await exo.row("Get-Mailbox", Identity="ada"))["ForwardingAddress"] == "grace"


async def test_forwarding_to_nobody_is_refused(exo: Any) -> None:
    refusal = await exo.refusal("Set-Mailbox", Identity="ada", ForwardingAddress="nobody@contoso.example")

    assert refusal.text.startswith('Couldn\'t find object "nobody@contoso.example"')


async def test_delegates_are_added_and_taken_one_by_one(exo: Any, world: World) -> None:
    world.mailboxes["bob"].send_on_behalf = ["grace"]
    change = {"@odata.type": "#Exchange.GenericHashTable", "Add": ["ada@contoso.example"]}
    await exo.run("Set-Mailbox", Identity="bob", GrantSendOnBehalfTo=change)
    assert world.mailboxes["bob"].send_on_behalf == ["grace", "ada"]

    change = {"@odata.type": "#Exchange.GenericHashTable", "remove": world.users["grace"].id}
    await exo.run("Set-Mailbox", Identity="bob", GrantSendOnBehalfTo=change)

    assert world.mailboxes["bob"].send_on_behalf == ["ada"]


async def test_mailboxes_are_found_by_the_dn_of_a_delegate(exo: Any, world: World) -> None:
    world.mailboxes["bob"].send_on_behalf = ["ada"]
    dn = (await exo.row("Get-Mailbox", Identity="ada"))["DistinguishedName"]

    rows = await exo.rows("Get-Mailbox", Filter=f"GrantSendOnBehalfTo -eq '{dn}'")

    assert dn.startswith("CN=ada,OU=contoso.onmicrosoft.com,OU=Microsoft Exchange Hosted Organizations,DC=EURPR01A001")
    assert [row["Alias"] for row in rows] == ["bob"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Alias -like 'a*'", {"ada"}),
        ("DisplayName -eq 'Bob Example' -or Alias -eq 'grace'", {"bob", "grace"}),
        ("-not (Alias -eq 'ada') -and RecipientTypeDetails -eq 'UserMailbox'", {"bob", "grace"}),
        ("HiddenFromAddressListsEnabled -eq $true", set()),
        ("DisplayName -eq 'O''Neil'", set()),
    ],
)
async def test_filters(exo: Any, text: str, found: set[str]) -> None:
    assert {row["Alias"] for row in await exo.rows("Get-Mailbox", Filter=text)} == found


async def test_filters_know_their_properties(exo: Any) -> None:
    assert "filterable property" in (await exo.refusal("Get-Recipient", Filter="GrantSendOnBehalfTo -eq 'x'")).text


async def test_a_synced_mailbox_is_hidden_on_premises(exo: Any, world: World) -> None:
    world.users["ada"].synced = True

    refusal = await exo.refusal("Set-Mailbox", Identity="ada", HiddenFromAddressListsEnabled=True)

    assert "out of the current user's write scope" in refusal.text
    assert "being synchronized from your on-premises organization" in refusal.text


async def test_a_mailbox_on_premises_is_a_mail_user(exo: Any, world: World) -> None:
    world.mailboxes["ada"].on_premises = True

    assert (await exo.send("Get-Mailbox", Identity="ada")).status_code == 404
    assert (await exo.row("Get-MailUser", Identity="ada"))["RecipientTypeDetails"] == "MailUser"


async def test_statistics_give_the_size_in_bytes(exo: Any, world: World) -> None:
    world.mailboxes["ada"].size = 1_325_000_000

    assert "(1,325,000,000 bytes)" in (await exo.row("Get-MailboxStatistics", Identity="ada"))["TotalItemSize"]
