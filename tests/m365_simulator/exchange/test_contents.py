"""Rules, devices, automatic replies, the calendar, access lists and groups."""

from __future__ import annotations

from typing import Any

import pytest

from m365_simulator.faults import Behaviour
from m365_simulator.world import FolderPermission, FullAccess, World

CALENDAR = "ada@contoso.example:\\Calendar"
FULL = {"AccessRights": ["FullAccess"]}


async def test_hidden_rules_show_only_when_asked_for_and_bring_the_systems_own(exo: Any, world: World) -> None:
    world.add_rule("ada", "Invoices", move_to_folder="Invoices")
    world.add_rule("ada", "Secret", hidden=True, forward_to=["x@evil.example"])
    world.mailboxes["ada"].auto_reply.state = "Enabled"

    plain = [row["Name"] for row in await exo.rows("Get-InboxRule", Mailbox="ada")]
    every = [row["Name"] for row in await exo.rows("Get-InboxRule", Mailbox="ada", IncludeHidden=True)]

    assert plain == ["Invoices"]
    assert {"Secret", "Junk E-mail Rule", "Microsoft.Exchange.OOF.InternalSenders.Global"} < set(every)


async def test_a_rule_is_removed_once(exo: Any, world: World) -> None:
    rule = world.add_rule("ada", "Invoices")
    await exo.run("Remove-InboxRule", Mailbox="ada", Identity=rule.id, Force=True, Confirm=False)

    again = await exo.refusal("Remove-InboxRule", Identity=f"ada\\{rule.id}")

    assert again.status == 404


async def test_removing_the_rule_of_the_automatic_reply_breaks_it(exo: Any, world: World) -> None:
    world.mailboxes["ada"].auto_reply.state = "Enabled"
    rows = await exo.rows("Get-InboxRule", Mailbox="ada", IncludeHidden=True)
    rule = next(row for row in rows if ".OOF." in row["Name"])

    await exo.run("Remove-InboxRule", Mailbox="ada", Identity=rule["RuleIdentity"])

    assert world.mailboxes["ada"].auto_reply.state == "Disabled"


async def test_a_rule_is_made_again_from_what_was_shown(exo: Any, world: World) -> None:
    world.add_rule("ada", "On", forward_to=["grace", "x@partner.example"])
    shown = (await exo.row("Get-InboxRule", Mailbox="ada"))["ForwardTo"]
    world.mailboxes["ada"].rules.clear()

    await exo.run("New-InboxRule", Mailbox="ada", Name="On", ForwardTo=shown)

    assert world.mailboxes["ada"].rules[0].forward_to == ["grace", "x@partner.example"]


async def test_devices_go_by_guid(exo: Any, world: World) -> None:
    device = world.add_device("ada", "Ada's phone")
    row = await exo.row("Get-MobileDevice", Mailbox="ada")
    assert "§" in row["Identity"]

    await exo.run("Remove-MobileDevice", Identity=device.id, Confirm=False)

    assert (await exo.refusal("Remove-MobileDevice", Identity=device.id)).type == "ManagementObjectNotFoundException"


async def test_an_automatic_reply_is_wrapped_in_html(exo: Any) -> None:
    given = {"AutoReplyState": "Enabled", "InternalMessage": "Gone", "ExternalMessage": "Gone"}
    await exo.run("Set-MailboxAutoReplyConfiguration", Identity="ada", **given)

    row = await exo.row("Get-MailboxAutoReplyConfiguration", Identity="ada")

    assert row["AutoReplyState"] == "Enabled"
    assert "<body>" in row["InternalMessage"]


async def test_an_automatic_reply_needs_its_texts(exo: Any) -> None:
    given = {"AutoReplyState": "Enabled", "InternalMessage": "Gone"}

    assert (await exo.refusal("Set-MailboxAutoReplyConfiguration", Identity="ada", **given)).status == 400


async def test_full_access_comes_back_by_upn_beside_the_mailboxs_own(exo: Any, world: World) -> None:
    await exo.run("Add-MailboxPermission", Identity="ada", User="grace", InheritanceType="All", **FULL)

    users = [row["User"] for row in await exo.rows("Get-MailboxPermission", Identity="ada")]

    assert users == ["NT AUTHORITY\\SELF", "grace@contoso.example"]


async def test_full_access_given_twice_is_a_warning_and_keeps_automapping(exo: Any, world: World) -> None:
    world.give_full_access("ada", "grace", automapping=True)

    said = await exo.warnings("Add-MailboxPermission", Identity="ada", User="grace", AutoMapping=False, **FULL)

    assert "already present" in said[0]
    assert world.mailboxes["ada"].full_access[0].automapping


async def test_a_missing_entry_is_a_warning(exo: Any) -> None:
    said = await exo.warnings("Remove-MailboxPermission", Identity="ada", User="bob", **FULL)
    sent = await exo.warnings("Remove-RecipientPermission", Identity="ada", Trustee="bob", AccessRights=["SendAs"])

    assert "because the ACE doesn't exist on the object" in said[0]
    assert "because the ACE isn't present" in sent[0]


async def test_asking_for_somebody_without_access_finds_nothing(exo: Any) -> None:
    refusal = await exo.refusal("Get-MailboxPermission", Identity="ada", User="bob")

    assert (refusal.status, refusal.text) == (404, "No permissions were found for the user:bob")


async def test_inherited_and_denied_entries_stay(exo: Any, world: World) -> None:
    kept = [FullAccess("bob", inherited=True), FullAccess("bob", deny=True)]
    world.mailboxes["ada"].full_access = [*kept, FullAccess("bob")]

    await exo.run("Remove-MailboxPermission", Identity="ada", User="bob", **FULL)

    assert world.mailboxes["ada"].full_access == kept


async def test_a_trustee_alone_lists_whom_they_may_send_as(exo: Any, world: World) -> None:
    world.mailboxes["bob"].send_as.append("ada")

    rows = await exo.rows("Get-RecipientPermission", Trustee=world.users["ada"].id)

    assert [row["Identity"] for row in rows] == ["bob"]


async def test_the_calendar_is_called_what_its_owner_calls_it(exo: Any, world: World) -> None:
    world.mailboxes["ada"].calendar_name = "Kalender"
    rows = await exo.rows("Get-MailboxFolderStatistics", Identity="ada", FolderScope="Calendar")

    assert next(row["Name"] for row in rows if row["FolderType"] == "Calendar") == "Kalender"
    assert (await exo.send("Get-MailboxFolderPermission", Identity=CALENDAR)).status_code == 404
    assert await exo.rows("Get-MailboxFolderPermission", Identity="ada:\\Kalender")


@pytest.mark.parametrize(("form", "shown"), [("name", "Bob Example"), ("object", "bob@contoso.example")])
async def test_a_calendar_right_names_its_user(
    exo: Any, world: World, behaviour: Behaviour, form: str, shown: str
) -> None:
    behaviour.calendar_user = form
    world.give_calendar("ada", "bob")

    user = (await exo.rows("Get-MailboxFolderPermission", Identity=CALENDAR))[-1]["User"]

    assert (user if form == "name" else user["RecipientPrincipal"]["PrimarySmtpAddress"]) == shown


async def test_calendar_rights_go_and_then_are_not_there(exo: Any, world: World) -> None:
    world.give_calendar("ada", "bob")
    await exo.run("Remove-MailboxFolderPermission", Identity=CALENDAR, User="bob@contoso.example", Confirm=False)

    gone = await exo.refusal("Remove-MailboxFolderPermission", Identity=CALENDAR, User="bob@contoso.example")
    unknown = await exo.refusal("Remove-MailboxFolderPermission", Identity=CALENDAR, User="nobody@contoso.example")

    assert gone.type == "UserNotFoundInPermissionEntryException"
    assert "no existing permission entry" in gone.text
    assert unknown.type == "InvalidExternalUserIdException"


async def test_an_orphaned_entry_goes_by_its_shown_name(exo: Any, world: World) -> None:
    world.mailboxes["ada"].calendar_permissions.append(FolderPermission("Somebody Gone"))

    await exo.run("Remove-MailboxFolderPermission", Identity=CALENDAR, User="Somebody Gone")

    assert [each.user for each in world.mailboxes["ada"].calendar_permissions] == ["Default"]


async def test_cancelling_reaches_meetings_with_attendees_within_the_window(exo: Any, world: World) -> None:
    world.add_meeting("ada", "Budget", "bob@contoso.example", days=7)
    world.add_meeting("ada", "Dentist", days=8)
    world.add_meeting("ada", "Far away", "bob@contoso.example", days=90)
    given = {"Identity": "ada", "CancelOrganizedMeetings": True, "QueryWindowInDays": 30, "Confirm": False}

    preview = await exo.rows("Remove-CalendarEvents", PreviewOnly=True, **given)
    before = list(world.sent_cancellations)
    await exo.run("Remove-CalendarEvents", **given)

    assert len(preview) == 1
    assert 'subject "Budget"' in preview[0]
    assert before == []
    assert world.sent_cancellations == [("ada", "Budget")]


async def test_groups_are_found_by_the_dn_of_a_member(exo: Any, world: World) -> None:
    world.add_group("news", "ada", "bob", kind="distribution")
    world.add_group("other", "bob", kind="distribution")
    dn = (await exo.row("Get-Mailbox", Identity="ada"))["DistinguishedName"]

    rows = await exo.rows("Get-DistributionGroup", Filter=f"Members -eq '{dn}'")

    assert [row["Alias"] for row in rows] == ["news"]


async def test_a_member_leaves_once(exo: Any, world: World) -> None:
    group = world.add_group("news", "ada", "bob", kind="distribution")
    given = {"Identity": group.id, "Member": world.users["ada"].id, "BypassSecurityGroupManagerCheck": True}
    await exo.run("Remove-DistributionGroupMember", **given)

    again = await exo.refusal("Remove-DistributionGroupMember", **given)

    assert world.members["news"] == {"bob"}
    assert again.type == "MemberNotFoundException"
    assert "isn't a member of the group" in again.text


async def test_a_synced_group_is_changed_on_premises(exo: Any, world: World) -> None:
    world.add_group("news", "ada", kind="distribution", synced=True)
    given = {"Identity": "news", "Member": "ada", "BypassSecurityGroupManagerCheck": True}

    refusal = await exo.refusal("Remove-DistributionGroupMember", **given)

    assert "being synchronized from your on-premises organization" in refusal.text


async def test_the_last_owner_stays(exo: Any, world: World) -> None:
    world.add_group("news", "ada", kind="distribution", owners=["ada"])
    change = {"@odata.type": "#Exchange.GenericHashTable", "remove": ["ada"]}

    refusal = await exo.refusal(
        "Set-DistributionGroup", Identity="news", ManagedBy=change, BypassSecurityGroupManagerCheck=True
    )

    assert "at least one owner" in refusal.text


async def test_a_microsoft_365_group_is_none_of_these(exo: Any, world: World) -> None:
    group = world.add_group("team", "ada", kind="microsoft365")

    assert (await exo.send("Get-DistributionGroup", Identity=group.id)).status_code == 404
    assert await exo.rows("Get-UnifiedGroup", Identity=group.id)


async def test_protocols_are_switched(exo: Any) -> None:
    await exo.run("Set-CASMailbox", Identity="ada", OWAEnabled=False)

    assert (await exo.row("Get-CASMailbox", Identity="ada"))["OWAEnabled"] is False


async def test_the_outbound_policy_tells_its_mode(exo: Any, world: World) -> None:
    world.outbound_auto_forward = "Off"

    assert (await exo.row("Get-HostedOutboundSpamFilterPolicy"))["AutoForwardingMode"] == "Off"
